"""The newest closed bars of a tape, found without a replay.

A segment opens with the whole engine, bars included. The first one of a state opens with
nothing, but what the venue answered at the start stands close behind its head.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from market.bars import Bars
from market.errors import InputDamaged
from market.events import TIMEFRAME_MS, Candles
from venue.tape.lines import SUFFIX, decode_fact
from venue.tape.segment import Segment

# The history asked for at the start is answered within seconds.
RECORDS_MAX = 20_000
SEGMENTS_MAX = 3


class _Coin(Struct):
    bars: Bars


class _Head(Struct):
    coins: dict[str, _Coin]


class Closes(NamedTuple):
    """Closing prices, oldest first, and when the newest of these bars began; 0 without any."""

    prices: list[float]
    newest_ms: int


def closes(tape: Path, timeframe: str) -> dict[str, list[float]]:
    """Return closing prices by coin, oldest first, from the newest segment; none is no error."""
    return {name: found.prices for name, found in timed_closes(tape, timeframe).items()}


def timed_closes(tape: Path, timeframe: str) -> dict[str, Closes]:
    """Return the same with the time of the newest: a segment's head may be an hour old."""
    for path in sorted(tape.glob(f"*{SUFFIX}"), reverse=True)[:SEGMENTS_MAX]:
        try:
            series = _of(Segment(path), timeframe)
        except (InputDamaged, msgspec.MsgspecError):
            # The newest may have only just begun; an older one will do for a label.
            continue
        if any(found.prices for found in series.values()):
            return series
    return {}


def _of(segment: Segment, timeframe: str) -> dict[str, Closes]:
    head = msgspec.json.decode(segment.header().engine, type=_Head | None)
    coins = head.coins if head is not None else {}
    bars = {name: coin.bars.series[timeframe] for name, coin in coins.items()}
    series = {
        name: Closes(list(b.close), b.start_ms[-1] if b.start_ms else 0) for name, b in bars.items()
    }
    if any(found.prices for found in series.values()):
        return series
    for record in islice(segment.records(), RECORDS_MAX):
        if record.kind != "R":
            continue
        fact = decode_fact(record.payload, record.ns)
        if isinstance(fact, Candles) and fact.timeframe == timeframe:
            end_ms = fact.asked_ns // 1_000_000 - TIMEFRAME_MS[timeframe]
            rows = [c for c in fact.rows if c.start_ms <= end_ms]
            newest = rows[-1].start_ms if rows else 0
            series[fact.coin] = Closes([c.close for c in rows], newest)
    return series
