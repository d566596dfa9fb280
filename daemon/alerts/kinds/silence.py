"""No bot has made a signal for a day."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen
from market.events import NS_PER_S

DAY_NS = 86_400 * NS_PER_S


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell once of each silence that lasts a day, while the daemon runs."""
    status, last = seen.health.status, seen.last_signal_ns
    if status is None or last is None or status.uptime_s * NS_PER_S < DAY_NS:
        return [], memory
    if seen.now_ns - last < DAY_NS or memory.get("last_ns") == last:
        return [], memory
    hours = (seen.now_ns - last) / NS_PER_S / 3600
    body = f"No bot has made a signal for {hours:.0f} h. Why: gnomon why --idle"
    return [Message("silence", "No signal for a day", body)], {"last_ns": last}


KIND = Kind("silence", "no signal for a day", look)
