"""Cooldown: no entry for a while after this bot was stopped out on this coin."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Proposal
from market.desk import DeskView
from market.events import NS_PER_S
from risk.filter import Filter


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Length of the rest: `rest_s` is how long a bot stays off a coin after a stop-out there."""

    rest_s: Annotated[float, Meta(ge=0.0, le=604_800.0)] = 900.0


class Cooldown(Filter[Settings]):
    """The rest after a stop-out; only real trades count, never phantoms."""

    name = "cooldown"
    asks = "has this bot rested since its last stop-out on this coin?"
    unit = "s"
    blocks = "below"
    rank = 70
    reads = "desk"
    settings_type = Settings

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Compare the time since the last stop-out with the rest."""
        stopped_ns = view.desk.stopped.get(f"{proposal.bot}|{proposal.coin}")
        rest = self.settings.rest_s
        if stopped_ns is None:
            return self.passed(None, rest)
        since = (view.now_ns - stopped_ns) / NS_PER_S
        if since >= rest:
            return self.passed(since, rest)
        return self.failed(since, rest, f"stopped out {since:.0f} s ago, rest is {rest:.0f} s")
