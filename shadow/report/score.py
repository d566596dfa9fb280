"""The orchestration score: what each stage between a bot's idea and its fill has added.

A desk whose bots are good can still lose in what is made of them. So the result of each UTC day
is followed through desks that run side by side, each with one stage more, in R:

    raw (no limit, every weight 1) → direction → phase space → other limits → weights → fills

Each has money, caps and cooldowns of its own, so that what the stages add comes to the difference
between the first desk and the last. The last is the desk itself; in paper its fills add nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from msgspec import Struct

from quant.inference.clustered import Interval, ratio
from quant.sums import sum_in_order

RAW, DIRECTION, PHASE_SPACE, LIMITS = "raw", "direction", "phase_space", "limits"
WEIGHTS, FILLS = "weights", "fills"
# The desks in order, by what their branches are called.
DESKS = {"open": RAW, DIRECTION: DIRECTION, PHASE_SPACE: PHASE_SPACE, LIMITS: LIMITS}

_DAYS = """
SELECT d.day, b.kind, SUM(d.with_r), SUM(d.without_r)
FROM branch_day d JOIN branch b ON b.branch_id = d.branch_id
WHERE d.filter = '' AND d.day >= ? AND b.kind IN ('open', 'direction', 'phase_space', 'limits')
  AND d.with_r IS NOT NULL AND d.without_r IS NOT NULL
GROUP BY d.day, b.kind ORDER BY d.day
"""

# What a twin made beyond its trade.
_GAPS = """
SELECT day, r FROM rollup_day WHERE (filter, mode, scope) = ('', 'head', 'bias') AND day >= ?
"""


class StageScore(Struct):
    """One stage: R a day after it, and what it added to the stage before it, with its interval.

    `days` are those that all the desks have run. Bounds are 95 %, None while one day is all there
    is. `absent` says that there is no such stage on this desk, so that it adds nothing.
    """

    stage: str
    r_per_day: float | None
    added: float | None
    low: float | None
    high: float | None
    days: int
    absent: bool


def score(db: sqlite3.Connection, *, since: str = "") -> list[StageScore]:
    """Return the stages in order, over the UTC days from `since` on."""
    desks: dict[str, dict[str, float]] = {}
    main: dict[str, float] = {}
    for day, kind, with_r, without_r in db.execute(_DAYS, (since,)):
        desks.setdefault(day, {})[DESKS[kind]] = without_r
        main[day] = with_r
    days = [day for day, found in desks.items() if len(found) == len(DESKS)]
    gaps = dict(db.execute(_GAPS, (since,)).fetchall())
    levels = {name: [desks[day][name] for day in days] for name in DESKS.values()}
    levels[FILLS] = [main[day] for day in days]
    # Without what its fills cost, the desk would have made what its twins did.
    levels[WEIGHTS] = [main[day] + gaps.get(day, 0.0) for day in days]
    limits = {name for (name,) in db.execute("SELECT DISTINCT filter FROM branch")}
    found = [_stage(RAW, levels[RAW], None, absent=False)]
    stages = (RAW, DIRECTION, PHASE_SPACE, LIMITS, WEIGHTS, FILLS)
    for before, name in pairwise(stages):
        added = [b - a for a, b in zip(levels[before], levels[name], strict=True)]
        absent = name in (DIRECTION, PHASE_SPACE) and name not in limits and not any(added)
        found.append(_stage(name, levels[name], added, absent=absent))
    return found


def _stage(
    name: str, level: Sequence[float], added: Sequence[float] | None, *, absent: bool
) -> StageScore:
    days = len(level)
    r_per_day = sum_in_order(level) / days if days else None
    found: Interval | None = None
    if added is not None and days:
        found = Interval(0.0, 0.0, 0.0) if absent else ratio(added, [1] * days)
    if found is None:
        return StageScore(name, r_per_day, None, None, None, days, absent)
    low, high = (x if isfinite(x) else None for x in (found.low, found.high))
    return StageScore(name, r_per_day, found.mean, low, high, days, absent)
