"""Fault: duplicated fills, in streams and in answers."""

from __future__ import annotations

from venue.local.faults.asked import FILL_QUESTIONS, Asked, Reply
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import FILL_CHANNELS, Outgoing, has_fills


class DuplicateFills(Fault, frozen=True):
    """Duplicate fills: frames with fills come twice, and every row of userFills as well."""

    name = "duplicate_fills"
    does = "tells every fill twice"
    channels = FILL_CHANNELS
    requests = FILL_QUESTIONS

    def concerns(self, frame: Outgoing) -> bool:
        """Say whether a frame has fills."""
        return super().concerns(frame) and has_fills(frame)

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Send a frame twice."""
        return [frame, frame]

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Return every fill twice."""
        rows = reply.data()
        if not isinstance(rows, list):
            return reply
        return reply.saying([row for row in rows for _ in range(2)])
