"""The daemon starts again and again."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen
from market.events import NS_PER_S

WITHIN_S, STARTS = 900, 3


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell once of each loop: three starts within a quarter of an hour."""
    newest = max(seen.runs_ns, default=0)
    recent = [ns for ns in seen.runs_ns if newest - ns <= WITHIN_S * NS_PER_S]
    if len(recent) < STARTS or min(recent) <= memory.get("told_ns", 0):
        return [], memory
    body = (
        f"{len(recent)} starts within {WITHIN_S // 60} min. It recovers from each, and trades"
        " little meanwhile. Look: journalctl -u gnomon -n 50"
    )
    return [Message("restarts", "Restarting again and again", body)], {"told_ns": newest}


KIND = Kind("restarts", "the daemon starts again and again", look, urgent=True)
