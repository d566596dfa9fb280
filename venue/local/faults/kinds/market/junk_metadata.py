"""Fault: senseless rows in the listing, behind the good ones.

The good rows keep their index, which is what orders name a coin by.
"""

from __future__ import annotations

from typing import Any

from venue.local.faults.asked import Asked, Reply
from venue.local.faults.fault import Fault, Moment
from venue.local.market.frames import NO_CONTEXT

ROWS: list[Any] = [
    {"name": "JUNK1"},
    {"name": "JUNK2", "szDecimals": -3, "maxLeverage": 0, "marginTableId": 0},
    {"name": "", "szDecimals": 2, "maxLeverage": 3, "marginTableId": 3},
    {"name": "JUNK/3@!\u0000\u202e", "szDecimals": 2, "maxLeverage": 3, "marginTableId": 3},
    {"name": "JUNK4", "szDecimals": 99, "maxLeverage": 10**9, "marginTableId": -1},
]
# Rows that a strict reader can not even decode.
ILL_TYPED: list[Any] = [
    None,
    {"name": None, "szDecimals": "two", "maxLeverage": "3x"},
    {"name": 7, "szDecimals": 2, "maxLeverage": 3},
    "JUNK",
]
META = frozenset(("meta", "metaAndAssetCtxs", "allPerpMetas"))
MIDS = "allMids"


class JunkMetadata(Fault, frozen=True):
    """Junk metadata: adds senseless rows to meta and senseless mids to allMids.

    With `ill_typed` also rows of the wrong JSON types; `doubles` repeats the first good row.
    """

    name = "junk_metadata"
    does = "adds senseless rows to the listing and senseless mids"
    requests = META | {MIDS}

    ill_typed: bool = False
    doubles: bool = False

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Add the junk to a reply."""
        data = reply.data()
        if asked.kind == MIDS and isinstance(data, dict):
            return reply.saying({**data, "JUNK1": "0.0", "JUNK2": "1e309", "": "-1"})
        if asked.kind == "meta":
            return reply.saying(self._littered(data)) if isinstance(data, dict) else reply
        if not isinstance(data, list) or not data:
            return reply
        first = self._littered(data[0])
        if asked.kind == "metaAndAssetCtxs":
            added = len(first["universe"]) - len(data[1])
            return reply.saying([first, data[1] + [dict(NO_CONTEXT) for _ in range(added)]])
        return reply.saying([first, *data[1:]])

    def _littered(self, meta: dict[str, Any]) -> dict[str, Any]:
        good = meta["universe"]
        junk = ROWS + (ILL_TYPED if self.ill_typed else []) + (good[:1] if self.doubles else [])
        return {**meta, "universe": [*good, *junk]}
