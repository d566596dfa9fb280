"""Feed of both sides, and the numbers of the strategy that both run.

Each of the strategies follows the mid with two exponential averages and counts how often they
change places; the formula is written out in either engine's own form, the counts must agree.
Imported in either environment: it needs the standard library and msgspec, which both hold.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import msgspec

STRATEGIES = 26
COIN = "BTC"
# A hundred quotes a second in venue time; replays run as fast as they can.
STEP_MS = 10
# Live, one quote in so many leads to an order, from each strategy in turn.
ORDER_EVERY = 50
FAST, SLOW = 2.0 / (12 + 1), 2.0 / (26 + 1)

_TIME = re.compile(rb'"time":\d+')


class Level(msgspec.Struct, gc=False):
    """One side of the touch, as the venue writes it."""

    px: float
    sz: float


class _Data(msgspec.Struct, gc=False):
    time: int
    bbo: tuple[Level, Level]


class _Frame(msgspec.Struct, gc=False):
    data: _Data


_decode = msgspec.json.Decoder(_Frame, strict=False).decode


def restamped(templates: Sequence[bytes], count: int, start_ms: int) -> Iterator[bytes]:
    """Yield `count` frames, the templates over and over, each a step later than the last."""
    cut = [_TIME.split(raw, maxsplit=1) for raw in templates]
    for number, (before, after) in enumerate(islice(cycle(cut), count)):
        yield b'%s"time":%d%s' % (before, start_ms + number * STEP_MS, after)


def write(path: Path, frames: Iterable[bytes]) -> None:
    """Write frames as lines."""
    path.write_bytes(b"".join(raw + b"\n" for raw in frames))


def read(path: Path) -> list[bytes]:
    """Return the frames of a file."""
    return path.read_bytes().splitlines()


def quote(raw: bytes) -> tuple[int, Level, Level]:
    """Return a two-sided bbo frame as (venue time in ms, bid, ask)."""
    data = _decode(raw).data
    return data.time, *data.bbo


def is_turn(number: int, strategy: int) -> bool:
    """Say whose turn it is to send an order on the quote of that number, counted from 1."""
    return number // ORDER_EVERY % STRATEGIES == strategy


def settle_gc() -> None:
    """Freeze what is there and raise the thresholds, on both sides as the daemon does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
