"""Trading halt: entries closed by the operator, or by the daemon when the disk is full."""

from __future__ import annotations

from market.decision import Check, Proposal
from market.desk import DeskView
from risk.filter import Filter, NoSettings


class Halt(Filter[NoSettings]):
    """The halt: no entries while anyone holds one, whatever the mode; exits go on.

    It is an order and no opinion. The mode says only how the checks of an open desk are kept.
    """

    name = "halt"
    asks = "is the desk open for entries?"
    rank = 90
    rule = True
    reads = "desk"

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Refuse while any halt stands."""
        halts = view.desk.halts
        if halts:
            why = "; ".join(f"{source}: {reason}" for source, reason in halts.items())
            return Check(self.name, "fail", "enforce", float(len(halts)), 0.0, f"halted by {why}")
        return self.passed(0.0, 0.0)
