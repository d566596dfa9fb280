"""A trial of autoresearch has been decided."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell each decision once, and none of before the first look."""
    if seen.trials is None:
        return [], memory
    newest = max((trial.trial_id for trial in seen.trials), default=0)
    last = memory.get("trial_id", newest)
    fresh = [trial for trial in seen.trials if trial.trial_id > last]
    messages = [
        Message(
            f"trial/{trial.trial_id}",
            f"Trial of {trial.bot}: {trial.decision}",
            f"{trial.change}\nWhy: gnomon research autoresearch --dry-run",
        )
        for trial in fresh
    ]
    return messages, {"trial_id": max(last, newest)}


KIND = Kind("trial", "a trial has been decided", look, way="silent")
