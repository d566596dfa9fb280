"""Frames of a tape that can be shown again, and the shift of their times.

Only streams of the market are: books, best prices, trades, contexts, and the candles that the
recorder asked for. A frame that the daemon itself would refuse is passed over, because a tape holds
whatever the venue sent. Invariant: what is shown differs from what was recorded in its times alone.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from market.errors import ProtocolViolation
from market.events import NS_PER_MS, Candle, Candles
from venue.hyperliquid import wire
from venue.hyperliquid.streams import BBO, CONTEXT, L2_BOOK, TRADES
from venue.local.market.contract import Topic

# Beyond the year 5000: no time, but a number that arithmetic would choke on.
TIME_MS_MAX = 10**14

_history_decoder = msgspec.json.Decoder(Candles)


class Shift(Struct, frozen=True):
    """Mapping of tape time to shown time; `first_ns` is shown at `start_ms`."""

    first_ns: int
    start_ms: int
    speed: float

    def shown_ms(self, recorded_ms: int) -> int:
        """Return when a moment of the tape is shown, in ms UTC."""
        return self.start_ms + round((recorded_ms - self.first_ns / NS_PER_MS) / self.speed)

    def is_due(self, recorded_ns: int, now_ms: int) -> bool:
        """Say whether a record's time has come."""
        return (recorded_ns - self.first_ns) / NS_PER_MS <= (now_ms - self.start_ms) * self.speed


class Shown(Struct, frozen=True):
    """A frame to show: its topic, its data as recorded but for the times, and the typed reading."""

    topic: Topic
    data: Any
    typed: wire.Frame


def shown(raw: bytes, shift: Shift) -> Shown | None:
    """Return a recorded frame with its times moved, None when it is not shown again."""
    try:
        typed = wire.decode(raw)
        topic = _topic(typed)
        message = msgspec.json.decode(raw)
    except (ProtocolViolation, msgspec.DecodeError, UnicodeError, RecursionError):
        # Fields that the daemon does not read may hold what it would not have noticed.
        return None
    times = _times(typed)
    if topic is None or not all(0 <= time_ms < TIME_MS_MAX for time_ms in times):
        return None
    data = message["data"]
    timed = data if isinstance(data, list) else [data]
    for row, time_ms in zip(timed, times, strict=False):
        row["time"] = shift.shown_ms(time_ms)
    return Shown(topic, data, typed)


def _times(frame: wire.Frame) -> list[int]:
    """Return the venue times in a frame, in ms; a context has none."""
    match frame:
        case wire.L2BookFrame(data) | wire.BboFrame(data):
            return [data.time]
        case wire.TradesFrame(trades):
            return [trade.time for trade in trades]
        case _:
            return []


def _topic(frame: wire.Frame) -> Topic | None:
    """Return the topic of a sound frame; raises ProtocolViolation for an unsound one."""
    match frame:
        case wire.L2BookFrame(data):
            wire.book_update(data, 0)
            return Topic(L2_BOOK, coin=data.coin, fast=data.fast)
        case wire.BboFrame(data):
            wire.bbo_update(data, 0)
            return Topic(BBO, coin=data.coin)
        case wire.ContextFrame(data):
            wire.context_update(data, 0)
            return Topic(CONTEXT, coin=data.coin)
        case wire.TradesFrame(trades):
            coins = {trade.coin for trade in trades}
            wire.trades_update("", trades, 0)
            return Topic(TRADES, coin=coins.pop()) if len(coins) == 1 else None
        case _:
            return None


def candles_of(payload: bytes) -> Candles | None:
    """Return the candles in a recorded reply, None for any other reply."""
    try:
        return _history_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def aligned(candles: Candles, step_ms: int, shift: Shift) -> list[Candle]:
    """Return the candles moved to shown time, down to the nearest bar that could be.

    Bars open at round times, and a tape is rarely shown a round time after it was recorded. So
    history may lie up to one bar earlier than the trades that follow it.
    """
    moved = []
    for row in candles.rows:
        at_ms = shift.shown_ms(row.start_ms)
        moved.append(
            Candle(
                at_ms - at_ms % step_ms,
                row.open,
                row.high,
                row.low,
                row.close,
                row.volume,
                row.count,
            )
        )
    return moved
