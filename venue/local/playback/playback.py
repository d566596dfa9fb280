"""Playback of a tape as a market, at any speed, in the present tense.

The tape's first moment is shown when the server starts, and every distance in time is divided by
the speed, so the venue's lag stays in proportion. Prices, sizes, hashes and ids stay as they were.
Streams that were not recorded stay silent, but for the quick book: where only slow ones were, it is
the top five of what there is. Candles and mids are made from what has been shown.

Invariant: no frame is shown before its time, and frames keep their order.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import structlog

from market.errors import InputDamaged, OperatorError
from market.events import NS_PER_S, TIMEFRAME_MS, Candles
from market.instrument import Instrument, instruments_from_meta
from venue.hyperliquid.streams import CONTEXT, L2, L2_BOOK, TRADES
from venue.local.market import frames
from venue.local.market.candles import bar_start, fold, joined, oldest_start, rows_of
from venue.local.market.contract import (
    ALL_MIDS,
    CANDLE,
    CANDLE_MS,
    MIDS_MS,
    Flow,
    Levels,
    Row,
    Topic,
    beat,
)
from venue.local.market.levels import bucket_of, grouped
from venue.local.market.ticks import units_of
from venue.local.playback.played import Played
from venue.local.playback.recorded import Shift, Shown, aligned, candles_of, shown
from venue.local.playback.unfolded import START as DELTAS
from venue.local.playback.unfolded import Unfolded
from venue.tape.lines import Record
from venue.tape.segment import segments_of

# The recorder asks for its history right after it starts; this much of the tape is read for it.
HISTORY_NS = 60 * NS_PER_S
# What the venue's quick book is: five levels, every half second.
FAST_LEVELS = 5
FAST_MS = 540

log = structlog.get_logger(__name__)


class Playback:
    """A tape played once; `finished` is set when all of it has been shown."""

    def __init__(self, path: Path, *, speed: float = 1.0) -> None:
        """Open a tape: a segment, or a folder of them.

        Raises InputDamaged for what is no tape, or one without frames, and OperatorError for a
        speed that is no positive number.
        """
        if not (speed > 0.0 and math.isfinite(speed)):
            raise OperatorError(f"speed {speed}: must be a number above 0")
        self.epoch_ms = 0
        self.finished = asyncio.Event()
        self._path = path
        self._speed = speed
        header = segments_of(path)[0].header()
        listed = sorted(header.instruments, key=lambda i: i.index)
        self.universe: list[Row] = [_universe_row(i) for i in listed]
        self.instruments: dict[str, Instrument] = instruments_from_meta(self.universe)
        self._slow_only = _slow_only(header.subscriptions)
        self._unfolded = Unfolded(self.instruments, bytes(header.session))
        self._played = {coin: Played(i) for coin, i in self.instruments.items()}
        self._history: dict[tuple[str, str], Candles] = {}
        self._shift = Shift(self._scan(), 0, speed)
        self._records = _records(path)
        self._next: Record | None = next(self._records)
        self._told: dict[Topic, int] = {}

    def _scan(self) -> int:
        """Return the tape's first moment; at speed 1 also keep the history that was asked for."""
        first_ns = 0
        for record in _records(self._path):
            first_ns = first_ns or record.ns
            if self._speed != 1.0 or record.ns > first_ns + HISTORY_NS:
                break
            candles = candles_of(record.payload) if record.kind == "R" else None
            if candles is not None:
                self._history.setdefault((candles.coin, candles.timeframe), candles)
        if not first_ns:
            raise InputDamaged(f"{self._path}: no frames to play")
        return first_ns

    def open(self, now_ms: int) -> None:
        """Begin: the tape's first moment is shown now."""
        self._shift = Shift(self._shift.first_ns, now_ms, self._speed)

    def close(self) -> None:
        """Let go of the tape's file."""
        self._records.close()

    def warm(self, _coins: Iterable[str], _since_ms: int, _until_ms: int) -> Iterator[None]:
        """Return no work: nothing needs to be prepared."""
        return iter(())

    def due(
        self, since_ms: int, now_ms: int, topics: Iterable[Topic]
    ) -> Iterator[tuple[Topic, bytes]]:
        """Yield the frames whose time has come; nothing is left out, however late."""
        wanted = dict.fromkeys(topics)
        for each in self._play(now_ms):
            if each.topic in wanted:
                data = _cut(each.topic, each.data) if each.topic.fast else each.data
                yield each.topic, frames.frame(each.topic.type, data)
            if each.topic.type == L2_BOOK:
                yield from self._grouped(each, wanted)
        for topic in wanted:
            data = self._derived(topic, since_ms, now_ms)
            if data is not None:
                yield topic, frames.frame(topic.type, data)

    def first(self, topic: Topic, now_ms: int) -> list[bytes]:
        """Return the newest of what was shown, if anything was."""
        data: Any
        if topic.type == L2_BOOK:
            data = self.book(topic, now_ms)
        elif topic.type == TRADES:
            data = self.recent_trades(topic.coin, now_ms)
        elif topic.type == ALL_MIDS:
            data = {"mids": self.mids(now_ms)}
        elif topic.type == CANDLE:
            data = self._running(topic, now_ms)
        else:
            data = self._played[topic.coin].newest(topic)
        return [frames.frame(topic.type, data)] if data else []

    def mids(self, _now_ms: int) -> dict[str, str]:
        """Return the newest mid of each coin that has shown one."""
        mids = {coin: played.mid for coin, played in self._played.items()}
        return {coin: mid for coin, mid in mids.items() if mid is not None}

    def book(self, topic: Topic, _now_ms: int) -> Row | None:
        """Return the newest book of the topic's kind; five levels rather than none."""
        played = self._played[topic.coin]
        slow, fast = (Topic(L2_BOOK, coin=topic.coin, fast=kind) for kind in (False, True))
        data = played.newest(fast)
        if not topic.fast:
            data = _deeper(played.newest(slow), data)
        elif topic.coin in self._slow_only:
            data = self._top(topic.coin)
        if data is None or topic.figures is not None:
            return None if data is None else self._group(topic, data)
        return _cut(topic, {k: v for k, v in data.items() if topic.fast or k != "fast"})

    def levels(self, coin: str, _now_ms: int, depth: int) -> tuple[Levels, Levels]:
        """Return the newest book shown, best first."""
        return self._played[coin].levels(depth)

    def flow(self, coin: str, since_ms: int, until_ms: int) -> list[Flow]:
        """Return the trades shown within (since, until]."""
        return self._played[coin].flow(since_ms, until_ms)

    def recent_trades(self, coin: str, _now_ms: int) -> list[Row]:
        """Return the newest thirty trades shown, oldest first."""
        return list(self._played[coin].trades)

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[Row]:
        """Return candles of the trades shown, and before them those that were recorded."""
        played = self._played[coin]
        bars = fold(played.bars(now_ms), interval)
        known = self._history.get((coin, interval))
        if known is not None:
            step_ms = TIMEFRAME_MS[interval]
            begins_ms = int(bars.start_ms[0]) if len(bars) else bar_start(interval, now_ms)
            rows = [c for c in aligned(known, step_ms, self._shift) if c.start_ms <= begins_ms]
            # The candle that was running when the recorder asked goes on with the trades.
            bars = fold(joined([played.bars_of(rows), bars]), interval)
        start_ms = max(bar_start(interval, start_ms), oldest_start(interval, now_ms))
        kept = (bars.start_ms >= start_ms) & (bars.start_ms <= end_ms)
        return rows_of(bars.where(kept), interval, self.instruments[coin])

    def funding_history(self, _coin: str, _start_ms: int, _end_ms: int) -> list[Row]:
        """Return nothing: a tape does not hold what was settled before it."""
        return []

    def context(self, coin: str, _now_ms: int) -> Row:
        """Return the newest context shown, or one that says that nothing is known."""
        data = self._played[coin].newest(Topic(CONTEXT, coin=coin))
        return frames.NO_CONTEXT if data is None else data["ctx"]

    def _play(self, now_ms: int) -> Iterator[Shown]:
        """Yield what the tape shows up to now, each as it is taken into account."""
        while self._next is not None and self._shift.is_due(self._next.ns, now_ms):
            each = self._shown(self._next)
            self._next = next(self._records, None)
            played = self._played.get(each.topic.coin) if each is not None else None
            if each is not None and played is not None:
                played.take(each, now_ms)
                yield each
        if self._next is None and not self.finished.is_set():
            log.info("tape is over", tape=str(self._path), note="connections stay open, silent")
            self.finished.set()

    def _shown(self, record: Record) -> Shown | None:
        """Return what a record shows; deltas show the book that they make."""
        raw: bytes | None = record.payload if record.kind in "Ff" else None
        if raw is not None and raw.startswith(DELTAS + b","):
            raw = self._unfolded.whole(raw)
        return None if raw is None else shown(raw, self._shift)

    def _grouped(self, each: Shown, wanted: Iterable[Topic]) -> Iterator[tuple[Topic, bytes]]:
        for topic in wanted:
            if topic.figures and (topic.coin, topic.fast) == (each.topic.coin, each.topic.fast):
                yield topic, frames.frame(L2_BOOK, self._group(topic, each.data))

    def _group(self, topic: Topic, data: Row) -> Row:
        """Return a recorded book added up into coarser prices."""
        instrument = self.instruments[topic.coin]
        px, sz = instrument.px_decimals, instrument.sz_decimals
        bids, asks = (
            [(units_of(row["px"], px), units_of(row["sz"], sz), row.get("n", 0)) for row in side]
            for side in data["levels"]
        )
        touch = (asks or bids or [(1, 0, 0)])[0][0]
        figures, mantissa = topic.figures or 0, topic.mantissa or 1
        step = bucket_of(touch, px, figures=figures, mantissa=mantissa)
        sides = grouped(bids, step, len(bids)), grouped(asks, step, len(asks), up=True)
        return frames.book_row(instrument, data["time"], sides, fast=topic.fast, grouped=True)

    def _top(self, coin: str) -> Row | None:
        """Return the top of the newest book as a quick one, None before there is a book."""
        played = self._played[coin]
        if not played.quoted_ms:
            return None
        sides = played.levels(FAST_LEVELS)
        return frames.book_row(self.instruments[coin], played.quoted_ms, sides, fast=True)

    def _quick(self, topic: Topic, since_ms: int, now_ms: int) -> Row | None:
        """Return the quick book that was not recorded, when it is due and there is news."""
        played = self._played[topic.coin]
        if topic.coin not in self._slow_only or topic.figures is not None:
            return None
        if not beat(FAST_MS, since_ms, now_ms) or self._told.get(topic) == played.quotes:
            return None
        self._told[topic] = played.quotes
        return self.book(topic, now_ms)

    def _derived(self, topic: Topic, since_ms: int, now_ms: int) -> Row | None:
        """Return what is made from other streams and is due, None when it is not."""
        if topic.type == L2_BOOK and topic.fast:
            return self._quick(topic, since_ms, now_ms)
        if topic.type == ALL_MIDS:
            return {"mids": self.mids(now_ms)} if beat(MIDS_MS, since_ms, now_ms) else None
        if topic.type != CANDLE or not beat(CANDLE_MS, since_ms, now_ms):
            return None
        traded = self._played[topic.coin].traded
        if self._told.get(topic, 0) == traded:
            return None
        self._told[topic] = traded
        return self._running(topic, now_ms)

    def _running(self, topic: Topic, now_ms: int) -> Row | None:
        rows = self.candles(topic.coin, topic.interval, now_ms, now_ms, now_ms)
        return rows[-1] if rows else None


