"""Fault: truncated messages."""

from __future__ import annotations

from typing import Literal

from venue.local.faults.fault import Fault, Moment, Share
from venue.local.faults.outgoing import Outgoing


class TruncatedFrame(Fault, frozen=True):
    """Truncated frame: the message is cut at a drawn place.

    `cut` "text": a whole websocket frame with half a message; "wire": the websocket frame itself
    breaks off and the connection with it.
    """

    name = "truncated_frame"
    does = "cuts messages short, or the websocket frame and the connection with them"

    share: Share = 0.1
    cut: Literal["text", "wire"] = "text"

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Cut a message."""
        size = int(moment.draw * len(frame.payload))
        return [frame.raw(frame.payload[:size]) if self.cut == "text" else frame.cut(size)]
