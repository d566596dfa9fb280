"""The report of the week, on Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.alerts.kind import Kind, Memory, Message, Seen
from market.events import NS_PER_S


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell what the last week came to once it is over, with its page; never of a week before that.

    A service that was down on Monday tells it on Tuesday.
    """
    today = datetime.fromtimestamp(seen.now_ns // NS_PER_S, UTC).date()
    monday = (today - timedelta(days=today.weekday())).isoformat()
    if memory.get("week") == monday:
        return [], memory
    if not memory:
        # Of the week in which it was installed it has seen nothing.
        return [], {"week": monday}
    if seen.week is None:
        return [], memory
    text, page = seen.week()
    return [Message(f"week/{monday}", "The week", text, page)], {"week": monday}


KIND = Kind("weekly", "the report of the week, on Monday", look)
