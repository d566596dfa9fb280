"""Fault: single stamps from another time."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from venue.hyperliquid.streams import BBO, L2_BOOK, TRADES
from venue.local.faults.fault import Fault, Moment, Share
from venue.local.faults.outgoing import Outgoing, shifted


class StrayStamp(Fault, frozen=True):
    """Stray stamps: a `share` of the frames are dated `off_ms` away, positive: in the future.

    Unlike a clock that is wrong, the frames between them are right.
    """

    name = "stray_stamp"
    does = "dates single frames far away"
    channels = frozenset((L2_BOOK, BBO, TRADES))

    share: Share = 0.02
    off_ms: Annotated[int, Meta(ge=-(10**12), le=10**12, description="negative: the past")] = 29_000

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Shift the times in a frame."""
        return [frame.saying(shifted(frame.data, self.off_ms))]
