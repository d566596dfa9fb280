"""Fault: candles that cannot be, among good ones.

Reported by clients of the venue: the high of a fresh row under its open for a moment.
"""

from __future__ import annotations

from typing import Any, Literal

from venue.local.faults.asked import Asked, Reply
from venue.local.faults.fault import Fault, Moment

Kind = Literal["high", "low", "negative", "null", "twice"]
KINDS: tuple[Kind, ...] = ("high", "low", "negative", "null", "twice")


class ImpossibleCandles(Fault, frozen=True):
    """Impossible candles: one row of a reply is none.

    `kind` says in what way: its high under its open, its low above, a volume below zero, nothing
    where a price should be, or the time of the row before it; "each" in turn.
    """

    name = "impossible_candles"
    does = "spoils one row among good candles"
    requests = frozenset(("candleSnapshot",))

    kind: Literal["each", "high", "low", "negative", "null", "twice"] = "each"

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Spoil a row of a reply."""
        data = reply.data()
        if not isinstance(data, list) or len(data) < 2:
            return reply
        number = moment.memory["replies"] = moment.memory.get("replies", -1) + 1
        kind = KINDS[number % len(KINDS)] if self.kind == "each" else self.kind
        at = 1 + int(moment.draw * (len(data) - 1))
        return reply.saying([*data[:at], _spoilt(kind, data[at], data[at - 1]), *data[at + 1 :]])


def _spoilt(kind: Kind, row: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    match kind:
        case "high":
            return {**row, "h": str(float(row["o"]) * 0.999)}
        case "low":
            return {**row, "l": str(float(row["o"]) * 1.001)}
        case "negative":
            return {**row, "v": "-1.0"}
        case "null":
            return {**row, "c": None}
        case "twice":
            return {**row, "t": before["t"]}
