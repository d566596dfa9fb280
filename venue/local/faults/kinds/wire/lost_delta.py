"""Fault: lost deltas of a book, which no sequence number tells."""

from __future__ import annotations

from venue.hyperliquid.streams import L2
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing


class LostDelta(Fault, frozen=True):
    """Lost deltas: of the `l2` stream every `every`-th delta never arrives."""

    name = "lost_delta"
    does = "loses deltas of the l2 stream"
    channels = frozenset((L2,))

    every: int = 2

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Lose a delta; snapshots arrive."""
        if "c" not in frame.data:
            return [frame]
        count = moment.memory[frame.coin] = moment.memory.get(frame.coin, 0) + 1
        return [] if count % self.every == 0 else [frame]
