"""Judging of one signal for many desks at once.

What depends on the market alone is checked once, and refuses all the branches that it stands in
the way of in one operation on a bit mask. What depends on the size is checked once a size, and
only what depends on the desk once a branch. A branch keeps no checks, so the first refusal ends it.
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
        bit: int,
        proposal: Proposal,
        view: DeskView,
        checked: Checked,
        refused: Refused | None = None,
    ) -> int | None:
        """Return the lots that a branch which the market left may trade, None when refused."""
        checks = []
        for bar in self._rest:
            if not bar.fails & bit:
                continue
            f = bar.filter
            if f.reads == "size":
                key = f.name, proposal.lots
                check = checked.get(key)
                if check is None:
                    check = checked[key] = f.check(proposal, view)
            else:
                check = f.check(proposal, view)
            if bar.refuses(check) & bit:
                if refused is not None:
                    refused(f.name, bit)
                return None
            if check.room_e6 is not None:
                checks.append(check)
        if not checks:
            return proposal.lots
        coin: Coin = view.coins[proposal.coin]
        return fold(checks, proposal, coin.instrument).lots

    def breach(self, bit: int, view: DeskView) -> str:
        """Return the first broken loss limit of a branch, or ""."""
        for bar in self._breaching:
            if bar.fails & bit:
                reason = bar.filter.breach(view)
                if reason:
                    return reason
        return ""


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
