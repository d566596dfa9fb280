"""What the day rows of a limit's series come to: sums, guards and counts, nothing judged yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import isfinite

from msgspec import Struct, field

from quant.anytime import Guard, Sums
from quant.selection import BotDay, Selection, no_counterpart
from quant.sums import sum_in_order
from shadow.report.terms import Terms

CLEAN, REPAIRED = "clean", "repaired"


class JudgedDay(BotDay, frozen=True, gc=False):
    """What a limit judged of one bot on one UTC day, of one sample; `best_r` and `worst_r` of any.

    Days are YYYY-MM-DD. A row is complete when its day has ended.
    """

    day: str
    sample: str
    best_r: float
    worst_r: float


class ValueDay(Struct, frozen=True, gc=False):
    """What the desk earned with the limit less what it earned without it on one UTC day, in R.

    `r` is None where it is unknown. `repaired` counts trades of the day with a gap or a repair.
    """

    day: str
    r: float | None
    repaired: int = 0


class Evidence(Struct, frozen=True):
    """Everything that one series of a limit is judged by.

    Rows of days after `through`, the last whole UTC day, are provisional. `bias_within` says
    whether the simulator's bias is known to be small; `median_r` is the median |R| of a trade.
    """

    judged: Sequence[JudgedDay]
    value: Sequence[ValueDay]
    through: str
    bias_within: bool
    series_number: int = 1
    median_r: float | None = None
    terms: Terms = Terms()


class Counted(Struct):
    """Signals judged and blocked, with their R."""

    judged: int = 0
    judged_r: float = 0.0
    blocked: int = 0
    blocked_r: float = 0.0

    def add(self, row: BotDay) -> None:
        """Take a row in."""
        self.judged += row.judged
        self.judged_r += row.judged_r
        self.blocked += row.blocked
        self.blocked_r += row.blocked_r


class Measured(Struct):
    """Sums of a series up to its last whole day.

    `best` and `worst` are how far the best and the worst single R lie from zero; `blocked_days` is
    the effective number of days on which it blocked; `days` and `value_days` go from the first row
    to the last whole day. `refused` counts rows that hold no sound numbers.
    """

    selection: Sums = field(default_factory=Sums)
    slow: Sums = field(default_factory=Sums)
    value: Sums = field(default_factory=Sums)
    booked: Counted = field(default_factory=Counted)
    provisional: Counted = field(default_factory=Counted)
    best: float = 0.0
    worst: float = 0.0
    blocked_days: float = 0.0
    days: int = 0
    value_days: int = 0
    no_counterpart: float = 0.0
    repaired: int = 0
    refused: int = 0

    @property
    def guard(self) -> Guard:
        """How far one more signal could move selection."""
        return Guard(up=self.best, down=self.worst)

    @property
    def value_guard(self) -> Guard:
        """How far it could move value: a blocked winner is what the desk goes without."""
        return Guard(up=self.worst, down=self.best)


def measure(evidence: Evidence, *, clean: bool = False, since: str = "") -> Measured:
    """Return what the rows come to; `clean` leaves out whatever was repaired or had a gap.

    `since` sums the rows of days from then on; rates and means are still those of the whole series.
    """
    found = Measured()
    _measure_selection(found, evidence, clean, since)
    _measure_value(found, evidence, clean, since)
    return found


def _measure_selection(found: Measured, evidence: Evidence, clean: bool, since: str) -> None:
    by_day: dict[str, list[JudgedDay]] = {}
    for row in evidence.judged:
        numbers = row.judged_r + row.blocked_r + row.best_r + row.worst_r
        if not (isfinite(numbers) and 0 <= row.blocked <= row.judged):
            found.refused += 1
        elif row.sample == CLEAN or not clean:
            if row.day <= evidence.through:
                by_day.setdefault(row.day, []).append(row)
            else:
                found.provisional.add(row)
    terms = evidence.terms
    selection = Selection(
        seen_min=terms.seen_min, half_life_days=terms.odds_half_life_days, prior=terms.odds_prior
    )
    last = None
    squares = 0
    for day in sorted(by_day):
        rows = by_day[day]
        ordinal = date.fromisoformat(day).toordinal()
        u, h, slow_u, slow_h = selection.add(ordinal, _by_bot(rows))
        if day < since:
            continue
        adjacent = last == ordinal - 1
        found.selection.add(u, h, adjacent=adjacent)
        found.slow.add(slow_u, slow_h, adjacent=adjacent)
        last = ordinal
        squares += _count(found, rows) ** 2
    if squares:
        found.blocked_days = found.booked.blocked**2 / squares
    found.days = _span(by_day, evidence.through, since)
    found.no_counterpart = no_counterpart(selection.bots.values())


def _count(found: Measured, rows: Sequence[JudgedDay]) -> int:
    """Count a day's rows in, and return how many signals were blocked on it."""
    blocked = sum([row.blocked for row in rows])
    booked = found.booked
    booked.judged += sum([row.judged for row in rows])
    booked.judged_r += sum_in_order([row.judged_r for row in rows])
    booked.blocked += blocked
    booked.blocked_r += sum_in_order([row.blocked_r for row in rows])
    found.best = max([found.best, *[row.best_r for row in rows]])
    found.worst = max(found.worst, -min([row.worst_r for row in rows]))
    found.repaired += sum([row.judged for row in rows if row.sample != CLEAN])
    return blocked


def _by_bot(rows: Sequence[JudgedDay]) -> Sequence[BotDay]:
    """Return one row a bot: of a bot with two samples their sum."""
    bots: dict[str, BotDay] = {row.bot: row for row in rows}
    if len(bots) == len(rows):
        return rows
    sums: dict[str, Counted] = {}
    for row in rows:
        sums.setdefault(row.bot, Counted()).add(row)
    return [
        BotDay(bot, bots[bot].division, one.judged, one.judged_r, one.blocked, one.blocked_r)
        for bot, one in sums.items()
    ]


def _measure_value(found: Measured, evidence: Evidence, clean: bool, since: str) -> None:
    last = None
    days = []
    for row in sorted(evidence.value, key=lambda row: row.day):
        if row.day > evidence.through or row.r is None:
            continue
        if not isfinite(row.r):
            found.refused += 1
            continue
        days.append(row.day)
        if row.day < since or (clean and row.repaired):
            continue
        ordinal = date.fromisoformat(row.day).toordinal()
        found.value.add(row.r, 1.0, adjacent=last == ordinal - 1)
        last = ordinal
        found.repaired += row.repaired
    found.value_days = _span(days, evidence.through, since)


def _span(days: Sequence[str] | dict[str, list[JudgedDay]], through: str, since: str) -> int:
    """Return the calendar days from the first row to the last whole day, both counted."""
    first = min((day for day in days if day >= since), default=None)
    if first is None:
        return 0
    return (date.fromisoformat(through) - date.fromisoformat(first)).days + 1
