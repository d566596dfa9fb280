"""Books on the tape, read line by line, and what an order would have bought from them.

A second reader on purpose: it knows lines, frames of books (whole, or kept up by deltas) and best
prices, and nothing else. What it cannot rebuild it says.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from research.explain.fills import half_even

SUFFIX = ".tape.zst"
# A slow book lengthens a fast one that is newer by no more than this.
DEPTH_AGE_MS = 12_000
CLEAN_AFTER_CROSS = 3
# How much of the tape before a decision is read for the book that then stood.
WARM_NS = 60 * 10**9
CHUNK = 1 << 20

Levels = list[tuple[Decimal, Decimal]]


class Place(NamedTuple):
    """Where a record stands: its segment, its line there (from 1) and its time."""

    segment: str
    line: int
    ns: int


class Line(NamedTuple):
    """One line of a segment."""

    place: Place
    kind: str
    payload: bytes


def lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a segment; what was cut off at its end is left out."""
    decompressor = zstandard.ZstdDecompressor()
    rest, number = b"", 0
    with path.open("rb") as file, decompressor.stream_reader(file) as reader:
        while True:
            try:
                block = reader.read(CHUNK)
            except zstandard.ZstdError:
                return
            if not block:
                return
            *whole, rest = (rest + block).split(b"\n")
            for text in whole:
                number += 1
                kind, ns, payload = (*text.split(b" ", 2), b"", b"")[:3]
                if kind == b"B":
                    kind, payload = b"F", base64.b64decode(payload)
                if ns.isdigit():
                    yield Line(Place(path.name, number, int(ns)), kind.decode(), payload)


