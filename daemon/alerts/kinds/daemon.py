"""The daemon says nothing any more: the alert that matters most."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen
from market.events import NS_PER_S

AFTER_S = 60


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell once that it does not answer, and once that it answers again.

    One that was stopped in order is told too, in other words: nobody may have meant it.
    """
    health = seen.health
    if health.state in ("running", "starting"):
        if memory.get("told"):
            return [Message("daemon", "The daemon is back", f"It is {health.state}.")], {}
        return [], {"seen": True}
    if health.state == "never" or not (memory.get("seen") or memory.get("since_ns")):
        return [], memory
    since = memory.get("since_ns", seen.now_ns)
    if memory.get("told") or seen.now_ns - since < AFTER_S * NS_PER_S:
        return [], {**memory, "since_ns": since}
    if health.state == "stopped":
        title, body = "The daemon is stopped", "It was stopped in order. systemctl start gnomon"
    else:
        title = "The daemon is silent"
        body = f"{health.words}\nNobody watches the stops. Look: systemctl status gnomon"
    return [Message("daemon", title, body.strip())], {"since_ns": since, "told": True}


KIND = Kind("daemon", "the daemon does not answer, and when it does again", look, urgent=True)
