"""Judging of one signal for many desks at once.

What depends on the market alone is checked once, and refuses all the branches that it stands in
the way of in one operation on a bit mask. What depends on the size is checked once a size, and
only what depends on the desk once for all branches that have the same one (`cohorts.py`). A branch
keeps no checks, so the first refusal ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy

from msgspec import Struct

from daemon.engine.branches.variant import Variant
from market.coin import Coin
from market.decision import Check, Proposal
from market.desk import DeskView
from risk.filter import Filter
from risk.gate import fold

# Called with the branches that a filter refuses, as a mask.
Refused = Callable[[str, int], None]
# Checks by filter and size that were made for this signal.
Checked = dict[tuple[str, int], Check]


class Bar(Struct, frozen=True):
    """A filter as it stands in the way of branches: masks of those that its answers refuse."""

    filter: Filter[Struct]
    fails: int
    lacks: int

    def refuses(self, check: Check) -> int:
        """Return the branches that a check refuses."""
        if check.outcome == "pass" or (self.filter.rule and check.mode != "enforce"):
            return 0
        return self.fails if check.outcome == "fail" else self.lacks


class Panel:
    """The filters of the gate as each branch has them, in gate order."""

    def __init__(self, filters: list[Filter[Struct]], variants: list[Variant]) -> None:
        bars = [bar for f in filters if (bar := _bar(f, variants)).fails]
        self._market = [bar for bar in bars if bar.filter.reads == "market"]
        self._rest = [bar for bar in bars if bar.filter.reads != "market"]
        self._breaching = [bar for bar in bars if _can_breach(bar.filter)]

    def left(
        self,
        ready: int,
        proposal: Proposal,
        view: DeskView,
        known: Mapping[str, Check],
        refused: Refused | None = None,
    ) -> int:
        """Return which of the ready branches the market leaves; `known` are checks made already."""
        for bar in self._market:
            if not ready:
                break
            if not bar.fails & ready:
                continue
            check = known.get(bar.filter.name) or bar.filter.check(proposal, view)
            lost = bar.refuses(check) & ready
            if lost:
                if refused is not None:
                    refused(bar.filter.name, lost)
                ready &= ~lost
        return ready

    def judge(
        self,
        ready: int,
        proposal: Proposal,
        view: DeskView,
        checked: Checked,
        refused: Refused | None = None,
    ) -> dict[int, int]:
        """Return, by the lots they may trade, which branches are not refused.

        The market left them, they ask for as much, and `view` shows a desk that all of them have.
        """
        rooms: list[tuple[int, Check]] = []
        for bar in self._rest:
            if not bar.fails & ready:
                continue
            f = bar.filter
            if f.reads == "size":
                key = f.name, proposal.lots
                check = checked.get(key)
                if check is None:
                    check = checked[key] = f.check(proposal, view)
            else:
                check = f.check(proposal, view)
            lost = bar.refuses(check) & ready
            if lost:
                if refused is not None:
                    refused(f.name, lost)
                ready &= ~lost
                if not ready:
                    return {}
            if check.room_e6 is not None:
                rooms.append((bar.fails, check))
        return (
            _cut(ready, proposal, rooms, view.coins[proposal.coin])
            if rooms
            else {proposal.lots: ready}
        )

    def breach(self, bit: int, view: DeskView) -> str:
        """Return the first broken loss limit of a branch, or ""."""
        for bar in self._breaching:
            if bar.fails & bit:
                reason = bar.filter.breach(view)
                if reason:
                    return reason
        return ""


def _cut(
    ready: int, proposal: Proposal, rooms: list[tuple[int, Check]], coin: Coin
) -> dict[int, int]:
    """Return by lots who may trade them, each cut by the caps that are in force on it."""
    found: dict[int, int] = {}
    while ready:
        bit = ready & -ready
        mine = [check for fails, check in rooms if fails & bit]
        # Whoever is under the very same caps is cut alike.
        same = ready
        for fails, _ in rooms:
            same &= fails if fails & bit else ~fails
        ready &= ~same
        lots = fold(mine, proposal, coin.instrument).lots
        found[lots] = found.get(lots, 0) | same
    return found


def _bar(f: Filter[Struct], variants: list[Variant]) -> Bar:
    """Return how a filter stands in the way; one that observes as if it enforced."""
    fails = lacks = 0
    for at, variant in enumerate(variants):
        bit = 1 << at
        added = f.name in variant.added
        if f.rule or added or (f.mode == "enforce" and f.name not in variant.ignored):
            fails |= bit
            if not added and f.name not in variant.lenient:
                lacks |= bit
    acting = f
    if not f.rule and f.mode != "enforce":
        acting = copy(f)
        acting.mode = "enforce"
    return Bar(acting, fails, lacks)


def _can_breach(f: Filter[Struct]) -> bool:
    return type(f).breach is not Filter.breach
