"""The market as the server sees it, synthetic or recorded.

The synthetic world and the player of a tape both are such a market. The server owns the sockets
and the clock; a market only says what is due, in the venue's own words. Times are ms UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from msgspec import Struct

from market.instrument import Instrument
from venue.hyperliquid.streams import L2, L2_BOOK

Row = dict[str, Any]
# Price in units, size in lots, number of orders; best first.
Levels = list[tuple[int, int, int]]

CANDLE = "candle"
ALL_MIDS = "allMids"

FUNDING_ROWS_MAX = 500
RECENT_TRADES = 30
# How often the streams speak that no event of the market drives.
CANDLE_MS = 1_000
MIDS_MS = 5_000


class Topic(Struct, frozen=True, cache_hash=True):
    """One stream that can be subscribed to, in the venue's normal form."""

    type: str
    coin: str = ""
    interval: str = ""
    figures: int | None = None
    mantissa: int | None = None
    fast: bool = False

    def echo(self) -> Row:
        """Return the subscription object with the venue's defaults filled in."""
        out: Row = {"type": self.type}
        if self.type == L2:
            return {**out, "c": self.coin, "s": self.figures, "m": self.mantissa}
        if self.coin:
            out["coin"] = self.coin
        if self.interval:
            out["interval"] = self.interval
        if self.type == L2_BOOK:
            out.update(nSigFigs=self.figures, mantissa=self.mantissa, fast=self.fast)
        return out


class Flow(Struct, frozen=True, gc=False):
    """One print of the crowd: +1 for a buyer who took, -1 for a seller; units and lots."""

    ms: int
    side: int
    px: int
    lots: int


class LocalMarket(Protocol):
    """A market that a server can show; every method is quick but `warm`, which works in pieces."""

    @property
    def universe(self) -> list[Row]:
        """Return the `universe` rows of meta."""

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Return the instruments by coin."""

    @property
    def epoch_ms(self) -> int:
        """Return when history begins."""

    def open(self, now_ms: int) -> None:
        """Take note that the server starts; raises OperatorError when this cannot be shown now."""

    def warm(self, coins: Iterable[str], since_ms: int, until_ms: int) -> Iterator[None]:
        """Prepare what questions about a time span need, a few milliseconds of work a step."""

    def due(
        self, since_ms: int, now_ms: int, topics: Iterable[Topic]
    ) -> Iterator[tuple[Topic, bytes]]:
        """Yield the frames that fall into (since, now] for the wanted topics, in order."""

    def first(self, topic: Topic, now_ms: int) -> list[bytes]:
        """Return the frames that a new subscriber gets after the acknowledgement."""

    def mids(self, now_ms: int) -> dict[str, str]:
        """Return the mid of each coin."""

    def book(self, topic: Topic, now_ms: int) -> Row | None:
        """Return the `data` of a book of at most 20 levels a side, None before there is one."""

    def levels(self, coin: str, now_ms: int, depth: int) -> tuple[Levels, Levels]:
        """Return the crowd's bids and asks, best first; empty before there is a book."""

    def flow(self, coin: str, since_ms: int, until_ms: int) -> list[Flow]:
        """Return the crowd's prints within (since, until], in order."""

    def recent_trades(self, coin: str, now_ms: int) -> list[Row]:
        """Return the newest trades, oldest first."""

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[Row]:
        """Return the candles that overlap [start, end], oldest first; the last may be running."""

    def funding_history(self, coin: str, start_ms: int, end_ms: int) -> list[Row]:
        """Return the funding settled within [start, end], oldest first, at most 500 rows."""

    def context(self, coin: str, now_ms: int) -> Row:
        """Return a coin's context, without coin or time."""


def beat(period_ms: int, since_ms: int, now_ms: int) -> int | None:
    """Return the last multiple of a period within (since, now], None when there is none."""
    at_ms = now_ms - now_ms % period_ms
    return at_ms if at_ms > since_ms else None
