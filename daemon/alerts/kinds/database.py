"""The database was moved, is damaged, or cannot be written."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen, of_alarms

KINDS = ("files", "check", "journal", "database", "store", "retention")


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell what the daemon says of its files."""
    return of_alarms(seen, memory, KINDS, "Database", "Look: gnomon db check")


KIND = Kind(
    "database", "the database was moved, is damaged or cannot be written", look, urgent=True
)
