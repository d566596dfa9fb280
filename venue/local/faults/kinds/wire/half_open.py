"""Fault: half-open connections, on which nothing comes any more, pongs included.

What a lost route, a dead proxy or a killed host looks like from the client's side.
"""

from __future__ import annotations

from venue.local.faults.fault import Fault, Seconds


class HalfOpen(Fault, frozen=True):
    """Half-open connections.

    Connections that exist as it begins are frozen for `for_s`, then reset; new ones are fine.
    """

    name = "half_open"
    does = "leaves sockets open that never speak or listen again"
    remark = "reset after `for_s` (120)"

    for_s: Seconds = 120.0

    def freezes(self) -> bool:
        """Say that connections freeze."""
        return True
