"""Daily rows of selection: was what a limit blocked worse than what the same bots were let through?

A row is the sum over a day's judged signals of (z − p)(x − m), with z whether the limit blocked, x
the signal's R, and p and m the block rate and the mean R of its bot. Both are made of earlier days
alone: errors in them enter only as a product, so a baseline that holds the very losers which set a
limit off, or bots that are blocked more often than others, bias nothing. H is the sum of (z − p)²:
a bot that is always blocked has none, one with a single passed signal next to none.

The odds factor follows block rates that drift: it moves every bot's p to the rate of the last two
weeks. Without it means and rates that drift together look like choice. A choice of times slower
than that earns less credit for it; the rows without the factor show that choice, but no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import NamedTuple

from msgspec import Struct, field

from quant.sums import sum_in_order

SEEN_MIN = 10
ODDS_HALF_LIFE_DAYS = 10.0
ODDS_PRIOR = 10.0
ODDS_MIN = 0.001


class BotDay(Struct, frozen=True, gc=False):
    """What a limit judged of one bot on one day, and what of that it blocked; R are sums."""

    bot: str
    division: str
    judged: int
    judged_r: float
    blocked: int
    blocked_r: float


class Row(NamedTuple):
    """A day's sums of (z − p)(x − m) and of (z − p)², and the same without the odds factor."""

    u: float
    h: float
    slow_u: float
    slow_h: float


class Totals(Struct, gc=False):
    """Totals of earlier days of a bot, or of a division's bots together."""

    judged: int = 0
    judged_r: float = 0.0
    blocked: int = 0


class Selection(Struct, kw_only=True):
    """What earlier days tell of bots and rates, and the rows it makes of each day to come.

    `judged`, `expected` and `blocked` are faded sums of judged signals, of blocks to expect by the
    earlier rates, and of blocks; `last` is the ordinal of the newest day.
    """

    seen_min: int = SEEN_MIN
    half_life_days: float = ODDS_HALF_LIFE_DAYS
    prior: float = ODDS_PRIOR
    bots: dict[str, Totals] = field(default_factory=dict)
    divisions: dict[str, Totals] = field(default_factory=dict)
    judged: float = 0.0
    expected: float = 0.0
    blocked: float = 0.0
    last: int | None = None

    def add(self, day: int, rows: Sequence[BotDay]) -> Row:
        """Return the row of a day, given as its ordinal; days come in order, each bot once a day.

        Raises ValueError for a day that is not later than the last, for a bot that comes twice and
        for unsound rows; nothing is added then.
        """
        if self.last is not None and day <= self.last:
            raise ValueError(f"day {day} does not come after day {self.last}")
        if len({row.bot for row in rows}) != len(rows):
            raise ValueError(f"a bot comes twice on day {day}")
        if not _sound(rows):
            raise ValueError(f"totals that cannot be on day {day}")
        self._fade_over(0 if self.last is None else day - self.last - 1)
        factor = self._odds_factor()
        u = h = slow_u = slow_h = expected = 0.0
        judged = blocked = 0
        bots, shared, enough = self.bots, self.divisions.get, self.seen_min
        for row in rows:
            a, a_r, n, n_r = row.judged, row.judged_r, row.blocked, row.blocked_r
            own = bots.get(row.bot)
            if own is None:
                own = bots[row.bot] = Totals()
            known = own if own.judged >= enough else shared(row.division)
            if known is not None and known.judged >= enough:
                rate, mean = known.blocked / known.judged, known.judged_r / known.judged
                judged += a
                blocked += n
                expected += a * rate
                p = rate * factor / (1.0 - rate + rate * factor)
                picked, everything = n_r - n * mean, a_r - a * mean
                u += picked - p * everything
                h += n - 2.0 * n * p + a * p * p
                slow_u += picked - rate * everything
                slow_h += n - 2.0 * n * rate + a * rate * rate
            own.judged += a
            own.judged_r += a_r
            own.blocked += n
        self._take_in(rows)
        self._fade_over(1)
        self.judged += judged
        self.expected += expected
        self.blocked += blocked
        self.last = day
        return Row(u, h, slow_u, slow_h)

    def _take_in(self, rows: Sequence[BotDay]) -> None:
        """Add a day to its divisions, once all bots are done: a day says nothing of itself."""
        divisions = self.divisions
        for row in rows:
            found = divisions.get(row.division)
            if found is None:
                found = divisions[row.division] = Totals()
            found.judged += row.judged
            found.judged_r += row.judged_r
            found.blocked += row.blocked

    def _odds_factor(self) -> float:
        """Return by how much the odds of blocking are other than the earlier rates say."""
        if not self.expected > 0.0:
            return 1.0
        rate = self.expected / self.judged
        seen = (self.blocked + self.prior * rate) / (self.judged + self.prior)
        rate, seen = (min(max(x, ODDS_MIN), 1.0 - ODDS_MIN) for x in (rate, seen))
        return seen * (1.0 - rate) / (rate * (1.0 - seen))

    def _fade_over(self, days: int) -> None:
        by = 0.5 ** (days / self.half_life_days)
        self.judged *= by
        self.expected *= by
        self.blocked *= by


def _sound(rows: Sequence[BotDay]) -> bool:
    """Return whether these can be totals of a day at all; a sum is finite when its parts are."""
    total = sum_in_order(row.judged_r + row.blocked_r for row in rows)
    return isfinite(total) and all([0 <= row.blocked <= row.judged for row in rows])


def no_counterpart(bots: Iterable[Totals], rate_max: float = 0.95) -> float:
    """Return the share of blocked signals whose bots are blocked nearly always; 0.0 of none.

    Whatever they would have earned, there is nothing of the same bots to hold it against.
    """
    totals: Sequence[Totals] = list(bots)
    blocked = sum(bot.blocked for bot in totals)
    alone = sum(bot.blocked for bot in totals if bot.blocked > rate_max * bot.judged)
    return alone / blocked if blocked else 0.0
