"""Fault: a stalled stream that ends in a burst."""

from __future__ import annotations

from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing


class Stall(Fault, frozen=True):
    """Stall: all that is sent within the window arrives in a burst at its end."""

    name = "stall"
    does = "holds everything back, then sends it in one burst"
    spoils_answers = True

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Hold a frame until the end of the window."""
        return [frame.later(max(moment.end_ms - moment.now_ms, 0))]