def _records(path: Path) -> Generator[Record]:
    """Yield the frames and replies of all segments in order.

    Books that were passed over are none the less what the deltas after them change.
    """
    for segment in segments_of(path):
        for record in segment.records():
            passed_over = record.kind == "f" and record.payload.startswith(DELTAS + b",")
            if record.kind in ("F", "R") or passed_over:
                yield record


def _slow_only(subscriptions: Iterable[dict[str, Any]]) -> set[str]:
    """Return the coins of which books were recorded, but no quick ones."""
    books = [s for s in subscriptions if s.get("type") in (L2_BOOK, L2)]
    quick = {s["coin"] for s in books if s.get("fast") or s["type"] == L2}
    return {s["coin"] for s in books} - quick


def _deeper(slow: Row | None, quick: Row | None) -> Row | None:
    """Return the slow book, or the quick one where that is newer and made of deltas."""
    if slow is None or quick is None:
        return slow or quick
    is_deep = any(len(side) > FAST_LEVELS for side in quick["levels"])
    return quick if is_deep and quick["time"] > slow["time"] else slow


def _cut(topic: Topic, data: Row) -> Row:
    """Return data as a stream shows it: a quick book of the tape may be deeper than that."""
    if not topic.fast or topic.figures is not None:
        return data
    return {**data, "levels": [side[:FAST_LEVELS] for side in data["levels"]]}


def _universe_row(instrument: Instrument) -> Row:
    row: Row = {
        "szDecimals": instrument.sz_decimals,
        "name": instrument.coin,
        "maxLeverage": instrument.max_leverage,
    }
    if instrument.is_delisted:
        row["isDelisted"] = True
    return row
