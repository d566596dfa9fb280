"""The orchestration score: what each stage between a bot's idea and its fill has added.

A desk whose bots are good can still lose in what is made of them. So the result of each UTC day
is followed from the raw signals through the stages, in R (each trade in units of its own risk):

    raw → (no data) → direction → phase space → other limits → weights → fills

A refusal belongs to the first stage that failed it, so every blocked episode is taken off once.
What was refused for want of data alone says nothing of a limit, and stands apart where it is. An
episode that was admitted after all counts the phantom less that trade, as everywhere. Everything
comes from the daily rollup.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable
from math import isfinite

from msgspec import Struct

from quant.clustered import Interval, ratio
from shadow.store.rollup import LIMITS, NO_DATA, STAGES

RAW, WEIGHTS, FILLS = "raw", "weights", "fills"


class StageScore(Struct):
    """One stage: R a day after it, and what it added to the stage before it, with its interval.

    `days` are those with any result. Bounds are 95 %, None while one day is all there is.
    `absent` says that there is no such stage on this desk, so that it adds nothing.
    """

    stage: str
    r_per_day: float | None
    added: float | None
    low: float | None
    high: float | None
    days: int
    absent: bool


Combine = Callable[[float, float], float]


def score(
    db: sqlite3.Connection, filters: Collection[str], combined: Combine, *, since: str = ""
) -> list[StageScore]:
    """Return the stages in order; `filters` are those the desk has.

    `combined` makes one weight of a division's and a bot's, as sizes use it.
    """
    twins: dict[tuple[str, str], float] = {}
    taken: dict[str, dict[str, float]] = {name: {} for name in (NO_DATA, *STAGES)}
    gaps: dict[tuple[str, str], float] = {}
    cursor = db.execute(
        "SELECT day, mode, scope, bot, r FROM rollup WHERE filter = '' AND day >= ?"
        " AND (mode = 'score' OR scope IN ('twin', 'bias')) AND (entries <> 0 OR r <> 0)"
        " ORDER BY day, mode, scope, bot",
        (since,),
    )
    for day, mode, scope, bot, r in cursor:
        if mode == "score":
            taken[scope][day] = taken[scope].get(day, 0.0) + r
        elif scope == "twin":
            twins[day, bot] = r
        else:
            gaps[day, bot] = r
    weight = _weights(db, combined)
    days = sorted(
        {day for day, _ in (*twins, *gaps)} | {d for part in taken.values() for d in part}
    )
    admitted = dict.fromkeys(days, 0.0)
    weighted, filled = dict.fromkeys(days, 0.0), dict.fromkeys(days, 0.0)
    for (day, bot), r in twins.items():
        admitted[day] += r
        weighted[day] += (weight.get((day, bot), 1.0) - 1.0) * r
    for (day, bot), r in gaps.items():
        # Kept as twin minus real.
        filled[day] -= weight.get((day, bot), 1.0) * r
    at = {d: admitted[d] + total(part.get(d, 0.0) for part in taken.values()) for d in days}
    found = [_stage(RAW, at, None, absent=False)]
    for name in (NO_DATA, *STAGES) if taken[NO_DATA] else STAGES:
        added = {d: 0.0 - taken[name].get(d, 0.0) for d in days}
        at = {d: at[d] + added[d] for d in days}
        found.append(_stage(name, at, added, absent=name not in (NO_DATA, LIMITS, *filters)))
    for name, added in ((WEIGHTS, weighted), (FILLS, filled)):
        at = {d: at[d] + added[d] for d in days}
        found.append(_stage(name, at, added, absent=False))
    return found


def _weights(db: sqlite3.Connection, combined: Combine) -> dict[tuple[str, str], float]:
    """Return by day and bot what sized its signals; a bot's division is that of its returns."""
    kept: dict[str, dict[tuple[str, str], float]] = {"division": {}, "bot": {}}
    for day, scope, name, value in db.execute("SELECT day, scope, name, weight FROM weight"):
        kept[scope][day, name] = value
    homes = dict(db.execute("SELECT DISTINCT bot, division FROM return_day"))
    return {
        (day, bot): combined(kept["division"].get((day, homes.get(bot, "")), 1.0), value)
        for (day, bot), value in kept["bot"].items()
    }


def total(parts: Iterable[float]) -> float:
    """Return the sum from left to right; `sum` of floats is compensated from Python 3.12 on."""
    found = 0.0
    for part in parts:
        found += part
    return found


def _stage(
    name: str, at: dict[str, float], added: dict[str, float] | None, *, absent: bool
) -> StageScore:
    days = len(at)
    level = total(at.values()) / days if days else None
    found: Interval | None = None
    if added is not None and days:
        found = ratio(list(added.values()), [1] * days)
        if absent:
            found = Interval(0.0, 0.0, 0.0)
    if found is None:
        return StageScore(name, level, None, None, None, days, absent)
    low, high = (x if isfinite(x) else None for x in (found.low, found.high))
    return StageScore(name, level, found.mean, low, high, days, absent)
