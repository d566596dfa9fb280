"""Fault: a stream that speaks less often than it did."""

from __future__ import annotations

from venue.hyperliquid.streams import L2_BOOK
from venue.local.faults.fault import Fault, Milliseconds, Moment
from venue.local.faults.outgoing import Outgoing


class SlowCadence(Fault, frozen=True):
    """Slow cadence: frames of a stream come every `every_ms` at most; those between are not sent.

    What comes is current, unlike under a stream that lags.
    """

    name = "slow_cadence"
    does = "sends a stream's frames less often"
    channels = frozenset((L2_BOOK,))

    every_ms: Milliseconds = 2_000

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Leave a frame out that comes too soon after the one before."""
        data = frame.data if isinstance(frame.data, dict) else {}
        key = (frame.channel, frame.coin, data.get("fast"))
        due_ms = moment.memory.get(key, 0)
        if moment.now_ms < due_ms:
            return []
        moment.memory[key] = moment.now_ms + self.every_ms
        return [frame]
