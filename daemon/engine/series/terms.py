"""Terms of a series: all that must stay as it is for outcomes to be of the same question.

A limit's mode and the other limits are none of them: the same signals are judged by the same
answers whether it stands in their way or looks on. What one R is worth is frozen in the series
itself. Which bots run, and in which stage, shifts the mix of signals, never what one earns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct, field

from daemon.config.sections import Config
from risk.filter import Filter, measured

# Versions of rules that are no settings: of exits, of weights, of the impact that sizing expects.
RULES = {"exits": 1, "weights": 1, "impact": 1}


class Terms(Struct, frozen=True):
    """Terms of each measured limit as JSON, and after how many days outcomes count."""

    limits: Mapping[str, str] = field(default_factory=dict)
    delay_days: int = 14


NO_TERMS = Terms()


def terms_of(config: Config, filters: Iterable[Filter[Struct]]) -> Terms:
    """Return the terms under which a configuration measures its limits."""
    plain = config.resolved()
    shared = {
        "verdict": verdict_terms(plain["verdict"]),
        "bots": {name: _parameters(bot) for name, bot in plain["bots"].items()},
        "fees": plain["fees"],
        "fills": plain["fills"],
        "vol_target_daily": plain["desk"]["vol_target_daily"],
        "rules": RULES,
    }
    limits = {}
    for f in measured(filters):
        settings = {k: v for k, v in plain["gate"][f.name].items() if k != "mode"}
        mine = {"filter": f.name, "version": f.version, "settings": settings}
        rests_on = {name: plain[name] for name in f.rests_on}
        text = msgspec.json.encode({**mine, **rests_on, **shared}, order="deterministic")
        limits[f.name] = text.decode()
    return Terms(limits, config.verdict.booking_delay_days)


def verdict_terms(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return margins and constants as the verdict takes them: `alpha_s` is that of one limit."""
    return {**section, "alpha_s": section["alpha_s"] / section["slots"]}


def series_id(terms: str) -> str:
    """Return the id of the series under some terms."""
    return blake2b(terms.encode(), digest_size=8).hexdigest()


def _parameters(bot: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in bot.items() if name not in ("enabled", "stage")}
