"""The update rate of a stream, learned from the stream itself.

The venue changed its book cadence from 0.5 s to 5 s within two months, so a fixed staleness
limit either blocks everything or notices nothing. The estimate is a peak of the gaps that decays
towards the current gap, so it follows a periodic stream closely and, for a stream that speaks
only on change, stays near its longer silences. Beside it stands the usual gap, which one long
silence hardly moves: what it has come to be is the stream's cadence now, faster or slower.
"""

from __future__ import annotations

from msgspec import Struct

DECAY = 1.0 / 64.0
# A handful of gaps makes a new cadence the usual one; a single gap counts as four at most.
USUAL_SHARE = 1.0 / 4.0
USUAL_TIMES_MAX = 4.0


class Cadence(Struct, gc=False):
    """Learned interval of one stream; all times in nanoseconds."""

    last_ns: int = 0
    peak_ns: float = 0.0
    usual_ns: float = 0.0
    count: int = 0

    def observe(self, now_ns: int) -> None:
        """Record that the stream spoke at `now_ns`."""
        if self.count:
            gap = now_ns - self.last_ns
            if gap > self.peak_ns:
                self.peak_ns = float(gap)
            else:
                self.peak_ns += (gap - self.peak_ns) * DECAY
            usual = self.usual_ns or float(gap)
            self.usual_ns = usual + (min(gap, USUAL_TIMES_MAX * usual) - usual) * USUAL_SHARE
        self.last_ns = now_ns
        self.count += 1

    def interrupt(self) -> None:
        """Forget the last time, so that an outage is not learned as a cadence."""
        if self.count:
            self.count = 0

    def age_ns(self, now_ns: int) -> int:
        """Return how long the stream has been silent; meaningless before the first event."""
        return now_ns - self.last_ns
