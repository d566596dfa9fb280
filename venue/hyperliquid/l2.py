"""The `l2` stream: a book of twenty levels a side, kept up to date by deltas.

A snapshot comes first, then about two deltas a second, each a compressed text. There is no
sequence number, so a lost frame shows only as a delta that does not fit. What is taken away goes
first, by its position before the delta; what is put or replaced comes after, by price.

Source: the stream is undocumented; three independent recordings agree on it.
"""

from __future__ import annotations

import binascii
import zlib
from base64 import b64decode
from datetime import UTC, datetime

import msgspec
from msgspec import Struct, field

from market.errors import ProtocolViolation
from market.events import BookUpdate, Level
from venue.hyperliquid.bounds import PX_MAX, PX_MIN, SIZE_MAX, SIZE_MIN
from venue.hyperliquid.wire import L2Data, TimeMs, book_update

DEPTH = 20
DELTA_BYTES_MAX = 64 << 10
# A slow book is compared with the state of its own time, which may have come before it or come
# after it.
RECENT = 4

MISFIT = "l2_misfit"
UNREADABLE = "l2_unreadable"


class Put(Struct, gc=False, rename={"px": "p", "sz": "s"}):
    """A price at which the size is new."""

    px: float
    sz: float


class Delta(Struct, gc=False, rename={"coin": "c", "time": "t", "put": "l", "taken": "r"}):
    """Change of a book: per side what is put at its price, and which positions are taken away."""

    coin: str
    time: TimeMs
    put: tuple[list[Put], list[Put]]
    taken: tuple[list[int], list[int]]


_decoder: msgspec.json.Decoder[Delta] = msgspec.json.Decoder(Delta, strict=False)


def unpack(text: str) -> Delta:
    """Return the delta in a compressed text; raises ProtocolViolation, whatever the text."""
    try:
        raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(
            b64decode(text, validate=True), DELTA_BYTES_MAX
        )
    except (binascii.Error, ValueError, zlib.error) as error:
        raise ProtocolViolation(UNREADABLE, str(error)) from None
    if len(raw) >= DELTA_BYTES_MAX:
        raise ProtocolViolation(UNREADABLE, f"a delta of {DELTA_BYTES_MAX} bytes or more")
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation(UNREADABLE, str(error)) from None


class Standing(Struct, gc=False):
    """A book as it stood at a venue time; the lists are never changed."""

    time_ms: int
    bids: list[Level]
    asks: list[Level]


class Ladder(Struct):
    """One coin's book as snapshot and deltas have made it, and what it is compared with.

    `recent` holds the newest states, oldest first; `unmet` the newest slow book whose time the
    deltas have not reached; `met` counts the comparisons. Without a state it waits for a snapshot.
    """

    recent: list[Standing] = field(default_factory=list)
    unmet: Standing | None = None
    met: int = 0

    @property
    def stands(self) -> bool:
        """Say whether there is a book that a delta could change."""
        return bool(self.recent)

    def fall(self) -> None:
        """Forget the book: it cannot be trusted before the next snapshot."""
        self.recent.clear()
        self.unmet = None

    def begin(self, snapshot: L2Data, now_ns: int) -> BookUpdate:
        """Begin anew with a snapshot; raises ProtocolViolation unless it is a sound book."""
        update = book_update(snapshot, now_ns)
        if len(update.bids) > DEPTH or len(update.asks) > DEPTH:
            raise ProtocolViolation(MISFIT, f"{snapshot.coin}: more than {DEPTH} levels a side")
        self.fall()
        return self._stand(snapshot.coin, snapshot.time, update.bids, update.asks, now_ns)

    def apply(self, delta: Delta, now_ns: int) -> BookUpdate:
        """Take a delta; raises ProtocolViolation of kind l2_misfit when it does not fit."""
        coin = delta.coin
        if not self.recent:
            raise ProtocolViolation(MISFIT, f"{coin}: a delta before the snapshot")
        last = self.recent[-1]
        if delta.time < last.time_ms:
            raise ProtocolViolation(MISFIT, f"{coin}: time goes back to {delta.time}")
        bids = _changed(coin, last.bids, delta.taken[0], delta.put[0], falling=True)
        asks = _changed(coin, last.asks, delta.taken[1], delta.put[1], falling=False)
        if bids and asks and bids[0].px >= asks[0].px:
            raise ProtocolViolation(MISFIT, f"{coin}: bid {bids[0].px} at ask {asks[0].px}")
        return self._stand(coin, delta.time, bids, asks, now_ns)

    def _stand(
        self, coin: str, time_ms: int, bids: list[Level], asks: list[Level], now_ns: int
    ) -> BookUpdate:
        standing = Standing(time_ms, bids, asks)
        self.recent.append(standing)
        del self.recent[:-RECENT]
        unmet = self.unmet
        if unmet is not None and unmet.time_ms <= time_ms:
            self.unmet = None
            if unmet.time_ms == time_ms:
                self._meet(coin, standing, unmet)
        return BookUpdate(coin, time_ms, bids, asks, True, now_ns)

    def compare(self, slow: L2Data) -> None:
        """Compare with a slow book of the same time, now or when the deltas have come so far.

        Raises ProtocolViolation of kind l2_misfit when they differ.
        """
        if not self.recent:
            return
        book = Standing(slow.time, slow.levels[0], slow.levels[1])
        if slow.time > self.recent[-1].time_ms:
            self.unmet = book
            return
        for standing in reversed(self.recent):
            if standing.time_ms == slow.time:
                self._meet(slow.coin, standing, book)
                return

    def _meet(self, coin: str, ours: Standing, slow: Standing) -> None:
        if not (_same(ours.bids, slow.bids) and _same(ours.asks, slow.asks)):
            stamp = datetime.fromtimestamp(slow.time_ms / 1_000, UTC).strftime("%H:%M:%SZ")
            raise ProtocolViolation(MISFIT, f"{coin}: differs from l2Book at {stamp}")
        self.met += 1


def _changed(
    coin: str, levels: list[Level], taken: list[int], put: list[Put], *, falling: bool
) -> list[Level]:
    """Return one side after a delta; `falling` is the order of bids."""
    if not taken and not put:
        return levels
    gone = set(taken)
    if len(gone) != len(taken) or not all(0 <= at < len(levels) for at in gone):
        raise ProtocolViolation(MISFIT, f"{coin}: takes {taken} from {len(levels)} levels")
    by_px = {level.px: level for at, level in enumerate(levels) if at not in gone}
    for level in put:
        if not (PX_MIN <= level.px < PX_MAX and SIZE_MIN <= level.sz < SIZE_MAX):
            raise ProtocolViolation("bad_level", f"{coin} l2 {level.px} x {level.sz}")
        by_px[level.px] = Level(level.px, level.sz)
    after = [by_px[px] for px in sorted(by_px, reverse=falling)]
    # A book that was thinner than the stream's depth may have any length below it.
    if len(after) > DEPTH or len(after) < len(levels) == DEPTH:
        raise ProtocolViolation(MISFIT, f"{coin}: a side of {len(after)} levels")
    return after


def _same(ours: list[Level], theirs: list[Level]) -> bool:
    return len(ours) == len(theirs) and all(
        a.px == b.px and a.sz == b.sz for a, b in zip(ours, theirs, strict=True)
    )
