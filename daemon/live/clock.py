"""Clock of receive times: UTC nanoseconds that never run backwards and follow no clock that is set.

Stamps begin at the wall clock and advance with the machine's uptime, sleep included, so nothing
that happens to the wall clock during a run moves them. They begin at the venue's time instead
where the wall clock is far from it. What differs is for the operator to know.
"""

from __future__ import annotations

import time

from msgspec import Struct

from market.events import NS_PER_MS, NS_PER_S, VenueTime
from market.venue_clock import OFFSET_NS_GOOD, OFFSET_NS_MAX

STEP_NS = NS_PER_S


def steady_ns() -> int:
    """Return the machine's uptime, including the time it slept."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


class Reading(Struct, frozen=True):
    """The venue's time, asked and answered at two moments of the machine's uptime."""

    venue_ms: int
    asked_ns: int
    read_ns: int

    def venue_ns(self, at_ns: int) -> int:
        """Return the venue's time at a moment of the machine's uptime."""
        return self.venue_ms * NS_PER_MS + at_ns - (self.asked_ns + self.read_ns) // 2


class Clock:
    """The only clock of the daemon."""

    def __init__(self, not_before_ns: int = 0, reading: Reading | None = None) -> None:
        """Begin at the wall clock, or where the venue or an earlier run says that it is wrong.

        An earlier run that got further is gone on from, unless the venue does not know of such a
        time: then its clock was ahead, and has come back.
        """
        steady, begin = steady_ns(), time.time_ns()
        if reading is not None:
            venue_ns = reading.venue_ns(steady)
            if abs(begin - venue_ns) > OFFSET_NS_MAX:
                begin = venue_ns
            if not_before_ns > venue_ns + OFFSET_NS_MAX:
                not_before_ns = 0
        self._offset = max(begin, not_before_ns) - steady
        self._last = 0
        self._told = 0

    def now_ns(self) -> int:
        """Return the current stamp; never less than the one before."""
        self._last = max(self._last, steady_ns() + self._offset)
        return self._last

    def event_of(self, reading: Reading) -> VenueTime:
        """Return the venue's time as an event, in stamps."""
        asked_ns, read_ns = reading.asked_ns + self._offset, reading.read_ns + self._offset
        return VenueTime(reading.venue_ms, asked_ns, read_ns)

    def wall_ahead_ns(self) -> int:
        """Return how far the wall clock is ahead of the stamps."""
        return time.time_ns() - steady_ns() - self._offset

    def check(self, offset_ns: int | None) -> str:
        """Compare the wall clock with the venue's; return what has changed since, "" for nothing.

        `offset_ns` is by how much stamps are ahead of the venue's clock, None where that is not
        known. Stamps move only when both say that they are behind, as after a pause of the whole
        machine that its uptime does not count.
        """
        ahead_ns, venue = self.wall_ahead_ns(), "our stamps" if offset_ns is None else "the venue's"
        wrong_ns = ahead_ns + (offset_ns or 0)
        if offset_ns is not None and offset_ns < -OFFSET_NS_MAX and abs(wrong_ns) < OFFSET_NS_MAX:
            self._offset += ahead_ns
            return f"time stood still here for {ahead_ns / NS_PER_S:.1f} s; stamps follow"
        if offset_ns is not None and abs(offset_ns) > OFFSET_NS_MAX:
            # Stamps are off as well, which the engine tells.
            return ""
        if abs(wrong_ns) > OFFSET_NS_MAX and abs(wrong_ns - self._told) > STEP_NS:
            self._told = wrong_ns
            way = "ahead of" if wrong_ns > 0 else "behind"
            apart = f"this machine's clock is {abs(wrong_ns) / NS_PER_S:.1f} s {way} {venue}"
            return f"{apart}; time goes on without it"
        if self._told and abs(wrong_ns) < OFFSET_NS_GOOD:
            self._told = 0
            return f"this machine's clock agrees with {venue} again"
        return ""
