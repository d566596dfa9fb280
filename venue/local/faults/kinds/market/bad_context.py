"""Fault: contexts that cannot be true, as a feed of prices that broke sends them."""

from __future__ import annotations

from typing import Any, Literal

from venue.hyperliquid.streams import CONTEXT
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing

VALUES: dict[str, dict[str, Any]] = {
    "oracle_zero": {"oraclePx": "0.0"},
    "mark_null": {"markPx": None},
    "funding_text": {"funding": "n/a"},
}


class BadContext(Fault, frozen=True):
    """Bad contexts.

    The oracle at zero, no mark, or a funding rate that is no number: `kind`, or each in turn.
    """

    name = "bad_context"
    does = "sends contexts whose oracle is 0, whose mark is null or whose funding is no number"
    channels = frozenset((CONTEXT,))

    kind: Literal["each", "oracle_zero", "mark_null", "funding_text"] = "each"

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Spoil a context."""
        data = frame.data
        if not isinstance(data, dict) or not isinstance(data.get("ctx"), dict):
            return [frame]
        kind = self.kind
        if kind == "each":
            turn = moment.memory["turn"] = moment.memory.get("turn", -1) + 1
            changed = list(VALUES.values())[turn % len(VALUES)]
        else:
            changed = VALUES[kind]
        return [frame.saying({**data, "ctx": {**data["ctx"], **changed}})]
