"""Fault: delisting of a coin in a running venue.

As at the venue: the listing marks it, its books are pushed empty, its context keeps frozen prices
with nulls for what needs a book, nothing trades any more; subscriptions stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from market.instrument import Instrument
from venue.hyperliquid.streams import CONTEXT, L2_BOOK
from venue.local.faults.fault import Fault, Seconds
from venue.local.market.contract import (
    Flow,
    Levels,
    LocalMarket,
    Row,
    Topic,
)
from venue.local.market.frames import frame

NO_BOOK = ("premium", "midPx", "impactPxs")


class Delisting(Fault, frozen=True):
    """Delisting: `coin` is delisted at `at_s` and, unless `for_s` says otherwise, stays so."""

    name = "delisting"
    does = "delists a coin while the venue runs"
    remark = "needs `coin`; stays unless `for_s` is given"
    by_chance = False

    for_s: Seconds = 1e9

    def delists(self) -> str:
        """Return the coin."""
        return self.coin

    def around(self, market: LocalMarket, now_ms: Callable[[], int]) -> LocalMarket:
        """Return the market with the coin delisted within the window."""
        if self.coin not in market.instruments:
            return market
        return _Without(market, self.coin, lambda: self.begin_ms <= now_ms() < self.end_ms)


class _Without:
    """A market without one coin."""

    def __init__(self, inner: LocalMarket, coin: str, is_gone: Callable[[], bool]) -> None:
        self._inner = inner
        self._coin = coin
        self._is_gone = is_gone
        self._frozen: Row = {}
        was = inner.instruments[coin]
        delisted = msgspec.structs.replace(was, is_delisted=True)
        self._marked = {**inner.instruments, coin: delisted}

    @property
    def universe(self) -> list[Row]:
        rows = self._inner.universe
        if not self._is_gone():
            return rows
        return [{**r, "isDelisted": True} if r["name"] == self._coin else r for r in rows]

    @property
    def instruments(self) -> dict[str, Instrument]:
        return self._marked if self._is_gone() else self._inner.instruments

    @property
    def epoch_ms(self) -> int:
        return self._inner.epoch_ms

    def open(self, now_ms: int) -> None:
        self._inner.open(now_ms)

    def warm(self, coins: Iterable[str], since_ms: int, until_ms: int) -> Iterator[None]:
        return self._inner.warm(coins, since_ms, until_ms)

    def due(
        self, since_ms: int, now_ms: int, topics: Iterable[Topic]
    ) -> Iterator[tuple[Topic, bytes]]:
        for topic, payload in self._inner.due(since_ms, now_ms, topics):
            yield from ((topic, left) for left in self._left(topic, payload, now_ms))

    def first(self, topic: Topic, now_ms: int) -> list[bytes]:
        frames = self._inner.first(topic, now_ms)
        return [left for one in frames for left in self._left(topic, one, now_ms)]

    def _left(self, topic: Topic, payload: bytes, now_ms: int) -> list[bytes]:
        if topic.coin != self._coin or not self._is_gone():
            return [payload]
        if topic.type == L2_BOOK:
            data = msgspec.json.decode(payload)["data"]
            data.pop("spread", None)
            return [frame(L2_BOOK, {**data, "levels": [[], []]})]
        if topic.type == CONTEXT:
            data = {"coin": self._coin, "ctx": self.context(self._coin, now_ms)}
            return [frame(CONTEXT, data)]
        return []

    def mids(self, now_ms: int) -> dict[str, str]:
        return self._inner.mids(now_ms)

    def book(self, topic: Topic, now_ms: int) -> Row | None:
        book = self._inner.book(topic, now_ms)
        if book is None or topic.coin != self._coin or not self._is_gone():
            return book
        return {"coin": self._coin, "time": book["time"], "levels": [[], []]}

    def levels(self, coin: str, now_ms: int, depth: int) -> tuple[Levels, Levels]:
        if coin == self._coin and self._is_gone():
            return [], []
        return self._inner.levels(coin, now_ms, depth)

    def flow(self, coin: str, since_ms: int, until_ms: int) -> list[Flow]:
        if coin == self._coin and self._is_gone():
            return []
        return self._inner.flow(coin, since_ms, until_ms)

    def recent_trades(self, coin: str, now_ms: int) -> list[Row]:
        return self._inner.recent_trades(coin, now_ms)

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[Row]:
        return self._inner.candles(coin, interval, start_ms, end_ms, now_ms)

    def funding_history(self, coin: str, start_ms: int, end_ms: int) -> list[Row]:
        return self._inner.funding_history(coin, start_ms, end_ms)

    def context(self, coin: str, now_ms: int) -> Row:
        if coin != self._coin or not self._is_gone():
            return self._inner.context(coin, now_ms)
        if not self._frozen:
            found = self._inner.context(coin, now_ms)
            self._frozen = {**found, **dict.fromkeys(NO_BOOK), "openInterest": "0.0"}
        return self._frozen
