"""Market of one recorded coin, as far as the tape has been played.

Keeps the newest of each stream for those who join late or ask, and builds minute bars from the
trades by their shown times. A trade that the tape holds twice, because the recorder reconnected,
counts once. Invariant: minutes follow each other without a hole.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from market.events import MS_PER_MINUTE, Candle, Level
from market.instrument import Instrument
from venue.hyperliquid import wire
from venue.local.market.candles import Bars, no_bars
from venue.local.market.contract import RECENT_TRADES, Flow, Levels, Row, Topic
from venue.local.market.ticks import text_of
from venue.local.playback.recorded import Shown

SEEN_TRADES = 512
FLOW_KEPT = 4_096
MINUTES_MAX = 40 * 1440
AHEAD_MS_MAX = 60 * MS_PER_MINUTE


@dataclass(slots=True)
class Minute:
    """One growing minute bar, in units and lots."""

    start_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    count: int = 0

    def add(self, px: int, lots: int) -> None:
        """Take a trade."""
        if not self.count:
            self.open = self.high = self.low = px
        self.high = max(self.high, px)
        self.low = min(self.low, px)
        self.close = px
        self.lots += lots
        self.count += 1


class Played:
    """One coin's market as far as the tape has been played.

    `quotes` counts what has changed the book, `quoted_ms` is the newest shown time of it.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._px_scale = 10.0**instrument.px_decimals
        self._sz_scale = 10.0**instrument.sz_decimals
        self._newest: dict[Topic, Row] = {}
        self._halves = 0
        self._book: tuple[list[Level], list[Level]] = ([], [])
        self._flow: deque[Flow] = deque(maxlen=FLOW_KEPT)
        self._seen: dict[tuple[int, int], None] = {}
        self._minutes: deque[Minute] = deque(maxlen=MINUTES_MAX)
        self.trades: deque[Row] = deque(maxlen=RECENT_TRADES)
        self.traded = 0
        self.quotes = 0
        self.quoted_ms = 0

    def take(self, shown: Shown, now_ms: int) -> None:
        """Remember what is shown now."""
        match shown.typed:
            case wire.L2BookFrame(data):
                self._book = (data.levels[0], data.levels[1])
                self._touch(data.levels[0][:1], data.levels[1][:1])
                self._quoted(shown)
            case wire.BboFrame(data):
                bid, ask = data.bbo
                self._touch([bid] if bid else [], [ask] if ask else [])
                self._book = (_below(self._book[0], bid, 1), _below(self._book[1], ask, -1))
                self._quoted(shown)
            case wire.TradesFrame(trades):
                for row, trade in zip(shown.data, trades, strict=True):
                    self._trade(row, trade, now_ms)
                return
        self._newest[shown.topic] = shown.data

    def _quoted(self, shown: Shown) -> None:
        """Count what changed the book; its time is the newest shown."""
        self.quotes += 1
        self.quoted_ms = max(self.quoted_ms, shown.data["time"])

    def newest(self, topic: Topic) -> Row | None:
        """Return the newest data of a topic, None before there is any."""
        return self._newest.get(topic)

    def levels(self, depth: int) -> tuple[Levels, Levels]:
        """Return the newest book, cut to the newest touch: units and lots, best first."""
        bids, asks = (
            [
                (self._units(level.px), round(level.sz * self._sz_scale), level.n)
                for level in side[:depth]
            ]
            for side in self._book
        )
        return bids, asks

    def flow(self, since_ms: int, until_ms: int) -> list[Flow]:
        """Return the trades shown within (since, until], by when they were shown."""
        if not self._flow or self._flow[-1].ms <= since_ms:
            return []
        return [flow for flow in self._flow if since_ms < flow.ms <= until_ms]

    @property
    def mid(self) -> str | None:
        """Return the mid of the newest touch with both sides, None before there is one."""
        if not self._halves:
            return None
        return text_of(5 * self._halves, self._instrument.px_decimals + 1)

    def bars(self, now_ms: int) -> Bars:
        """Return the minutes since the first trade, the last as far as it has come."""
        if not self._minutes:
            return no_bars()
        self._grow(now_ms)
        rows = [
            (m.start_ms, m.open, m.high, m.low, m.close, m.lots, m.count) for m in self._minutes
        ]
        return Bars(*np.array(rows, dtype=np.int64).T)

    def bars_of(self, candles: list[Candle]) -> Bars:
        """Return recorded candles as bars."""
        rows = [
            (
                candle.start_ms,
                *(self._units(px) for px in (candle.open, candle.high, candle.low, candle.close)),
                round(candle.volume * self._sz_scale),
                candle.count,
            )
            for candle in candles
        ]
        return Bars(*np.array(rows, dtype=np.int64).T) if rows else no_bars()

    def _units(self, px: float) -> int:
        return round(px * self._px_scale)

    def _touch(self, bids: list[Level], asks: list[Level]) -> None:
        if bids and asks:
            self._halves = self._units(bids[0].px) + self._units(asks[0].px)

    def _trade(self, row: Row, trade: wire.WireTrade, now_ms: int) -> None:
        key = (trade.time, trade.tid)
        if key in self._seen:
            return
        self._seen[key] = None
        if len(self._seen) > SEEN_TRADES:
            del self._seen[next(iter(self._seen))]
        self.trades.append(row)
        self.traded += 1
        px, lots = self._units(trade.px), round(trade.sz * self._sz_scale)
        # Shown late, by the venue's lag: an order can meet it from the next moment on.
        self._flow.append(Flow(now_ms + 1, 1 if row["side"] == "B" else -1, px, lots))
        # One trade from the far future would make all true ones come too late.
        if row["time"] < now_ms + AHEAD_MS_MAX:
            self._count(row["time"], px, lots)

    def _count(self, at_ms: int, px: int, lots: int) -> None:
        start_ms = at_ms - at_ms % MS_PER_MINUTE
        if not self._minutes:
            self._minutes.append(Minute(start_ms, px, px, px, px))
        self._grow(at_ms)
        # Only a trade told late, after a minute without any, is not for the last minute.
        index = (start_ms - self._minutes[0].start_ms) // MS_PER_MINUTE
        if index >= 0:
            self._minutes[index].add(px, lots)

    def _grow(self, until_ms: int) -> None:
        """Add minutes without trades, which repeat the last close, up to the one of a moment."""
        last_ms, px = self._minutes[-1].start_ms, self._minutes[-1].close
        missing = (until_ms - last_ms) // MS_PER_MINUTE
        # What would be pushed out again at once need not be made.
        first = max(missing - MINUTES_MAX, 0) + 1
        for number in range(first, missing + 1):
            start_ms = last_ms + number * MS_PER_MINUTE
            self._minutes.append(Minute(start_ms, px, px, px, px))


def _below(levels: list[Level], touch: Level | None, side: int) -> list[Level]:
    """Return a side of a book without what lies before a newer touch."""
    if touch is None:
        return []
    return [touch, *(level for level in levels if (touch.px - level.px) * side > 0)]
