"""A series' choice added up day by day, in a form that can be kept and gone on with.

Years of day rows come to a few sums and what is known of each bot. Days that have ended never
change, so whoever keeps a fold of them need not read them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import date
from math import isfinite
from typing import NamedTuple

from msgspec import Struct, field

from quant.inference.anytime import Sums
from quant.inference.selection import BotDay, Selection
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

    @property
    def sound(self) -> bool:
        """Whether these can be totals of a day at all."""
        numbers = self.judged_r + self.blocked_r + self.best_r + self.worst_r
        return isfinite(numbers) and 0 <= self.blocked <= self.judged


class ChosenDay(NamedTuple):
    """What a day came to: sums of choice with and without the odds factor, and what was judged."""

    day: str
    u: float
    h: float
    slow_u: float
    slow_h: float
    judged: int
    judged_r: float
    blocked: int
    blocked_r: float


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


class Fold(Struct):
    """Sums of choice, with and without the odds factor, over the days from `first` to `last`.

    `best` and `worst` are how far the best and the worst single R lie from zero, `squares` the sum
    of squares of the signals blocked a day. Of days before `first` only rates and means are known.
    """

    known: Selection
    selection: Sums = field(default_factory=Sums)
    slow: Sums = field(default_factory=Sums)
    booked: Counted = field(default_factory=Counted)
    best: float = 0.0
    worst: float = 0.0
    squares: int = 0
    repaired: int = 0
    refused: int = 0
    first: str = ""
    last: str = ""

    @property
    def blocked_days(self) -> float:
        """Effective number of days on which it blocked."""
        return self.booked.blocked**2 / self.squares if self.squares else 0.0

    def copied(self) -> Fold:
        """Return a fold of its own, to go on with."""
        return deepcopy(self)

    def begun_anew(self) -> Fold:
        """Return a fold that knows what this one knows, and has counted nothing yet."""
        return Fold(deepcopy(self.known), last=self.last)

    def is_under(self, terms: Terms) -> bool:
        """Return whether a series of these terms can go on with it."""
        known = self.known
        mine = (known.seen_min, known.half_life_days, known.prior)
        return mine == (terms.seen_min, terms.odds_half_life_days, terms.odds_prior)

    def extend(
        self, rows: Iterable[JudgedDay], *, clean: bool = False, since: str = ""
    ) -> list[ChosenDay]:
        """Add rows of days that have ended and are not in it yet; `since` is from when they count.

        `clean` leaves out what was repaired. Rows that hold no sound numbers are refused.
        """
        by_day: dict[str, list[JudgedDay]] = {}
        last = self.last
        for row in rows:
            if row.day <= last or (clean and row.sample != CLEAN):
                continue
            if row.sound:
                by_day.setdefault(row.day, []).append(row)
            else:
                self.refused += 1
        return [self.add(day, by_day[day], counts=day >= since) for day in sorted(by_day)]

    def add(self, day: str, rows: Sequence[JudgedDay], *, counts: bool = True) -> ChosenDay:
        """Add a day that has ended, with all its rows; it only makes known unless it `counts`."""
        ordinal = date.fromisoformat(day).toordinal()
        adjacent = self.known.last == ordinal - 1 and bool(self.first)
        u, h, slow_u, slow_h = self.known.add(ordinal, _by_bot(rows))
        self.last = day
        chosen = ChosenDay(
            *(day, u, h, slow_u, slow_h, sum([row.judged for row in rows])),
            sum_in_order([row.judged_r for row in rows]),
            sum([row.blocked for row in rows]),
            sum_in_order([row.blocked_r for row in rows]),
        )
        if counts:
            self.count(chosen, adjacent=adjacent)
            self.best = max([self.best, *[row.best_r for row in rows]])
            self.worst = max([self.worst, *[-row.worst_r for row in rows]])
            self.repaired += sum([row.judged for row in rows if row.sample != CLEAN])
        return chosen

    def count(self, one: ChosenDay, *, adjacent: bool) -> None:
        """Take in what a day came to; `adjacent` when the one before is of the day before."""
        self.first = self.first or one.day
        self.selection.add(one.u, one.h, adjacent=adjacent)
        self.slow.add(one.slow_u, one.slow_h, adjacent=adjacent)
        self.squares += one.blocked * one.blocked
        self.booked.judged += one.judged
        self.booked.judged_r += one.judged_r
        self.booked.blocked += one.blocked
        self.booked.blocked_r += one.blocked_r


def empty(terms: Terms) -> Fold:
    """Return the fold of a series that begins."""
    return Fold(
        Selection(
            seen_min=terms.seen_min,
            half_life_days=terms.odds_half_life_days,
            prior=terms.odds_prior,
        )
    )


def window(days: Iterable[ChosenDay], terms: Terms) -> Fold:
    """Return the sums of some days in order; of extremes and of bots it knows nothing."""
    found = empty(terms)
    last = None
    for one in days:
        ordinal = date.fromisoformat(one.day).toordinal()
        found.count(one, adjacent=last == ordinal - 1)
        last, found.last = ordinal, one.day
    return found


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
