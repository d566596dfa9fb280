"""Usual cost of crossing a coin's book: what an order would have met when nobody looked.

The spread is a running mean over seconds with a valid book, the ladder of each side the newest one
of a minute. Both are kept as shares of the price, so that they can be laid around any other. While
nothing is known, a book is taken for one as wide as the gate admits by default, and bottomless.
"""

from __future__ import annotations

from msgspec import Struct, field

from market.book import Book
from market.decision import BUY
from market.events import NS_PER_MINUTE, Level

# The half-life of the spread is some ten minutes; the first seconds count alike.
DECAY = 1.0 / 900.0
SPREAD_UNKNOWN = 10e-4
BOTTOMLESS = 1e15


class Rung(Struct, frozen=True, gc=False, array_like=True):
    """One level: its distance from the best price as a share of it, its size in base units."""

    away: float
    sz: float


class Usual(Struct):
    """Spread as a share of the mid, and the rungs of both sides, best first."""

    spread: float = 0.0
    seconds: int = 0
    ladder_ns: int = 0
    bids: list[Rung] = field(default_factory=list)
    asks: list[Rung] = field(default_factory=list)

    def see(self, book: Book, now_ns: int) -> None:
        """Learn from a valid book; call about once a second."""
        self.seconds += 1
        weight = max(DECAY, 1.0 / self.seconds)
        self.spread += ((book.ask - book.bid) / book.mid - self.spread) * weight
        if now_ns - self.ladder_ns >= NS_PER_MINUTE:
            bids, asks = _rungs(book.bids()), _rungs(book.asks())
            if bids and asks:
                self.ladder_ns, self.bids, self.asks = now_ns, bids, asks

    def against(self, side: int, mid: float) -> list[Level]:
        """Return the levels that an order on a side would take around a mid, best first."""
        half = 0.5 * (self.spread if self.seconds else SPREAD_UNKNOWN)
        best = mid * (1.0 + side * half)
        rungs = self.asks if side == BUY else self.bids
        if not rungs:
            return [Level(best, BOTTOMLESS)]
        return [Level(best * (1.0 + side * rung.away), rung.sz) for rung in rungs]


def _rungs(levels: list[Level]) -> list[Rung]:
    if not levels:
        return []
    best = levels[0].px
    return [Rung(abs(level.px - best) / best, level.sz) for level in levels]
