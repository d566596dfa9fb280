"""Division limit: a cap on one division's notional, as a share of equity; larger sizes are cut."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Proposal
from market.desk import DeskView
from risk.filter import Filter
from risk.gate import cap_check, grown


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`division_cap_share` is the cap of eight coins as a share of equity.

    With more it grows by their number over eight to the power `coins_exponent`; 0 keeps it.
    """

    division_cap_share: Annotated[float, Meta(gt=0.0, le=10.0)] = 1.3
    coins_exponent: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5


class Division(Filter[Settings]):
    """The cap on the notional of one division."""

    name = "division"
    asks = "would this put too much on one division?"
    unit = "USD"
    rank = 50
    reads = "desk"
    settings_type = Settings

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Pass, clamp to the room left, or fail below the venue's minimum order."""
        desk, s = view.desk, self.settings
        share = grown(s.division_cap_share, len(view.coins), s.coins_exponent)
        return cap_check(
            self,
            used_e6=desk.by_division.get(proposal.division, 0),
            cap_e6=int(share * max(desk.equity_e6, 0)),
            proposal=proposal,
            what=proposal.division,
        )
