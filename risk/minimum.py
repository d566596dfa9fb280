"""Minimum order value: smaller orders would be rejected by the venue itself."""

from __future__ import annotations

from market.decision import Check, Proposal
from market.desk import DeskView
from market.instrument import MIN_NOTIONAL_E6
from risk.filter import Filter, NoSettings


class Minimum(Filter[NoSettings]):
    """The venue's 10 USD minimum, on the size asked for."""

    name = "minimum"
    asks = "is the size asked for worth the venue's minimum order?"
    unit = "USD"
    blocks = "below"
    rank = 35
    rule = True
    reads = "size"

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Compare the notional at the mid with the minimum."""
        value, threshold = proposal.notional_e6 / 1e6, MIN_NOTIONAL_E6 / 1e6
        if proposal.notional_e6 >= MIN_NOTIONAL_E6:
            return self.passed(value, threshold)
        return self.failed(value, threshold, f"worth {value:.2f} USD")
