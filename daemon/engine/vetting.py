"""Vetting of bots' actions before anyone acts on them."""

from __future__ import annotations

from math import isfinite
from operator import attrgetter

import msgspec

from divisions.bot import Action
from divisions.lane import vet
from market.coin import Coin
from market.decision import ExitCall, ExitPlan, Signal
from market.events import NS_PER_DAY

# An exit plan beyond these is a slip, and too large a number for the columns that would hold it.
HORIZON_NS_MAX = 3_653 * NS_PER_DAY
STOP_MIDS_MAX = 100.0

# What an exit call, a signal and its exit plan hold, and of which types.
_CALLED = attrgetter("coin", "side", "reason")
_CALLED_TYPES = (str, int, str)
_SAID = attrgetter("coin", "side", "conviction", "reason", "plan", "saw")
_SAID_TYPES = (str, int, float, str, ExitPlan, dict)
_PLANNED = attrgetter("stop_px", "horizon_ns", "target_px", "trail")
_PLANNED_TYPES = (float, int, float, float)


def vet_action(action: Action, coin: Coin) -> None:
    """Raise for an action that nobody could carry out or write down: a bot's error."""
    if not isinstance(action, Action):
        raise TypeError(f"expected a Signal or an ExitCall, got {type(action).__name__}")
    if action.coin != coin.name:
        raise ValueError(f"{action.coin!r} is not the coin it was shown")
    if not _is_plain(action):
        # Integers among the floats are sound, words for numbers are not: msgspec knows.
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


def _is_plain(action: Action) -> bool:
    """Say whether an action is of the very types it declares, so that nothing can be wrong."""
    if type(action) is ExitCall:
        return tuple(map(type, _CALLED(action))) == _CALLED_TYPES
    return (
        type(action) is Signal
        and tuple(map(type, _SAID(action))) == _SAID_TYPES
        and tuple(map(type, _PLANNED(action.plan))) == _PLANNED_TYPES
        and {float}.issuperset(map(type, action.saw.values()))
        and {str}.issuperset(map(type, action.saw))
    )
