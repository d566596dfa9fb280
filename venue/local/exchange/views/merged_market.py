"""The market with the accounts' orders and trades in it.

The crowd's book without what was taken from it and with what accounts rest in it; the crowd's
trades and candles with those of the accounts. Oracle, mark and funding stay the crowd's. A coin in
which no account has ever done anything is shown byte for byte as the crowd's market shows it.

Invariant: a published book is never crossed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from market.instrument import Instrument
from venue.hyperliquid.streams import BBO, L2_BOOK, TRADES
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.steps.rows import trade_row
from venue.local.market import frames
from venue.local.market.candles import bar_end
from venue.local.market.contract import (
    ALL_MIDS,
    CANDLE,
    CANDLE_MS,
    RECENT_TRADES,
    Flow,
    Levels,
    LocalMarket,
    Row,
    Topic,
    beat,
)
from venue.local.market.grid import block_start
from venue.local.market.levels import bucket_of, grouped
from venue.local.market.ticks import text_of, units_of

SLOW_DEPTH = 20
FAST_DEPTH = 5
# How deep the crowd is looked into to add up coarser prices.
GROUPED_DEPTH = 3_000
# How long after an account's last trade of a candle a trade of the crowd is looked for.
LOOK_MS = 60_000


class MergedMarket:
    """A market with an exchange on it."""

    def __init__(self, inner: LocalMarket, exchange: Exchange) -> None:
        self._inner = inner
        self._exchange = exchange
        self._touches: dict[str, list[Row | None]] = {}
        self._seen: dict[str, int] = {}
        self._candles: dict[Topic, Row] = {}

    @property
    def universe(self) -> list[Row]:
        """Return the `universe` rows of meta."""
        return self._inner.universe

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Return the instruments by coin."""
        return self._inner.instruments

    @property
    def epoch_ms(self) -> int:
        """Return when history begins."""
        return self._inner.epoch_ms

    def open(self, now_ms: int) -> None:
        """Take note that the server starts."""
        self._inner.open(now_ms)

    def warm(self, coins: Iterable[str], since_ms: int, until_ms: int) -> Iterator[None]:
        """Prepare what questions about a time span need."""
        return self._inner.warm(coins, since_ms, until_ms)

    def funding_history(self, coin: str, start_ms: int, end_ms: int) -> list[Row]:
        """Return the funding settled within [start, end]."""
        return self._inner.funding_history(coin, start_ms, end_ms)

    def flow(self, coin: str, since_ms: int, until_ms: int) -> list[Flow]:
        """Return the crowd's prints alone."""
        return self._inner.flow(coin, since_ms, until_ms)

    # Streams.

    def due(
        self, since_ms: int, now_ms: int, topics: Iterable[Topic]
    ) -> Iterator[tuple[Topic, bytes]]:
        """Yield the frames that fall due, those of touched coins made anew."""
        wanted = list(topics)
        touched = self._touched()
        if not touched:
            yield from self._inner.due(since_ms, now_ms, wanted)
            return
        for topic, payload in self._inner.due(since_ms, now_ms, wanted):
            if topic.type == ALL_MIDS:
                yield topic, frames.frame(ALL_MIDS, {"mids": self.mids(now_ms)})
            elif topic.coin not in touched or topic.type not in (L2_BOOK, BBO, CANDLE):
                yield topic, payload
            elif topic.type == L2_BOOK:
                yield topic, frames.frame(L2_BOOK, self.book(topic, now_ms))
        for topic in wanted:
            if topic.coin in touched:
                data = self._own(topic, since_ms, now_ms)
                if data:
                    yield topic, frames.frame(topic.type, data)

    def _own(self, topic: Topic, since_ms: int, now_ms: int) -> Any:
        """Return what accounts made due on a stream of a touched coin."""
        if topic.type == BBO:
            return self._changed_touch(topic.coin, now_ms)
        if topic.type == TRADES:
            return self._new_trades(topic.coin, now_ms)
        if topic.type == CANDLE and beat(CANDLE_MS, since_ms, now_ms) is not None:
            return self._changed_candle(topic, now_ms)
        return None

    def first(self, topic: Topic, now_ms: int) -> list[bytes]:
        """Return the frames that a new subscriber gets."""
        touched = self._touched()
        if not touched or (topic.coin and topic.coin not in touched):
            return self._inner.first(topic, now_ms)
        data: Any = None
        if topic.type == L2_BOOK:
            data = self.book(topic, now_ms)
        elif topic.type == BBO:
            data = self._touch(topic.coin, now_ms)
        elif topic.type == TRADES:
            data = self.recent_trades(topic.coin, now_ms)
        elif topic.type == CANDLE:
            data = self._running(topic, now_ms)
        elif topic.type == ALL_MIDS:
            data = {"mids": self.mids(now_ms)}
        else:
            return self._inner.first(topic, now_ms)
        return [frames.frame(topic.type, data)] if data else []

    # Moments.

    def mids(self, now_ms: int) -> dict[str, str]:
        """Return the mid of each coin."""
        out = self._inner.mids(now_ms)
        for coin in self._touched():
            bids, asks = self.levels(coin, now_ms, 1)
            if coin in out and bids and asks:
                decimals = self.instruments[coin].px_decimals
                out[coin] = text_of(5 * (bids[0][0] + asks[0][0]), decimals + 1)
        return out

    def levels(self, coin: str, now_ms: int, depth: int) -> tuple[Levels, Levels]:
        """Return the published book, best first."""
        state = self._exchange.state
        book = state.books.get(coin)
        if not book and not state.crowd.is_touched(coin):
            return self._inner.levels(coin, now_ms, depth)
        best = {side: book.side(side).best if book else None for side in (1, -1)}
        out = []
        for side in (1, -1):
            crowd = state.crowd.seen(coin, side, now_ms, depth)
            across = best[-side]
            if across is not None:
                crowd = [level for level in crowd if (level[0] - across) * side < 0]
            own = book.side(side).levels() if book else []
            out.append(list(islice(_merged(crowd, own, side), depth)))
        return out[0], out[1]

    def book(self, topic: Topic, now_ms: int) -> Row | None:
        """Return the `data` of a book."""
        coin = topic.coin
        state = self._exchange.state
        if not state.books.get(coin) and not state.crowd.is_touched(coin):
            return self._inner.book(topic, now_ms)
        depth = FAST_DEPTH if topic.fast else SLOW_DEPTH
        instrument = self.instruments[coin]
        shown = self._inner.book(Topic(L2_BOOK, coin=coin, fast=topic.fast), now_ms)
        time_ms = shown["time"] if shown is not None else block_start(now_ms)
        if topic.figures is None:
            sides = self.levels(coin, now_ms, depth)
        else:
            bids, asks = self.levels(coin, now_ms, GROUPED_DEPTH)
            touch = (asks or bids or [(1, 0, 0)])[0][0]
            step = bucket_of(
                touch,
                instrument.px_decimals,
                figures=topic.figures,
                mantissa=topic.mantissa or 1,
            )
            sides = grouped(bids, step, depth), grouped(asks, step, depth, up=True)
        return frames.book_row(
            instrument, time_ms, sides, fast=topic.fast, grouped=topic.figures is not None
        )

    def recent_trades(self, coin: str, now_ms: int) -> list[Row]:
        """Return the newest trades of crowd and accounts, oldest first."""
        rows = self._inner.recent_trades(coin, now_ms)
        tape = self._exchange.publish().tapes.get(coin)
        if tape is None:
            return rows
        instrument = self.instruments[coin]
        own = [trade_row(t, instrument) for t in list(tape.newest)[-RECENT_TRADES:]]
        return sorted([*rows, *own], key=lambda row: int(row["time"]))[-RECENT_TRADES:]

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[Row]:
        """Return candles with the accounts' trades in them."""
        rows = self._inner.candles(coin, interval, start_ms, end_ms, now_ms)
        tape = self._exchange.publish().tapes.get(coin)
        if tape is None or not tape.bars:
            return rows
        return [self._with_trades(row, interval, tape.bars, now_ms) for row in rows]

    def context(self, coin: str, now_ms: int) -> Row:
        """Return a coin's context: references and funding are the crowd's."""
        return self._inner.context(coin, now_ms)

    # Parts.

    def _touched(self) -> set[str]:
        state = self._exchange.state
        touched = {coin for coin, book in state.books.items() if book}
        touched |= state.crowd.touched()
        touched |= set(self._touches)
        return touched | set(self._exchange.publish().tapes)

    def _touch(self, coin: str, now_ms: int) -> Row:
        sides = self.levels(coin, now_ms, 1)
        return frames.bbo_row(self.instruments[coin], block_start(now_ms), sides)

    def _changed_touch(self, coin: str, now_ms: int) -> Row | None:
        touch = self._touch(coin, now_ms)
        if self._touches.get(coin) == touch["bbo"]:
            return None
        self._touches[coin] = touch["bbo"]
        return touch

    def _changed_candle(self, topic: Topic, now_ms: int) -> Row | None:
        row = self._running(topic, now_ms)
        if row is None or self._candles.get(topic) == row:
            return None
        self._candles[topic] = row
        return row

    def _new_trades(self, coin: str, now_ms: int) -> list[Row]:
        tape = self._exchange.publish().tapes.get(coin)
        if tape is None:
            return []
        new = [t for t in tape.since(self._seen.get(coin, 0)) if t.ms <= now_ms]
        self._seen[coin] = self._seen.get(coin, 0) + len(new)
        return [trade_row(trade, self.instruments[coin]) for trade in new]

    def _running(self, topic: Topic, now_ms: int) -> Row | None:
        rows = self.candles(topic.coin, topic.interval, now_ms, now_ms, now_ms)
        return rows[-1] if rows else None

    def _with_trades(self, row: Row, interval: str, bars: dict[int, Any], now_ms: int) -> Row:
        """Return a candle with the accounts' trades of its time added."""
        end_ms = bar_end(interval, row["t"])
        own = [bar for start, bar in bars.items() if row["t"] <= start < end_ms]
        if not own:
            return row
        instrument = self.instruments[row["s"]]
        px, sz = instrument.px_decimals, instrument.sz_decimals
        high = max(units_of(row["h"], px), *(bar.high for bar in own))
        low = min(units_of(row["l"], px), *(bar.low for bar in own))
        lots = units_of(row["v"], sz) + sum(bar.lots for bar in own)
        close = row["c"]
        last = own[-1]
        if not self._inner.flow(row["s"], last.last_ms, min(last.last_ms + LOOK_MS, now_ms)):
            close = text_of(last.close, px)
        return {
            **row,
            "c": close,
            "h": text_of(high, px),
            "l": text_of(low, px),
            "v": text_of(lots, sz),
            "n": row["n"] + sum(bar.count for bar in own),
        }


def _merged(crowd: Levels, own: Levels, side: int) -> Iterator[tuple[int, int, int]]:
    """Yield the levels of both, best first, equal prices added up."""
    by_px = {px: (lots, orders) for px, lots, orders in crowd}
    for px, lots, orders in own:
        before = by_px.get(px, (0, 0))
        by_px[px] = (before[0] + lots, before[1] + orders)
    for px in sorted(by_px, key=lambda each: -each * side):
        yield px, *by_px[px]
