"""A limit has a verdict for the first time, or another one than it had."""

from __future__ import annotations

from daemon.alerts.kind import Kind, Memory, Message, Seen
from shadow.report.verdict import UNDETERMINED


def look(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    """Tell each verdict once, and none of before the first look.

    That one is undecided again is told by the report alone.
    """
    if seen.verdicts is None:
        return [], memory
    if "told" not in memory:
        known = {one.limit: one.verdict for one in seen.verdicts if one.verdict != UNDETERMINED}
        return [], {"told": known}
    told, messages = dict(memory["told"]), []
    for one in seen.verdicts:
        if one.verdict == UNDETERMINED or told.get(one.limit) == one.verdict:
            continue
        told[one.limit] = one.verdict
        usd = "" if one.value_usd is None else f"\nSaved or cost so far: {one.value_usd:+,.0f} USD"
        messages.append(
            Message(f"verdict/{one.limit}", f"{one.limit} is {one.verdict}", one.sentence + usd)
        )
    return messages, {"told": told}


KIND = Kind("verdict", "a limit has a verdict it did not have", look)
