"""Fault: a frozen book on a live connection."""

from __future__ import annotations

from venue.hyperliquid.streams import BBO, L2, L2_BOOK
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing


class FrozenBook(Fault, frozen=True):
    """Frozen book: every book repeats the first of the window, best prices and deltas fall silent.

    `time_moves` says whether the repeated book at least claims to be new.
    """

    name = "frozen_book"
    does = "repeats one book while trades and pongs go on"
    channels = frozenset((L2_BOOK, L2, BBO))

    time_moves: bool = True

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Put the old book in the place of the new one."""
        if frame.channel in (BBO, L2):
            return []
        key = (frame.coin, frame.data.get("fast"), "spread" in frame.data)
        old = moment.memory.setdefault(key, frame.data)
        time = frame.data["time"] if self.time_moves else old["time"]
        return [frame.saying({**old, "time": time})]
