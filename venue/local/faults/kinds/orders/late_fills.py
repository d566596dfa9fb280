"""Fault: late fills, told after the end of their order."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from venue.local.faults.asked import FILL_QUESTIONS, Asked, Reply
from venue.local.faults.fault import Fault, Milliseconds, Moment
from venue.local.faults.outgoing import FILL_CHANNELS, Outgoing, has_fills


class LateFills(Fault, frozen=True):
    """Late fills.

    Fills come `delay_ms` late and behind everything else; asked for, they are not there yet.

    The newest `missing` rows of userFills are those that are not there yet.
    """

    name = "late_fills"
    does = "tells fills late, out of order with the orders they belong to"
    channels = FILL_CHANNELS
    requests = FILL_QUESTIONS

    delay_ms: Milliseconds = 3_000
    missing: Annotated[int, Meta(ge=0, le=10**9, description="newest rows not found yet")] = 1

    def concerns(self, frame: Outgoing) -> bool:
        """Say whether a frame has fills."""
        return super().concerns(frame) and has_fills(frame)

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Hold a frame back where others may pass it."""
        return [frame.later(self.delay_ms, in_order=False)]

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Return what was known a while ago."""
        rows = reply.data()
        if not isinstance(rows, list):
            return reply
        newest = sorted(rows, key=lambda row: int(row.get("time", 0)), reverse=True)[: self.missing]
        return reply.saying([row for row in rows if not any(row is one for one in newest)])
