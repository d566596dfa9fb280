"""Entries were closed, or opened again."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen, of_alarms

CLOSED = ("halt", "flatten", "wind_down")
OPENED = ("resume", "rearm", "released")


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell who closed entries and why, and when they were opened."""
    closed, _ = of_alarms(seen, memory, CLOSED, "Entries closed", "To open: gnomon resume")
    opened, _ = of_alarms(seen, memory, OPENED, "Entries open again", "")
    return [*closed, *opened], memory


KIND = Kind("halted", "entries were closed, or opened again", look)
