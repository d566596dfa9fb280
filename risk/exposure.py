"""Exposure limits: caps on the desk's gross and net notional, as shares of equity."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Proposal
from market.desk import DeskView
from risk.filter import Filter
from risk.gate import cap_check, grown

Share = Annotated[float, Meta(gt=0.0, le=50.0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Both caps of eight coins as shares of equity; the gross one is the desk's leverage.

    With more coins both grow by their number over eight to the power `coins_exponent`; 0 keeps
    them.
    """

    gross_cap_share: Share = 3.5
    net_cap_share: Share = 2.0
    coins_exponent: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.75


class Exposure(Filter[Settings]):
    """The gross and net caps."""

    name = "exposure"
    asks = "would this make the desk too large, or too one-sided?"
    unit = "USD"
    rank = 60
    reads = "desk"
    settings_type = Settings

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Judge whichever of the two caps leaves less room."""
        desk, s, coins = view.desk, self.settings, len(view.coins)
        equity = max(desk.equity_e6, 0)
        gross_cap = int(grown(s.gross_cap_share, coins, s.coins_exponent) * equity)
        net_cap = int(grown(s.net_cap_share, coins, s.coins_exponent) * equity)
        same_way = proposal.side * desk.net_e6
        if net_cap - same_way < gross_cap - desk.gross_e6:
            return cap_check(self, used_e6=same_way, cap_e6=net_cap, proposal=proposal, what="net")
        return cap_check(
            self, used_e6=desk.gross_e6, cap_e6=gross_cap, proposal=proposal, what="gross"
        )
