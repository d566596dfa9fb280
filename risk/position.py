"""Position limit: a cap on one coin's notional, as a share of equity; larger sizes are cut."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Proposal
from market.desk import DeskView
from risk.filter import Filter
from risk.gate import cap_check


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`coin_cap_share` is the cap as a share of equity."""

    coin_cap_share: Annotated[float, Meta(gt=0.0, le=10.0)] = 0.75


class Position(Filter[Settings]):
    """The cap on the notional on one coin."""

    name = "position"
    asks = "would this put too much on one coin?"
    unit = "USD"
    rank = 40
    reads = "desk"
    settings_type = Settings

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Pass, clamp to the room left, or fail below the venue's minimum order."""
        desk = view.desk
        return cap_check(
            self,
            used_e6=desk.by_coin.get(proposal.coin, 0),
            cap_e6=int(self.settings.coin_cap_share * max(desk.equity_e6, 0)),
            proposal=proposal,
            what=proposal.coin,
        )
