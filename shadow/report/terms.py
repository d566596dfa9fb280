"""Terms of a series: margins and constants of the verdict, frozen when the series begins."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from quant.inference.anytime import PHI_MAX, T_STAR_DAYS
from quant.inference.selection import ODDS_HALF_LIFE_DAYS, ODDS_PRIOR, SEEN_MIN


class Terms(Struct, frozen=True):
    """Constants of the verdict. All α are two-sided.

    `alpha_s` is for choice and shared out among 16 limits, however many there are, so that a limit
    added later changes nobody's verdict: 0.10/16 (with more than 16 limits take 0.10/32). `alpha_v`
    is for value, `alpha_eq` for being as good as nothing. The margins are what counts as nothing:
    R a blocked signal, and R a day.
    """

    alpha_s: float = 0.00625
    alpha_v: float = 0.05
    alpha_eq: float = 0.10
    margin_s_r: float = 0.30
    margin_v_r: float = 0.25
    t_star_days: float = T_STAR_DAYS
    n_eff_min: float = 20.0
    blocked_min: int = 30
    value_days_min: int = 60
    seen_min: int = SEEN_MIN
    phi_max: float = PHI_MAX
    odds_half_life_days: float = ODDS_HALF_LIFE_DAYS
    odds_prior: float = ODDS_PRIOR


class _Kept(Struct):
    """What a series keeps of its terms, as far as a verdict asks."""

    verdict: Terms = Terms()


def terms_of(text: str) -> Terms:
    """Return the terms of a series as its row keeps them; raises msgspec.MsgspecError."""
    return msgspec.json.decode(text, type=_Kept).verdict
