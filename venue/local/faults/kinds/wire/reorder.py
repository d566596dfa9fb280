"""Fault: reordered frames."""

from __future__ import annotations

from venue.local.faults.fault import Fault, Milliseconds, Moment, Share
from venue.local.faults.outgoing import Outgoing


class Reorder(Fault, frozen=True):
    """Reordering.

    Frames are held back by up to `delay_ms_max`, each for itself, so later ones pass them.
    """

    name = "reorder"
    does = "lets later frames overtake earlier ones"

    share: Share = 0.5
    delay_ms_max: Milliseconds = 1_500

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Hold a frame back where others may pass it."""
        return [frame.later(round(moment.draw * self.delay_ms_max), in_order=False)]
