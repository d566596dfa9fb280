"""Fault: numbers that JSON allows and arithmetic does not bear."""

from __future__ import annotations

from typing import Any

from venue.hyperliquid.streams import BBO, CONTEXT, L2_BOOK, TRADES
from venue.local.faults.fault import Fault, Moment, Share
from venue.local.faults.outgoing import Outgoing

NUMBERS = (
    "90000000000000",
    "198000000000",
    "0.000000001",
    "1e-320",
    "1e308",
    "0",
    "-1",
    "NaN",
    "Infinity",
)
FIELDS = frozenset(
    [
        "px",
        "sz",
        "markPx",
        "oraclePx",
        "funding",
        "openInterest",
        "premium",
        "dayNtlVlm",
        "prevDayPx",
    ]
)


class HostileNumbers(Fault, frozen=True):
    """Hostile numbers: one number of a frame is `number`, or each of a list of such in turn.

    They are decimal strings like the venue's own, from the least that a float can hold to the
    most.
    """

    name = "hostile_numbers"
    does = "sends prices, sizes and rates too large, too small or no numbers at all"
    channels = frozenset((L2_BOOK, BBO, TRADES, CONTEXT))

    share: Share = 0.05
    number: str = ""

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Put a hostile number in the place of a sound one."""
        turn = moment.memory["turn"] = moment.memory.get("turn", -1) + 1
        number = self.number or NUMBERS[turn % len(NUMBERS)]
        places = _places(frame.data)
        if not places:
            return [frame]
        # Another place every time the numbers have all had their turn.
        place = places[(turn // len(NUMBERS)) % len(places)]
        return [frame.saying(_with(frame.data, place, number))]


Path = tuple[str | int, ...]


def _places(data: Any, path: Path = ()) -> list[Path]:
    """Return where the numbers of a frame stand."""
    if isinstance(data, list):
        pairs: list[tuple[str | int, Any]] = list(enumerate(data))
    elif isinstance(data, dict):
        pairs = list(data.items())
    else:
        return []
    found = []
    for name, value in pairs:
        if name in FIELDS and isinstance(value, str):
            found.append((*path, name))
        else:
            found += _places(value, (*path, name))
    return found


def _with(data: Any, path: Path, number: str) -> Any:
    """Return data with another number in one place."""
    if not path:
        return number
    out: Any = data.copy()
    out[path[0]] = _with(data[path[0]], path[1:], number)
    return out
