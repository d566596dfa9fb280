"""Vetting of bots' actions before anyone acts on them."""

from __future__ import annotations

from math import isfinite

import msgspec

from divisions.lane import vet
from market.coin import Coin
from market.decision import ExitCall, Signal
from market.events import (
    NS_PER_DAY,
)

# An exit plan beyond these is a slip, and too large a number for the columns that would hold it.
HORIZON_NS_MAX = 3_653 * NS_PER_DAY


STOP_MIDS_MAX = 100.0


def vet_action(action: Signal | ExitCall, coin: Coin) -> None:
    """Raise for an action that nobody could carry out or write down: a bot's error."""
    if not isinstance(action, Signal | ExitCall):
        raise TypeError(f"expected a Signal or an ExitCall, got {type(action).__name__}")
    if action.coin != coin.name:
        raise ValueError(f"{action.coin!r} is not the coin it was shown")
    msgspec.convert(msgspec.to_builtins(action), type(action))
    if isinstance(action, Signal):
        vet(action, coin.book.mid)
        if action.plan.horizon_ns > HORIZON_NS_MAX:
            raise ValueError(f"horizon of {action.plan.horizon_ns} ns is out of reach")
        if action.plan.stop_px > STOP_MIDS_MAX * coin.book.mid:
            raise ValueError(f"stop {action.plan.stop_px:g} is out of reach")
        # Bytes and dates have passed for text so far; half a surrogate pair cannot be written.
        "".join((action.reason, *action.saw)).encode()
        if not all(map(isfinite, action.saw.values())):
            raise ValueError(f"saw a number that is not finite: {action.saw}")
