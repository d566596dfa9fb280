"""Jury: which branches take a signal, and in which size.

The market is asked once for all of them. What is left of the question is asked once for each desk
there is: branches whose desks are the same are judged together.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.engine.admission import Judged, propose
from daemon.engine.branch import Branch
from daemon.engine.branches.cohorts import Cohorts
from daemon.engine.branches.panel import Checked, Panel
from daemon.engine.branches.side import Side
from daemon.engine.branches.watcher import Watcher
from daemon.engine.heard import Heard
from market.coin import Coin
from market.decision import Check, Proposal
from market.desk import DeskView

NO_CHECKS: Mapping[str, Check] = {}


class Jury:
    """Filters, as the branches have them, and the branches in cohorts."""

    def __init__(self, main: Branch, sides: list[Side], coins: dict[str, Coin]) -> None:
        self._main = main
        self._sides = sides
        self._panel = Panel(main.gate.filters, [side.variant for side in sides])
        self._weighted = sum(side.bit for side in sides if side.variant.weighted)
        self._cohorts = Cohorts()
        # The market as a filter sees it; nothing that depends on this desk is asked of it.
        self._market = DeskView(main.desk, coins)

    def forget(self) -> None:
        """Let the desks be compared anew: they are others than before."""
        self._cohorts.forget()

    def takers(
        self,
        heard: Heard,
        judged: Judged | None,
        ready: int,
        equity_e6: int,
        holders: Mapping[int, int],
        watcher: Watcher | None,
    ) -> dict[int, int]:
        """Return, by lots, the branches that take a signal, whoever has the first of them first.

        `judged` is what the desk made of it when its equity was `equity_e6`; `holders` are those
        of all trades.
        """
        refused = watcher.refused if watcher is not None else None
        known: Mapping[str, Check] = NO_CHECKS
        proposals: dict[tuple[int, bool], Proposal] = {}
        if judged is not None:
            known = {check.filter: check for check in judged.verdict.checks}
            proposals[equity_e6, True] = judged.proposal
        market = self._look(self._market, heard)
        market.desk = self._main.desk
        first = self._propose(heard, self.lowest(ready), proposals)
        ready = self._panel.left(ready, first, market, known, refused)
        found: dict[int, int] = {}
        if not ready:
            return found
        checked: Checked = {}
        for cohort in self._cohorts.known(self._sides, holders):
            for asking in (ready & cohort & self._weighted, ready & cohort & ~self._weighted):
                if asking:
                    side = self.lowest(asking)
                    proposal = self._propose(heard, side, proposals)
                    view = self._look(side.view, heard)
                    left = self._panel.judge(asking, proposal, view, checked, refused)
                    for lots, mask in left.items():
                        found[lots] = found.get(lots, 0) | mask
        self._cohorts.part(found.values())
        # Trades count up in the order in which they are opened, as they do when read back.
        return dict(sorted(found.items(), key=lambda taken: taken[1] & -taken[1]))

    def latch(self) -> bool:
        """Latch branches whose loss limit is broken; say whether there was one."""
        latched: dict[str, int] = {}
        for side in self._sides:
            if side.unsure and not side.desk.latched:
                reason = self._panel.breach(side.bit, side.view)
                if not reason:
                    side.looked()
                    continue
                side.desk.latched = reason
                side.tally.latches += 1
                latched[reason] = latched.get(reason, 0) | side.bit
        self._cohorts.part(latched.values())
        return bool(latched)

    def lowest(self, mask: int) -> Side:
        """Return the first branch of a mask."""
        return self._sides[(mask & -mask).bit_length() - 1]

    def _look(self, view: DeskView, heard: Heard) -> DeskView:
        """Let a view show the moment of a signal."""
        main = self._main
        view.now_ns = main.view.now_ns
        view.clock = main.view.clock
        view.vote = heard.vote
        key = main.keys.get(heard.key)
        view.opened_ns = key.opened_ns if key is not None else 0
        return view

    def _propose(
        self, heard: Heard, side: Side, known: dict[tuple[int, bool], Proposal]
    ) -> Proposal:
        """Return the size a branch asks for; those with as much money ask for the same."""
        key = side.desk.equity_e6, side.variant.weighted
        found = known.get(key)
        if found is None:
            weights = heard.weights if side.variant.weighted else (1.0, 1.0)
            found = propose(heard, key[0], weights, self._main.admission.vol_target)
            known[key] = found
        return found
