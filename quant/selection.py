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

from msgspec import Struct

SEEN_MIN = 10
ODDS_HALF_LIFE_DAYS = 10.0
ODDS_PRIOR = 10.0
ODDS_MIN = 0.001


class BotDay(Struct, frozen=True):
    """What a limit judged of one bot on one day, and what of that it blocked; R are sums."""

    bot: str
    division: str
    judged: int
    judged_r: float
    blocked: int
    blocked_r: float

    @property
    def sound(self) -> bool:
        """Whether these can be totals of a day at all."""
        counted = 0 <= self.blocked <= self.judged
        return counted and isfinite(self.judged_r) and isfinite(self.blocked_r)


class Row(NamedTuple):
    """A day's sums of (z − p)(x − m) and of (z − p)²."""

    u: float
    h: float


class Totals:
    """Totals of earlier days of a bot, or of a division's bots together."""

    __slots__ = ("blocked", "judged", "judged_r")

    def __init__(self) -> None:
        self.judged = 0
        self.judged_r = 0.0
        self.blocked = 0

    def add(self, row: BotDay) -> None:
        """Take a day's row in."""
        self.judged += row.judged
        self.judged_r += row.judged_r
        self.blocked += row.blocked


class Selection:
    """Rows of selection of one series, day by day.

    `odds` False leaves the odds factor out.
    """

    def __init__(
        self,
        *,
        odds: bool = True,
        seen_min: int = SEEN_MIN,
        half_life_days: float = ODDS_HALF_LIFE_DAYS,
        prior: float = ODDS_PRIOR,
    ) -> None:
        self.bots: dict[str, Totals] = {}
        self.divisions: dict[str, Totals] = {}
        self._odds = odds
        self._seen_min = seen_min
        self._fade = 0.5 ** (1.0 / half_life_days)
        self._prior = prior
        self._day: int | None = None
        # Faded sums of judged signals, of blocks to expect by the earlier rates, and of blocks.
        self._judged = self._expected = self._blocked = 0.0

    def add(self, day: int, rows: Iterable[BotDay]) -> Row:
        """Return the row of a day, given as its ordinal; days come in order, each once.

        Raises ValueError for a day that is not later than the last, and for unsound rows.
        """
        rows = list(rows)
        if self._day is not None and day <= self._day:
            raise ValueError(f"day {day} does not come after day {self._day}")
        if not all(row.sound for row in rows):
            raise ValueError(f"totals that cannot be on day {day}")
        self._fade_over(0 if self._day is None else day - self._day - 1)
        factor = self._odds_factor() if self._odds else 1.0
        u = h = expected = 0.0
        judged = blocked = 0
        for row in rows:
            known = self._known(row)
            if known is None:
                continue
            rate = known.blocked / known.judged
            mean = known.judged_r / known.judged
            judged += row.judged
            blocked += row.blocked
            expected += row.judged * rate
            p = rate * factor / (1.0 - rate + rate * factor)
            u += (row.blocked_r - row.blocked * mean) - p * (row.judged_r - row.judged * mean)
            h += row.blocked * (1.0 - 2.0 * p) + row.judged * p * p
        for row in rows:
            self.bots.setdefault(row.bot, Totals()).add(row)
            self.divisions.setdefault(row.division, Totals()).add(row)
        self._fade_over(1)
        self._judged += judged
        self._expected += expected
        self._blocked += blocked
        self._day = day
        return Row(u, h)

    def _known(self, row: BotDay) -> Totals | None:
        for totals in (self.bots.get(row.bot), self.divisions.get(row.division)):
            if totals is not None and totals.judged >= self._seen_min:
                return totals
        return None

    def _odds_factor(self) -> float:
        """Return by how much the odds of blocking are other than the earlier rates say."""
        if not self._expected > 0.0:
            return 1.0
        rate = self._expected / self._judged
        seen = (self._blocked + self._prior * rate) / (self._judged + self._prior)
        rate, seen = (min(max(x, ODDS_MIN), 1.0 - ODDS_MIN) for x in (rate, seen))
        return seen * (1.0 - rate) / (rate * (1.0 - seen))

    def _fade_over(self, days: int) -> None:
        by = self._fade**days
        self._judged *= by
        self._expected *= by
        self._blocked *= by


def no_counterpart(bots: Iterable[Totals], rate_max: float = 0.95) -> float:
    """Return the share of blocked signals whose bots are blocked nearly always; 0.0 of none.

    Whatever they would have earned, there is nothing of the same bots to hold it against.
    """
    totals: Sequence[Totals] = list(bots)
    blocked = sum(bot.blocked for bot in totals)
    alone = sum(bot.blocked for bot in totals if bot.blocked > rate_max * bot.judged)
    return alone / blocked if blocked else 0.0
