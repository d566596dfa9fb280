"""When is a figure alarming? Above a level and above its own past, until it has calmed down.

The threshold at any time is the larger of a fixed level and a percentile of what the figure was
before, so it knows nothing of what came later. Once raised, an alarm stays until the figure falls
below a lower level: without that a filter would flicker on every wobble.
"""

from __future__ import annotations

from bisect import insort
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from market.decision import Check, Signal
from market.instrument import MIN_NOTIONAL_E6
from market.lenses import SLOT_MS, History
from risk.filter import Filter
from risk.gate import lots_within

Share = Annotated[float, Meta(gt=0.0, lt=1.0)]
Action = Literal["block", "cut"]


class Rule(Struct, frozen=True):
    """Raised at `enter`, or at the `percentile` of at least `history_min` past figures if higher.

    Ends below `leave`.
    """

    enter: float
    leave: float
    percentile: float
    history_min: int


def judge(history: History, bar_ms: int, latest: float, rule: Rule) -> tuple[bool, float]:
    """Return whether the alarm is raised at `latest`, measured at `bar_ms`, and its threshold."""
    past = history.values[:-1] if bar_ms // SLOT_MS == history.slot else history.values
    seen: list[float] = []
    raised, threshold = False, rule.enter
    for value in (*past, latest):
        if len(seen) >= rule.history_min:
            place = min(int(rule.percentile * len(seen)), len(seen) - 1)
            threshold = max(rule.enter, seen[place])
        raised = value >= rule.leave if raised else value >= threshold
        insort(seen, value)
    return raised, rule.leave if raised and latest < threshold else threshold


def act(
    f: Filter[Any],
    signal: Signal,
    *,
    action: Action,
    cut_to: float,
    value: float,
    threshold: float,
    reason: str,
) -> Check:
    """Return what a raised alarm does: refuse, or leave room for a share of the size.

    A share that would be worth less than the venue's minimum order refuses.
    """
    room_e6 = int(cut_to * signal.notional_e6)
    worth = lots_within(signal, room_e6) * signal.notional_e6
    if action == "cut" and worth >= MIN_NOTIONAL_E6 * signal.lots > 0:
        return f.passed(value, threshold, room_e6)
    return f.failed(value, threshold, reason)
