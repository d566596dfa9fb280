"""A bot was taken out of service by its own fault."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen, of_alarms


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell which bot failed, and how it is put back."""
    mend = "The others go on. To put it back: gnomon rearm BOT"
    return of_alarms(seen, memory, ("bot_fault",), "A bot is out of service", mend)


KIND = Kind("bot", "a bot was taken out of service", look)
