"""Clock of receive times: UTC nanoseconds that never run backwards and ignore a clock set back.

Stamps advance with the monotonic clock from the wall time at start. When the wall clock moves
ahead of the stamps (a suspended machine, a first NTP sync), the stamps follow it at once; when it
is set back, they go on by themselves and the operator is told.
"""

from __future__ import annotations

import time

from market.events import NS_PER_S

STEP_NS = NS_PER_S


class Clock:
    """The only clock of the daemon."""

    def __init__(self, not_before_ns: int = 0) -> None:
        """Begin at the wall clock, or at `not_before_ns` when an earlier run got further."""
        self._offset = max(time.time_ns(), not_before_ns) - time.monotonic_ns()
        self._last = not_before_ns
        self._behind = 0

    def now_ns(self) -> int:
        """Return the current stamp; never less than the one before."""
        now = time.monotonic_ns() + self._offset
        self._last = max(self._last, now)
        return self._last

    def check(self) -> str:
        """Compare with the wall clock; return what has happened to it since, "" for nothing."""
        ahead = time.time_ns() - (time.monotonic_ns() + self._offset)
        if ahead > STEP_NS:
            self._offset += ahead
            self._behind = 0
            return f"wall clock jumped {ahead / NS_PER_S:.1f} s ahead; time follows it"
        before, self._behind = self._behind, max(0, -ahead)
        if self._behind > before + STEP_NS:
            return (
                f"wall clock was set back and is {self._behind / NS_PER_S:.1f} s behind; "
                "time goes on without it"
            )
        return ""
