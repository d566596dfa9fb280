"""Alarm with hysteresis: raised above a level and above its own past, until it has calmed down.

The threshold at any time is the larger of a fixed level and a percentile of what the figure was
before, so it knows nothing of what came later. Once raised, an alarm stays until the figure falls
below a lower level: without that a filter would flicker on every wobble.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from market.decision import Check, Proposal
from market.instrument import MIN_NOTIONAL_E6
from market.lenses import SLOT_MS, History
from risk.filter import Filter, Reads
from risk.gate import lots_within

Share = Annotated[float, Meta(gt=0.0, lt=1.0)]
Action = Literal["block", "cut"]


class Rule(Struct, frozen=True):
    """Thresholds: `enter`, or the `percentile` of at least `history_min` past figures if higher.

    Ends below `leave`, or below `enter` if that is lower.
    """

    enter: float
    leave: float
    percentile: float
    history_min: int


def judge(history: History, bar_ms: int, latest: float, rule: Rule) -> tuple[bool, float]:
    """Return whether the alarm is raised at `latest`, measured at `bar_ms`, and its threshold.

    It is when, since the last figure below `leave`, one has reached its threshold of the time.
    """
    past = history.values[:-1] if bar_ms // SLOT_MS == history.slot else history.values
    threshold = _threshold(past, rule)
    if latest >= threshold:
        return True, threshold
    leave = min(rule.leave, rule.enter)
    if latest >= leave:
        for at in range(len(past) - 1, -1, -1):
            if past[at] < leave:
                break
            if past[at] >= _threshold(past[:at], rule):
                return True, leave
    return False, threshold


def _threshold(past: list[float], rule: Rule) -> float:
    if len(past) < rule.history_min:
        return rule.enter
    place = min(int(rule.percentile * len(past)), len(past) - 1)
    return max(rule.enter, sorted(past)[place])


def reads(action: Action) -> Reads:
    """Return what decides the check of an alarm: a cut must be worth the venue's minimum."""
    return "size" if action == "cut" else "market"


def act(
    f: Filter[Any],
    proposal: Proposal,
    *,
    action: Action,
    cut_to: float,
    value: float,
    threshold: float,
    reason: str,
) -> Check:
    """Return what a raised alarm does: refuse, or leave room for a share of the size.

    A share that would be worth less than the venue's minimum order refuses. So does an observing
    filter, which cuts nothing: what it would have cut is followed like what it would have blocked.
    """
    room_e6 = int(cut_to * proposal.notional_e6)
    worth = lots_within(proposal, room_e6) * proposal.notional_e6
    if action == "cut" and f.mode == "enforce" and worth >= MIN_NOTIONAL_E6 * proposal.lots > 0:
        check = f.passed(value, threshold, room_e6)
        check.cuts = True
        return check
    return f.failed(value, threshold, reason)
