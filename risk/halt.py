"""Trading halt: entries closed by the operator, of all, of a bot or of a coin, or by the daemon."""

from __future__ import annotations

from market.decision import Check, Proposal
from market.desk import DeskView
from risk.filter import Filter, NoSettings


class Halt(Filter[NoSettings]):
    """The halt: no entries while someone halts all, the bot or the coin, whatever the mode.

    Exits go on. It is an order and no opinion. The mode says only how the checks of an open desk
    are kept.
    """

    name = "halt"
    asks = "are entries open, of this bot and on this coin?"
    rank = 90
    rule = True
    reads = "desk"

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Refuse while any halt stands."""
        halts = view.desk.halted(proposal.bot, proposal.coin)
        if halts:
            why = "; ".join(halts)
            return Check(self.name, "fail", "enforce", float(len(halts)), 0.0, f"halted by {why}")
        return self.passed(0.0, 0.0)
