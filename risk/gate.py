"""Gate: every filter judges, and the checks fold to one verdict.

Nothing short-circuits: a filter is credited only with what it alone would have stopped, and
stopping at the first refusal would hide the rest.
"""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct

from market.decision import STAGE, Check, Clamp, Proposal, Verdict
from market.desk import DeskView
from market.instrument import MIN_NOTIONAL_E6, Instrument
from risk.filter import Filter

REACH_WINDOW = 200
# The number of coins that caps are given for; those of more may grow with their number.
COINS = 8
STAGE_VERSION = 1


class Reach(Struct):
    """Reach of a filter: how many of the last signals it was asked about it let through.

    `note` says what was odd about the last full window: it let everything through, or nothing.
    """

    asked: int = 0
    passed: int = 0
    note: str = ""


class Gate:
    """The rules and the filters that are not off, in rank order, and how far each filter reaches.

    `reach` is the only state and changes no verdict; the operator is shown its notes.
    """

    def __init__(self, filters: list[Filter[Struct]]) -> None:
        self.filters = [f for f in filters if f.mode != "off" or f.rule]
        self.reach: dict[str, Reach] = {f.name: Reach() for f in self.filters}
        self._rules = frozenset(f.name for f in self.filters if f.rule)

    def judge(self, proposal: Proposal, view: DeskView) -> Verdict:
        """Return the verdict on a sized proposal."""
        asked = (f.check(proposal, view) for f in self.filters)
        # Only a rule that has something to say speaks while it is off.
        checks = [check for check in asked if check.mode != "off"]
        return fold(checks, proposal, view.coins[proposal.coin].instrument)

    def count(self, verdict: Verdict) -> list[str]:
        """Count a verdict that opened a new row; return the filters whose note is another now."""
        changed = []
        for check in verdict.checks:
            if check.mode == "observe" and check.outcome == "no_data":
                # It stands in nobody's way while it learns what is usual.
                continue
            if check.filter in self._rules:
                # That an open desk lets all through, and a halted one nothing, is as it should be.
                continue
            reach = self.reach[check.filter]
            reach.asked += 1
            reach.passed += check.outcome == "pass"
            if reach.asked == REACH_WINDOW:
                let_by = {0: "none", REACH_WINDOW: "all"}.get(reach.passed, "")
                note = f"passed {let_by} of the last {REACH_WINDOW}" if let_by else ""
                if note != reach.note:
                    changed.append(check.filter)
                self.reach[check.filter] = Reach(note=note)
        return changed

    def breach(self, view: DeskView) -> str:
        """Return the first broken loss limit of an enforced filter, or ""."""
        for f in self.filters:
            if f.mode == "enforce":
                reason = f.breach(view)
                if reason:
                    return reason
        return ""


def fold(checks: list[Check], proposal: Proposal, instrument: Instrument) -> Verdict:
    """Fold checks to a verdict: admitted when no enforced filter failed or lacked data.

    Caps that passed with room for less than the whole size clamp it to the smallest room. Each
    clamp is recorded against the size before it, so they chain in gate order.
    """
    failing: list[str] = []
    clamps: list[Clamp] = []
    lots = proposal.lots
    failed = 0
    for check in checks:
        if check.mode != "enforce":
            continue
        if check.outcome != "pass":
            failing.append(check.filter)
            failed += check.outcome == "fail"
        elif check.room_e6 is not None and check.room_e6 < proposal.notional_e6:
            room_lots = lots_within(proposal, check.room_e6)
            if room_lots < lots:
                clamps.append(Clamp(check.filter, lots, room_lots))
                lots = room_lots
    sole = failing[0] if len(failing) == 1 and failed == 1 else ""
    return Verdict(not failing, checks, tuple(failing), sole, lots, clamps)


def withheld(verdict: Verdict, bot: str) -> Verdict:
    """Return the verdict on a signal of a bot that is not admitted yet: blocked by its stage.

    The gate's own checks stay as they are; `stage` is the sole blocker where nothing else was.
    """
    check = Check(
        STAGE, "fail", "enforce", reason=f'shadow-only; `[bots.{bot}] stage = "admit"` admits it'
    )
    sole = "" if verdict.failing else STAGE
    failing = (*verdict.failing, STAGE)
    return Verdict(False, [*verdict.checks, check], failing, sole, verdict.lots, verdict.clamps)


def lots_within(proposal: Proposal, room_e6: int) -> int:
    """Return how many whole lots of a proposal a notional has room for."""
    return proposal.lots * max(room_e6, 0) // max(proposal.notional_e6, 1)


def grown(share: float, coins: int, exponent: float) -> float:
    """Return a cap's share of equity for a desk of so many coins: it is given for eight."""
    return share * math.pow(max(coins / COINS, 1.0), exponent)


def cap_check(f: Filter[Any], *, used_e6: int, cap_e6: int, proposal: Proposal, what: str) -> Check:
    """Judge a notional cap: room for all passes, for the venue's minimum clamps, less fails."""
    room_e6 = cap_e6 - used_e6
    wanted = (used_e6 + proposal.notional_e6) / 1e6
    threshold = cap_e6 / 1e6
    if room_e6 >= proposal.notional_e6:
        return f.passed(wanted, threshold)
    # What counts is the whole lots that fit: less than the minimum would be no order at all.
    if lots_within(proposal, room_e6) * proposal.notional_e6 >= MIN_NOTIONAL_E6 * proposal.lots > 0:
        return f.passed(wanted, threshold, room_e6)
    return f.failed(
        wanted,
        threshold,
        f"{what} would be {wanted:,.0f} USD, cap {threshold:,.0f}, "
        f"room {max(room_e6, 0) / 1e6:.2f}",
    )
