"""The disk fills up, or the tape cannot be written."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen, of_alarms


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell what the daemon says of disk and tape."""
    return of_alarms(seen, memory, ("disk", "tape"), "Disk", "Look: df -h, and gnomon doctor")


KIND = Kind("disk", "the disk fills up, or the tape stops", look)
