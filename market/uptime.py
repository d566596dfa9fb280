"""Uptime of a UTC day: how long the feed was up and the desk neither halted nor latched."""

from __future__ import annotations

from msgspec import Struct

from market.desk import PEAK, Desk
from market.events import NS_PER_DAY, NS_PER_S

# Seconds further apart than this were not run.
SECOND_NS_MAX = 5 * NS_PER_S
SHARE_MIN = 0.5
# The limit whose own days count while it holds the desk latched.
LATCHING = "drawdown"


class Uptime(Struct):
    """Uptime since `day_ms`, in nanoseconds: entries open, and those latched at the peak.

    `last_ns` is the newest second; `day_ms` is 0 before the first day.
    """

    day_ms: int = 0
    last_ns: int = 0
    run_ns: int = 0
    latched_ns: int = 0

    def on_second(self, now_ns: int, desk: Desk, *, feed_up: bool) -> None:
        """Count the time since the second before."""
        step_ns, self.last_ns = now_ns - self.last_ns, now_ns
        if 0 < step_ns <= SECOND_NS_MAX and feed_up and not desk.halts:
            if desk.latched.startswith(PEAK):
                self.latched_ns += step_ns
            else:
                self.run_ns += step_ns

    def share(self, limit: str = "") -> float:
        """Return how much of the day was run, as it counts for a limit."""
        return (self.run_ns + (self.latched_ns if limit == LATCHING else 0)) / NS_PER_DAY

    def was_run(self, limit: str = "") -> bool:
        """Say whether enough of the day was run to count for a limit."""
        return self.share(limit) >= SHARE_MIN
