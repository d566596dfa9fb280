"""Intensity limit: is order flow bursting?

The figure is the surge: how many trades the coin's Hawkes process lets one expect over the next
ten seconds, against the usual number. Where a burst begins and ends is decided as trades arrive
(`market/arrivals.py`, settings under `[lens]`), because a burst also has the coin's lenses
refreshed and its impact estimates widened, whatever the mode of this filter.

It begins in mode observe, like every filter whose worth on this desk is not known.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Mode, Proposal
from market.desk import DeskView
from market.events import MS_PER_MINUTE
from risk.alarm import Action, Share, act, reads
from risk.filter import Filter


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`action` block refuses during a burst, cut lets `cut_to` of the size pass.

    The pace is fitted anew every ten minutes; fitted longer ago than `fit_age_minutes_max` it is
    no data.
    """

    fit_age_minutes_max: Annotated[float, Meta(ge=20.0, le=1_440.0)] = 120.0
    action: Action = "cut"
    cut_to: Share = 0.5


class Intensity(Filter[Settings]):
    """The order-flow gate."""

    name = "intensity"
    asks = "do trades arrive at their usual pace, or in a burst?"
    unit = "× usual"
    rank = 16
    default_mode = "observe"
    rests_on = ("lens",)
    settings_type = Settings

    def __init__(self, settings: Settings, mode: Mode) -> None:
        super().__init__(settings, mode)
        self.reads = reads(settings.action)

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Refuse or cut during a burst; no_data before the pace is known, or when it is old."""
        coin = view.coins[proposal.coin]
        arrivals, s = coin.arrivals, self.settings
        if "trades" in coin.dead:
            return self.no_data(f"its trades are not heard: {coin.dead['trades']}")
        if arrivals.terms is None:
            return self.no_data("the pace of its trades is not fitted yet")
        age_min = arrivals.fit_age_ms(view.venue_ms) / MS_PER_MINUTE
        if age_min > s.fit_age_minutes_max:
            return self.no_data(f"the pace of its trades was fitted {age_min:.0f} min ago")
        if not arrivals.threshold:
            return self.no_data("not enough minutes yet to say what pace is usual")
        surge, threshold = arrivals.surge, arrivals.threshold
        if not arrivals.burst:
            return self.passed(surge, threshold)
        return act(
            self,
            proposal,
            action=s.action,
            cut_to=s.cut_to,
            value=surge,
            threshold=threshold,
            reason=f"trades arrive {surge:.1f} times as fast as usual",
        )
