"""Fault: duplicated frames."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing


class Duplicate(Fault, frozen=True):
    """Duplicates: each frame comes `copies` times more."""

    name = "duplicate"
    does = "sends frames again"

    copies: Annotated[int, Meta(ge=1, le=100)] = 1

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Send a frame and its copies."""
        return [frame] * (1 + self.copies)
