"""The feed has been down for longer than a reconnect takes."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen
from market.events import NS_PER_S

DOWN_S = 120


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell once that the feed is down for two minutes, and once that it is back."""
    status = seen.health.status
    if status is None:
        # Who does not answer has its own alert.
        return [], memory
    since = memory.get("since_ns")
    if status.connected:
        back = [Message("feed", "Feed is back", "Prices come again.")] if memory.get("told") else []
        return back, {}
    if since is None:
        return [], {"since_ns": seen.now_ns}
    if memory.get("told") or seen.now_ns - since < DOWN_S * NS_PER_S:
        return [], memory
    minutes = (seen.now_ns - since) / NS_PER_S / 60
    body = (
        f"No connection to the venue for {minutes:.0f} min. No entries; open trades are marked at"
        " their last prices and cannot be left. It goes on trying by itself."
    )
    return [Message("feed", "Feed down", body)], {"since_ns": since, "told": True}


KIND = Kind("feed", "the feed is down for over two minutes, and when it is back", look, urgent=True)