def between(folder: Path, from_ns: int, until_ns: int) -> Iterator[Line]:
    """Yield the lines of a tape around a span of time, in order, up to the first one behind it."""
    found = sorted(p for p in folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    starts = [_started_ns(path) for path in found]
    for at, path in enumerate(found):
        ends = starts[at + 1] if at + 1 < len(found) else 1 << 62
        if ends < from_ns or starts[at] > until_ns:
            continue
        for line in lines(path):
            yield line
            if line.place.ns > until_ns and line.kind in "FT":
                return


def _started_ns(path: Path) -> int:
    """Return when a segment began, to the second, from its header."""
    for line in lines(path):
        return line.place.ns
    return 1 << 62


class Said(NamedTuple):
    """A frame of one coin's book: whole (slow, fast, bbo, snapshot) or a delta.

    Of a delta, bids and asks are what is put at its price, and `gone` the positions taken away.
    """

    kind: str
    time_ms: int
    bids: Levels
    asks: Levels
    gone: tuple[list[int], list[int]] = ([], [])

    def fits(self, standing: Said) -> bool:
        """Say whether the positions that a delta takes away are there."""
        sides = zip(self.gone, (standing.bids, standing.asks), strict=True)
        return all(0 <= at < len(side) for gone, side in sides for at in gone)

    def after(self, standing: Said) -> tuple[Levels, Levels]:
        """Return both sides after a delta: taken away by position, then put by price."""
        sides = []
        for old, put, gone in zip(standing[2:4], self[2:4], self.gone, strict=True):
            kept = {px: sz for at, (px, sz) in enumerate(old) if at not in gone}
            sides.append(sorted((kept | dict(put)).items()))
        return sides[0][::-1], sides[1]


def _frame(payload: bytes, coin: str) -> Said | None:
    """Return what a frame says of a coin's book, None for any other frame."""
    try:
        frame = json.loads(payload)
    except ValueError:
        return None
    channel, data = frame.get("channel"), frame.get("data")
    if channel == "l2" and isinstance(data, dict):
        if data.get("c"):
            text = zlib.decompress(base64.b64decode(data["c"]), -zlib.MAX_WBITS)
            delta = json.loads(text)
            if delta["c"] != coin:
                return None
            bids, asks = (
                [(Decimal(str(put["p"])), Decimal(str(put["s"]))) for put in side]
                for side in delta["l"]
            )
            return Said("delta", int(delta["t"]), bids, asks, (delta["r"][0], delta["r"][1]))
        channel, data, kind = "l2Book", data.get("s") or {}, "snapshot"
    else:
        kind = "fast" if isinstance(data, dict) and data.get("fast") else "slow"
    if channel not in ("l2Book", "bbo") or data.get("coin") != coin:
        return None
    if channel == "bbo":
        kind, levels = "bbo", [[level] if level else [] for level in data["bbo"]]
    else:
        levels = data["levels"]
    bids, asks = ([(Decimal(v["px"]), Decimal(v["sz"])) for v in side] for side in levels)
    return Said(kind, data["time"], bids, asks)


class Book:
    """One coin's book from whole frames: slow and deep, fast and short, and the best prices."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        # Why what stands here may not be the book, "" where it is.
        self.unsure = ""
        self._ladder: Said | None = None
        self.frames: dict[str, tuple[int, Levels, Levels]] = {}
        self.time_ms = 0
        self.top: tuple[Decimal, Decimal] | None = None
        self._unclean = 0

    @property
    def ok(self) -> bool:
        """Say whether both sides exist and do not cross, and have not for a few frames."""
        return self.top is not None and self.top[0] < self.top[1] and not self._unclean

    @property
    def mid(self) -> float:
        """Return the middle of the touch, 0 without one."""
        return 0.0 if self.top is None else 0.5 * (float(self.top[0]) + float(self.top[1]))

    def feed(self, line: Line, coin: str) -> bool:
        """Take a line; return whether it changed the coin's book."""
        if line.kind == "X":
            self._interrupt(json.loads(line.payload), coin)
            return False
        if line.kind != "F" or not (coin.encode() in line.payload or b'"l2"' in line.payload):
            return False
        said = _frame(line.payload, coin)
        if said is None:
            return False
        kind, time_ms, bids, asks = said.kind, said.time_ms, said.bids, said.asks
        if kind == "delta":
            standing = self._ladder
            if standing is None or time_ms < standing.time_ms or not said.fits(standing):
                self._ladder, self.unsure = None, "its book was kept by deltas from an unknown one"
                return False
            bids, asks = said.after(standing)
        elif kind == "snapshot":
            self.unsure = ""
        if kind in ("delta", "snapshot"):
            kind, self._ladder = "fast", said._replace(bids=bids, asks=asks)
        if kind in self.frames and time_ms < self.frames[kind][0]:
            return False
        self.frames[kind] = time_ms, bids, asks
        if time_ms >= self.time_ms:
            self.time_ms = time_ms
            self._set_top(bids, asks)
        return True

    def _interrupt(self, event: dict[str, Any], coin: str) -> None:
        """Take an event of the feed: what a broken connection said counts no more."""
        coins = event.get("coins")
        if event.get("type") == "feed_down" and (not coins or coin in coins):
            self._clear()
        elif event.get("type") == "stream_down" and event.get("coin") == coin:
            self.frames.pop(event["stream"], None)
            if event["stream"] == "fast":
                self._ladder = None
            if not self.frames:
                self.top = None

    def _set_top(self, bids: Levels, asks: Levels) -> None:
        self.top = (bids[0][0], asks[0][0]) if bids and asks else None
        if self.top is None:
            return
        if self.top[0] >= self.top[1]:
            self._unclean = CLEAN_AFTER_CROSS
        elif self._unclean:
            self._unclean -= 1

    def side(self, buys: bool) -> Levels:
        """Return the levels that an order takes, best first."""
        sign = 1 if buys else -1

        def said(kind: str) -> tuple[int, Levels]:
            time_ms, bids, asks = self.frames.get(kind, (0, [], []))
            return time_ms, asks if buys else bids

        (fast_ms, fast), (slow_ms, slow), (bbo_ms, bbo) = map(said, ("fast", "slow", "bbo"))
        base_ms, levels = slow_ms, slow
        if fast_ms > slow_ms:
            base_ms, levels = fast_ms, list(fast)
            if fast and fast_ms - slow_ms <= DEPTH_AGE_MS:
                levels += [level for level in slow if sign * (level[0] - fast[-1][0]) > 0]
        if bbo_ms > base_ms:
            levels = bbo + [level for level in levels if bbo and sign * (level[0] - bbo[0][0]) > 0]
        return levels


def taken(levels: Levels, lots: int, decimals: int) -> tuple[int, int, int]:
    """Return lots, micro-USD and levels that an order of `lots` takes, best level first."""
    left, money, touched = lots, 0, 0
    for px, sz in levels:
        there = int(sz.scaleb(decimals))
        if there <= 0 or not left:
            continue
        take = min(left, there)
        money += half_even(px * take * Decimal(10) ** (6 - decimals))
        left -= take
        touched += 1
    return lots - left, money, touched


class Found(NamedTuple):
    """The book that a fill met: its record, the levels it took from, size decimals, its mid."""

    place: Place
    levels: Levels
    decimals: int | None
    unsure: str
    mid: float


def _may_last(line: Line) -> bool:
    """Say whether a book may still rest on a line of long ago."""
    return line.kind == "X" or (line.kind == "F" and line.payload.startswith(b'{"channel":"l2"'))


def first_book(
    folder: Path, coin: str, *, buys: bool, due_ns: int, most_ns: int
) -> tuple[Found | None, bool]:
    """Return the first sound book of a coin at or after a time, and whether the tape covers it."""
    book, decimals, covered = Book(), None, False
    for line in between(folder, due_ns - WARM_NS, most_ns):
        if line.kind == "H":
            header = json.loads(line.payload)
            for one in header["instruments"]:
                if one["coin"] == coin:
                    decimals = one["sz_decimals"]
            continue
        if line.place.ns < due_ns - WARM_NS and not _may_last(line):
            continue
        covered = covered or line.place.ns >= due_ns
        if line.place.ns > most_ns:
            break
        changed = book.feed(line, coin)
        if changed and book.ok and line.place.ns >= due_ns:
            return Found(line.place, book.side(buys), decimals, book.unsure, book.mid), True
    return None, covered


class Ended(NamedTuple):
    """Why an exit was decided, the record at which it was, and the mid then (0 for none)."""

    reason: str
    place: Place
    mid: float


class Plan(NamedTuple):
    """What ends a trade by itself: prices (0 for none), how far a stop trails, and a time."""

    long: bool
    stop_px: float
    target_px: float
    trail: float
    until_ns: int


def decided_exit(folder: Path, coin: str, plan: Plan, met: Place, most_ns: int) -> Ended | None:
    """Return what ended a trade that was opened at a record.

    Every sound book behind that record is a mark; with each second the stop trails the best mark.
    """
    book, opened = Book(), False
    stop, best, sign = plan.stop_px, 0.0, 1.0 if plan.long else -1.0
    for line in between(folder, met.ns - WARM_NS, most_ns):
        if line.place.ns < met.ns - WARM_NS and not _may_last(line):
            continue
        if line.place.ns > most_ns:
            break
        if line.kind == "T" and opened:
            if plan.trail:
                stop = sign * max(sign * stop, sign * best - plan.trail)
            if line.place.ns >= plan.until_ns:
                return Ended("horizon", line.place, book.mid if book.ok else 0.0)
        if not book.feed(line, coin):
            continue
        if opened and book.ok:
            if sign * (book.mid - stop) <= 0.0:
                why = "stop" if stop == plan.stop_px else "trail"
                return Ended(why, line.place, book.mid)
            if plan.target_px and sign * (book.mid - plan.target_px) >= 0.0:
                return Ended("target", line.place, book.mid)
            best = sign * max(sign * best, sign * book.mid)
        elif line.place[:2] == met[:2]:
            opened, best = True, book.mid
    return None
