"""Evidence on a limit as its day rows hold it, made from signals one by one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple

from shadow.report.fold import CLEAN, JudgedDay
from shadow.report.measured import Evidence, ValueDay
from tests.support.worked_example import BEST, WORST, bots_of, value_of

FIRST = date(2026, 1, 1)


class Signal(NamedTuple):
    """A signal that one limit judged, with its final R."""

    day: int
    bot: str
    r: float
    blocked: bool
    sample: str = CLEAN


def day_of(number: int) -> str:
    """Return a day, counted from 0."""
    return (FIRST + timedelta(days=number)).isoformat()


def judged_of(signals: Iterable[Signal], division: str = "only") -> list[JudgedDay]:
    """Return the day rows of signals."""
    found: dict[tuple[int, str, str], list[Signal]] = {}
    for signal in signals:
        found.setdefault((signal.day, signal.bot, signal.sample), []).append(signal)
    return [
        JudgedDay(
            bot=bot,
            division=division,
            judged=len(those),
            judged_r=sum(one.r for one in those),
            blocked=sum(one.blocked for one in those),
            blocked_r=sum(one.r for one in those if one.blocked),
            day=day_of(day),
            sample=sample,
            best_r=max(one.r for one in those),
            worst_r=min(one.r for one in those),
        )
        for (day, bot, sample), those in sorted(found.items())
    ]


def evidence_of(
    signals: list[Signal], values: Iterable[float] | None = None, **told: Any
) -> Evidence:
    """Return the evidence of signals up to the last day with any, and of the value by day.

    Without `values` a day is worth what was blocked on it, turned over.
    """
    days = max((signal.day for signal in signals), default=-1) + 1
    if values is None:
        worth = [0.0] * days
        for signal in signals:
            worth[signal.day] -= signal.r if signal.blocked else 0.0
        values = worth
    told.setdefault("through", day_of(days - 1))
    told.setdefault("bias_within", True)
    value = [ValueDay(day_of(day), r) for day, r in enumerate(values)]
    return Evidence(judged_of(signals), value, **told)


def worked(days: int, **told: Any) -> Evidence:
    """Return the worked example of so many days."""
    judged = [
        JudgedDay(
            row.bot, row.division, row.judged, row.judged_r, row.blocked, row.blocked_r,
            day=day_of(day), sample=CLEAN, best_r=BEST, worst_r=-WORST,
        )
        for day in range(days)
        for row in bots_of(day)
    ]  # fmt: skip
    value = [ValueDay(day_of(day), value_of(day)) for day in range(days)]
    told.setdefault("through", day_of(days - 1))
    told.setdefault("bias_within", True)
    return Evidence(judged, value, **told)
