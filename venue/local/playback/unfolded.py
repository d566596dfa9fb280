"""Recorded deltas of books as the whole quick books that they make.

A delta can be shown only to who has seen all before it, and nobody joins a tape at its beginning.
So the tape's deltas become books again, twenty levels deep, and from those each stream is made.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from market.errors import ProtocolViolation
from market.events import BookUpdate, Level
from market.instrument import Instrument
from venue.hyperliquid import wire
from venue.hyperliquid.l2 import Ladder, unpack
from venue.hyperliquid.streams import L2, L2_BOOK
from venue.local.market import frames
from venue.local.market.contract import Levels

START = b'{"channel":"%s"' % L2.encode()


class _Taken(msgspec.Struct):
    """What a segment's header says of the books that were being made when it began."""

    ladders: dict[str, Ladder] = {}


class Unfolded:
    """The books that a tape's deltas make, coin by coin."""

    def __init__(self, instruments: Mapping[str, Instrument], session: bytes = b"null") -> None:
        """Begin with the state of the session that was recorded, if there is one."""
        self._instruments = instruments
        try:
            taken = msgspec.json.decode(session, type=_Taken | None)
        except msgspec.MsgspecError:
            taken = None
        self._ladders: dict[str, Ladder] = taken.ladders if taken is not None else {}

    def whole(self, raw: bytes) -> bytes | None:
        """Return the quick book that a frame leads to, None when it leads to none."""
        try:
            frame = wire.decode(raw)
            if not isinstance(frame, wire.LadderFrame):
                return None
            update = self._update(frame.data)
        except ProtocolViolation:
            return None
        instrument = self._instruments.get(update.coin) if update is not None else None
        if update is None or instrument is None:
            return None
        sides = _levels(update.bids, instrument), _levels(update.asks, instrument)
        row = frames.book_row(instrument, update.time_ms, sides, fast=True)
        return frames.frame(L2_BOOK, row)

    def _update(self, data: wire.LadderData) -> BookUpdate | None:
        if data.s is not None:
            return self._ladders.setdefault(data.s.coin, Ladder()).begin(data.s, 0)
        delta = unpack(data.c or "")
        ladder = self._ladders.get(delta.coin)
        if ladder is None or not ladder.stands:
            return None
        try:
            return ladder.apply(delta, 0)
        except ProtocolViolation:
            ladder.fall()
            return None


def _levels(levels: list[Level], instrument: Instrument) -> Levels:
    px, sz = 10.0**instrument.px_decimals, 10.0**instrument.sz_decimals
    return [(round(level.px * px), round(level.sz * sz), level.n) for level in levels]
