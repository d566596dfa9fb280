"""Fault: a stream that is acknowledged and says nothing."""

from __future__ import annotations

from typing import Literal

from venue.hyperliquid.streams import L2_BOOK
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing


class SilentStream(Fault, frozen=True):
    """Silent stream.

    Subscriptions are acknowledged and yield nothing: one stream with `coin` and `channel`, all but
    the answers without. `book` narrows `l2Book` down to its fast or its slow kind.
    """

    name = "silent_stream"
    does = "acknowledges a stream and sends nothing on it"

    book: Literal["both", "fast", "slow"] = "both"

    def concerns(self, frame: Outgoing) -> bool:
        """Say whether a frame is of the stream."""
        if not super().concerns(frame):
            return False
        if self.book == "both" or frame.channel != L2_BOOK:
            return True
        is_fast = isinstance(frame.data, dict) and frame.data.get("fast") is True
        return is_fast is (self.book == "fast")

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Send nothing."""
        return []
