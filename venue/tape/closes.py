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
from market.events import Candles
from market.series import Series
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
    series = {name: _closes(coin.bars.series[timeframe]) for name, coin in coins.items()}
    if any(found.prices for found in series.values()):
        return series
    told: dict[str, Bars] = {}
    for record in islice(segment.records(), RECORDS_MAX):
        if record.kind != "R":
            continue
        fact = decode_fact(record.payload, record.ns)
        if isinstance(fact, Candles):
            # Minutes tell of the longer timeframes too, which then were not asked for.
            answered = told.setdefault(fact.coin, Bars())
            answered.on_candles(fact.timeframe, fact.rows, fact.asked_ns // 1_000_000)
    return {name: _closes(bars.series[timeframe]) for name, bars in told.items()}


def _closes(series: Series) -> Closes:
    return Closes(list(series.close), series.start_ms[-1] if series.start_ms else 0)
