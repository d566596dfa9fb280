"""The synthetic market: fifty perpetuals, each answer a function of seed and time.

Every answer is a function of (seed, coin, time since the epoch) alone: not of earlier questions,
not of the process, never of a clock. What is kept in memory saves work and changes nothing.

What it is made of is in docs/world.md. Nobody's orders, least of all ours, move these prices:
accounts trade with this crowd in `venue.local.exchange`. There is no chaos in it by construction,
so a frozen tape of it is a negative control.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

import numpy as np

from market.errors import OperatorError, require
from market.events import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE
from market.instrument import Instrument, instruments_from_meta
from venue.hyperliquid.streams import BBO, CONTEXT, L2_BOOK, TRADES
from venue.hyperliquid.universe import load_universe
from venue.local.market import frames
from venue.local.market.candles import Bars, bar_end, bar_start, fold, joined, oldest_start, rows_of
from venue.local.market.contract import (
    ALL_MIDS,
    CANDLE,
    CANDLE_MS,
    FUNDING_ROWS_MAX,
    MIDS_MS,
    RECENT_TRADES,
    Flow,
    Levels,
    Row,
    Topic,
    beat,
)
from venue.local.market.crowd import Crowd
from venue.local.market.grid import block_start
from venue.local.market.ticks import text_of
from venue.local.world.archive import Archive
from venue.local.world.context import Contexts
from venue.local.world.day import Day
from venue.local.world.depth import Depth
from venue.local.world.flow import Minutes

SLOW_MS = 5_400
FAST_MS = 540
CONTEXT_MS = 1_000
SLOW_DEPTH = 20
FAST_DEPTH = 5
# After a pause of the server longer than this, what was missed stays missed.
CATCH_UP_MS = 60_000


class World:
    """A seeded market; `epoch_ms` is the UTC midnight at which its history begins."""

    def __init__(self, seed: int, epoch_ms: int) -> None:
        require(epoch_ms % MS_PER_DAY == 0, f"epoch {epoch_ms} ms is no UTC midnight")
        self.seed = seed
        self.epoch_ms = epoch_ms
        self.universe: list[Row] = load_universe()
        self.instruments: dict[str, Instrument] = instruments_from_meta(self.universe)
        self._archive = Archive(seed, self.instruments.values())
        self._depths = {coin: Depth(p) for coin, p in self._archive.profiles.items()}
        self._contexts = Contexts(self._archive, self._depths)
        self._crowd = Crowd(seed)
        self._touches: dict[str, tuple[int, Row]] = {}
        self._due_of = {
            L2_BOOK: self._due_book,
            BBO: self._due_bbo,
            TRADES: self._due_trades,
            CANDLE: self._due_candle,
            CONTEXT: self._due_context,
            ALL_MIDS: self._due_mids,
        }

    # What the server asks of any market.

    def open(self, now_ms: int) -> None:
        """Refuse to start before the world began; raises OperatorError."""
        if now_ms < self.epoch_ms:
            raise OperatorError(
                f"the clock says {now_ms} ms, but this local world began at {self.epoch_ms} ms: "
                "set the clock, or start a new world"
            )

    def warm(self, coins: Iterable[str], since_ms: int, until_ms: int) -> Iterator[None]:
        """Build the days that questions about a time span need, one a step."""
        first, _ = self._moment(since_ms)
        last, _ = self._moment(until_ms)
        return self._archive.warm(coins, first, last)

    def due(
        self, since_ms: int, now_ms: int, topics: Iterable[Topic]
    ) -> Iterator[tuple[Topic, bytes]]:
        """Yield what falls into (since, now]: of several books the last, of trades all."""
        since_ms = max(since_ms, now_ms - CATCH_UP_MS)
        for topic in topics:
            data = self._due_of[topic.type](topic, since_ms, now_ms)
            if data is not None:
                yield topic, frames.frame(topic.type, data)

    def first(self, topic: Topic, now_ms: int) -> list[bytes]:
        """Return the snapshot that a new subscriber begins with."""
        data: object
        if topic.type == L2_BOOK:
            data = self.book(topic, now_ms)
        elif topic.type == BBO:
            data = self._touch(topic.coin, block_start(now_ms))
        elif topic.type == TRADES:
            data = self.recent_trades(topic.coin, now_ms)
        elif topic.type == CANDLE:
            rows = self.candles(topic.coin, topic.interval, now_ms, now_ms, now_ms)
            data = rows[-1] if rows else None
        elif topic.type == CONTEXT:
            data = self._context(topic.coin, now_ms)
        else:
            data = {"mids": self.mids(now_ms)}
        return [frames.frame(topic.type, data)] if data else []

    def mids(self, now_ms: int) -> dict[str, str]:
        """Return the mid of each coin."""
        out = {}
        for coin, instrument in self.instruments.items():
            day, ms, _ = self._at(coin, block_start(now_ms))
            bid, ask, _, _ = day.touch(ms)
            out[coin] = text_of(5 * (bid + ask), instrument.px_decimals + 1)
        return out

    def book(self, topic: Topic, now_ms: int) -> Row:
        """Return the book at the current block."""
        time_ms = block_start(now_ms)
        day, ms, _ = self._at(topic.coin, time_ms)
        depth = FAST_DEPTH if topic.fast else SLOW_DEPTH
        lookup = self._depths[topic.coin]
        if topic.figures is None:
            sides = lookup.book(day, ms, depth)
        else:
            mantissa = topic.mantissa or 1
            sides = lookup.grouped(day, ms, depth, figures=topic.figures, mantissa=mantissa)
        return frames.book_row(
            self.instruments[topic.coin],
            time_ms,
            sides,
            fast=topic.fast,
            grouped=topic.figures is not None,
        )

    def levels(self, coin: str, now_ms: int, depth: int) -> tuple[Levels, Levels]:
        """Return bids and asks in units and lots, best first, at the current block."""
        day, ms, _ = self._at(coin, block_start(now_ms))
        return self._depths[coin].book(day, ms, depth)

    def flow(self, coin: str, since_ms: int, until_ms: int) -> list[Flow]:
        """Return the prints within (since, until], in order."""
        return [
            Flow(
                self.epoch_ms + number * MS_PER_DAY + day.print_ms[index],
                day.print_side[index],
                day.print_px[index],
                day.print_lots[index],
            )
            for day, number, lo, hi in self._spans(coin, since_ms, until_ms)
            for index in range(lo, hi)
        ]

    def recent_trades(self, coin: str, now_ms: int) -> list[Row]:
        """Return the newest thirty trades, oldest first."""
        day, ms, number = self._at(coin, now_ms)
        upto = bisect_right(day.print_ms, ms)
        rows = [
            self._trade(coin, day, number, i) for i in range(max(upto - RECENT_TRADES, 0), upto)
        ]
        missing = RECENT_TRADES - len(rows)
        if missing and number:
            before = self._archive.day(coin, number - 1)
            count = len(before.print_ms)
            earlier = range(max(count - missing, 0), count)
            rows = [*(self._trade(coin, before, number - 1, i) for i in earlier), *rows]
        return rows

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[Row]:
        """Return the candles that overlap [start, end], folded from the trades themselves."""
        end_ms = min(end_ms, now_ms)
        if end_ms < max(start_ms, self.epoch_ms):
            return []
        start_ms = max(bar_start(interval, start_ms), oldest_start(interval, now_ms))
        end_ms = bar_end(interval, bar_start(interval, end_ms))
        bars = self._minutes(coin, start_ms, end_ms, now_ms)
        return rows_of(fold(bars, interval), interval, self.instruments[coin])

    def funding_history(self, coin: str, start_ms: int, end_ms: int) -> list[Row]:
        """Return the hours settled within [start, end], at most 500, counted from the oldest."""
        since, until = start_ms - self.epoch_ms, end_ms - self.epoch_ms
        rows: list[Row] = []
        hour = max(since // MS_PER_HOUR, 1)
        while hour * MS_PER_HOUR < until and len(rows) < FUNDING_ROWS_MAX:
            settled = self._contexts.settlement(coin, hour)
            if since <= settled.ms <= until:
                time_ms = self.epoch_ms + settled.ms
                rows.append(frames.funding_row(coin, time_ms, settled.rate, settled.premium))
            hour += 1
        return rows

    def context(self, coin: str, now_ms: int) -> Row:
        """Return the coin's context at the current block."""
        number, ms = self._moment(block_start(now_ms))
        return self._contexts.at(coin, number, ms)

    # What falls due on each stream: the data of a frame, or None.

    def _due_book(self, topic: Topic, since_ms: int, now_ms: int) -> Row | None:
        at_ms = beat(FAST_MS if topic.fast else SLOW_MS, since_ms, now_ms)
        return None if at_ms is None else self.book(topic, at_ms)

    def _due_bbo(self, topic: Topic, since_ms: int, now_ms: int) -> Row | None:
        before_ms, at_ms = block_start(since_ms), block_start(now_ms)
        if before_ms == at_ms:
            return None
        before = self._touch(topic.coin, before_ms)
        touch = self._touch(topic.coin, at_ms)
        return touch if touch["bbo"] != before["bbo"] else None

    def _due_trades(self, topic: Topic, since_ms: int, now_ms: int) -> list[Row] | None:
        return self._prints(topic.coin, since_ms, now_ms) or None

    def _due_candle(self, topic: Topic, since_ms: int, now_ms: int) -> Row | None:
        at_ms = beat(CANDLE_MS, since_ms, now_ms)
        if at_ms is None:
            return None
        before_ms = since_ms - since_ms % CANDLE_MS
        if not any(hi > lo for _, _, lo, hi in self._spans(topic.coin, before_ms, at_ms)):
            return None
        rows = self.candles(topic.coin, topic.interval, at_ms, at_ms, at_ms)
        return rows[-1] if rows else None

    def _due_context(self, topic: Topic, since_ms: int, now_ms: int) -> Row | None:
        at_ms = beat(CONTEXT_MS, since_ms, now_ms)
        return None if at_ms is None else self._context(topic.coin, at_ms)

    def _due_mids(self, _topic: Topic, since_ms: int, now_ms: int) -> Row | None:
        at_ms = beat(MIDS_MS, since_ms, now_ms)
        return None if at_ms is None else {"mids": self.mids(at_ms)}

    # Looking things up.

    def _moment(self, now_ms: int) -> tuple[int, int]:
        """Return the day and the ms of the day; before the epoch it is the epoch."""
        return divmod(max(now_ms - self.epoch_ms, 0), MS_PER_DAY)

    def _at(self, coin: str, now_ms: int) -> tuple[Day, int, int]:
        number, ms = self._moment(now_ms)
        return self._archive.day(coin, number), ms, number

    def _context(self, coin: str, now_ms: int) -> Row:
        return {"coin": coin, "ctx": self.context(coin, now_ms)}

    def _touch(self, coin: str, time_ms: int) -> Row:
        kept = self._touches.get(coin)
        if kept is not None and kept[0] == time_ms:
            return kept[1]
        touch = frames.bbo_row(self.instruments[coin], time_ms, self.levels(coin, time_ms, 1))
        self._touches[coin] = (time_ms, touch)
        return touch

    def _spans(
        self, coin: str, since_ms: int, until_ms: int
    ) -> Iterator[tuple[Day, int, int, int]]:
        """Yield (day, its number, first, last + 1) of the prints within (since, until]."""
        last, until = self._moment(until_ms)
        first, since = (0, -1) if since_ms < self.epoch_ms else self._moment(since_ms)
        for number in range(first, last + 1):
            day = self._archive.day(coin, number)
            lo = bisect_right(day.print_ms, since) if number == first else 0
            hi = bisect_right(day.print_ms, until) if number == last else len(day.print_ms)
            yield day, number, lo, hi

    def _prints(self, coin: str, since_ms: int, until_ms: int) -> list[Row]:
        return [
            self._trade(coin, day, number, index)
            for day, number, lo, hi in self._spans(coin, since_ms, until_ms)
            for index in range(lo, hi)
        ]

    def _trade(self, coin: str, day: Day, number: int, index: int) -> Row:
        instrument = self.instruments[coin]
        row: Row = {
            "coin": coin,
            "side": "B" if day.print_side[index] > 0 else "A",
            "px": text_of(day.print_px[index], instrument.px_decimals),
            "sz": text_of(day.print_lots[index], instrument.sz_decimals),
            "time": self.epoch_ms + number * MS_PER_DAY + day.print_ms[index],
        }
        return self._crowd.sign(row, self._crowd.tid(instrument.index, number, index))

    def _minutes(self, coin: str, start_ms: int, end_ms: int, now_ms: int) -> Bars:
        """Return the minutes within [start, end) that have begun by now, the last as far as now."""
        running_ms = bar_start("1m", now_ms)
        at_ms = max(start_ms, self.epoch_ms)
        stop_ms = min(end_ms, running_ms)
        parts = []
        while at_ms < stop_ms:
            number, ms = self._moment(at_ms)
            midnight_ms = at_ms - ms
            until = min(stop_ms - midnight_ms, MS_PER_DAY) // MS_PER_MINUTE
            minutes = self._archive.record(coin, number).minutes
            parts.append(_bars(minutes, midnight_ms, ms // MS_PER_MINUTE, until))
            at_ms = midnight_ms + until * MS_PER_MINUTE
        if end_ms > running_ms and now_ms >= self.epoch_ms:
            parts += self._running(coin, running_ms, now_ms)
        return joined(parts)

    def _running(self, coin: str, minute_ms: int, now_ms: int) -> list[Bars]:
        """Return the minute that began at `minute_ms` as far as it has come; at most one bar."""
        px: list[int] = []
        lots = 0
        for day, _, lo, hi in self._spans(coin, minute_ms - 1, now_ms):
            px += day.print_px[lo:hi].tolist()
            lots += sum(day.print_lots[lo:hi])
        if not px:
            if minute_ms == self.epoch_ms:
                return []
            number, ms = self._moment(minute_ms - MS_PER_MINUTE)
            close = self._archive.record(coin, number).minutes.close[ms // MS_PER_MINUTE]
            px, count = [int(close)], 0
        else:
            count = len(px)
        columns = (minute_ms, px[0], max(px), min(px), px[-1], lots, count)
        return [Bars(*(np.array([value], dtype=np.int64) for value in columns))]


def _bars(minutes: Minutes, midnight_ms: int, first: int, until: int) -> Bars:
    """Return some of a day's minutes with their times."""
    part = slice(first, until)
    return Bars(
        midnight_ms + MS_PER_MINUTE * np.arange(first, until),
        *(
            column[part].astype(np.int64)
            for column in (
                minutes.open,
                minutes.high,
                minutes.low,
                minutes.close,
                minutes.lots,
                minutes.count,
            )
        ),
    )
