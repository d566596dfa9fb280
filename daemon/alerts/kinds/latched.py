"""A loss limit was reached and holds entries closed, or has opened again."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.alerts.kind import Kind, Memory, Message, Seen, of_alarms

RELEASED = "latch released"


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell which loss limit was reached and how entries open again, and that they have."""
    opened = [alarm for alarm in seen.alarms if alarm.message.startswith(RELEASED)]
    closed = replace(seen, alarms=[alarm for alarm in seen.alarms if alarm not in opened])
    mend = "No new entries; open trades keep their exits. gnomon status says when it opens."
    messages, _ = of_alarms(closed, memory, ("drawdown",), "Loss limit reached", mend)
    back = replace(seen, alarms=opened)
    return [
        *messages,
        *of_alarms(back, memory, ("drawdown",), "Loss limit released", "")[0],
    ], memory


KIND = Kind("latched", "a loss limit was reached, or has opened again", look, urgent=True)
