"""The machine's clock and the venue's have parted."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen, of_alarms


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell how far the clocks are apart."""
    mend = "No entry until they agree. Look: timedatectl"
    return of_alarms(seen, memory, ("clock",), "Clock", mend)


KIND = Kind("clock", "the machine's clock is off the venue's", look)
