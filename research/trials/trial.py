"""Rules of a trial: which bot is changed, in what, and whether the change is kept.

Once a month the worst bot gets one change from its own search space. Challenger and unmodified
control run side by side for thirty days; what decides is the paired difference of their daily R.
The rule "keep it if the next thirty days beat the past" keeps nearly every change to a bot that
was picked for being worst, whatever the change does: it regresses to the mean. A control that
runs on the same days has regressed as well, so that cancels.

Everything that decides is fixed when the trial begins: the days, the test and its level. Trial k
is tested at ALPHA / (k (k + 1)). These levels add up to ALPHA over all trials there can ever be,
so the chance that even one change without worth is ever kept is at most ALPHA, however often
somebody tries. A tie, a spread of nothing and too little trading all revert.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from math import inf, sqrt

from msgspec import Struct

from divisions.search import Change
from divisions.weights import CLOSED_MIN, DAYS_MIN, WINDOW_DAYS, Series, sharpe
from market.events import MS_PER_DAY
from quant.inference.student import tail

ALPHA = 0.05
TRIAL_DAYS = 30
# The expected annual Sharpe ratio of a difference, as a standard deviation around none.
PRIOR_SHARPE = 1.0
DAYS_PER_YEAR = 365

KEEP, REVERT = "keep", "revert"


class Verdict(Struct, frozen=True):
    """Verdict on a change after thirty days.

    `difference` is the challenger's mean R a day less the control's, `t` that over its standard
    error (None without a spread), `p` one-sided. `sharpe` is the difference's annual Sharpe ratio
    and `shrunk` what a sceptic expects of it. `naive_decision` is the unpaired rule's: does the
    challenger's Sharpe ratio beat the bot's own before the trial?
    """

    decision: str
    reason: str
    naive_decision: str
    level: float
    days: int
    active_days: int
    difference: float
    t: float | None
    p: float
    sharpe: float | None
    shrunk: float | None
    challenger_sharpe: float | None
    control_sharpe: float | None
    past_sharpe: float | None


def level(trial: int) -> float:
    """Return the one-sided level of the trial with this number, counted from 1."""
    return ALPHA / (trial * (trial + 1))


def window_sharpe(series: Series, ended_ms: int) -> float | None:
    """Return a bot's Sharpe ratio of daily net R over the window that ends with a UTC day.

    None below the minimum sample: the same days and closed trades that a weight needs.
    """
    first = ended_ms - (WINDOW_DAYS - 1) * MS_PER_DAY
    window = [series[day] for day in sorted(series) if first <= day <= ended_ms]
    if len(window) < DAYS_MIN or sum(closed for _, closed in window) < CLOSED_MIN:
        return None
    return sharpe([r_e6 for r_e6, _ in window])


def worst(returns: Mapping[str, Series], ended_ms: int) -> tuple[str, float] | None:
    """Return the bot with the lowest Sharpe ratio of those with the minimum sample, and that.

    Of bots that tie the first by name; None when no bot has the sample.
    """
    ratios = {bot: window_sharpe(series, ended_ms) for bot, series in returns.items()}
    ranked = sorted((ratio, bot) for bot, ratio in ratios.items() if ratio is not None)
    return (ranked[0][1], ranked[0][0]) if ranked else None


def draw(candidates: Sequence[Change], *, seed: int, trial: int) -> Change:
    """Return one of the candidate changes; the same for the same seed and trial.

    Raises ValueError when there is none to draw.
    """
    if not candidates:
        raise ValueError("there is no change to draw")
    rng = random.Random(f"{seed}/{trial}")
    return rng.choice(list(candidates))


def decide(
    challenger: Sequence[int],
    control: Sequence[int],
    *,
    at: float,
    past_sharpe: float | None,
) -> Verdict:
    """Return the verdict on a trial from both arms' R of each of its days, in millionths.

    `at` is the level that was registered before it. Days without a trade count with 0. Raises
    ValueError when the arms differ in length.
    """
    if len(challenger) != len(control):
        raise ValueError("both arms must be of the same days")
    days = len(control)
    differences = [a - b for a, b in zip(challenger, control, strict=True)]
    active = sum(1 for a, b in zip(challenger, control, strict=True) if a or b)
    ratio = sharpe(differences)
    t = None if ratio is None else ratio * sqrt(days)
    p = 1.0 if t is None else tail(t, days - 1)
    if days < TRIAL_DAYS:
        decision, reason = REVERT, f"{days} of {TRIAL_DAYS} days"
    elif active < DAYS_MIN:
        decision, reason = REVERT, f"either arm had a result on {active} days; it takes {DAYS_MIN}"
    elif t is None:
        decision, reason = REVERT, "the arms do not differ"
    elif p <= at:
        decision, reason = KEEP, f"p {p:.2g} is within the level {at:.2g}"
    else:
        decision, reason = REVERT, f"p {p:.2g} is above the level {at:.2g}"
    annual = None if ratio is None else ratio * sqrt(DAYS_PER_YEAR)
    trust = PRIOR_SHARPE**2 / (PRIOR_SHARPE**2 + DAYS_PER_YEAR / days) if days else 0.0
    mine = sharpe(list(challenger))
    return Verdict(
        decision=decision,
        reason=reason,
        naive_decision=naive(mine, past_sharpe),
        level=at,
        days=days,
        active_days=active,
        difference=sum(differences) / 1e6 / days if days else 0.0,
        t=t,
        p=p,
        sharpe=annual,
        shrunk=None if annual is None else annual * trust,
        challenger_sharpe=mine,
        control_sharpe=sharpe(list(control)),
        past_sharpe=past_sharpe,
    )


def naive(challenger: float | None, past: float | None) -> str:
    """Return what the published rule would do: keep what beats the bot's own past."""
    after = -inf if challenger is None else challenger
    before = -inf if past is None else past
    return KEEP if after > before else REVERT
