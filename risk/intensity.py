"""Does order flow come in a burst?

The figure is the surge: how many trades the coin's Hawkes process lets one expect over the next
ten seconds, against the usual number. Where a burst begins and ends is decided as trades arrive
(`market/arrivals.py`, settings under `[lens]`), because a burst also has the coin's lenses
refreshed and its impact estimates widened, whatever the mode of this filter.

It begins in mode observe, like every filter whose worth on this desk is not known.
"""

from __future__ import annotations

from msgspec import Struct

from market.decision import Check, Signal
from market.desk import View
from risk.alarm import Action, Share, act
from risk.filter import Filter


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`action` block refuses during a burst, cut lets `cut_to` of the size pass."""

    action: Action = "cut"
    cut_to: Share = 0.5


class Intensity(Filter[Settings]):
    """The order-flow gate."""

    name = "intensity"
    asks = "do trades arrive at their usual pace, or in a burst?"
    rank = 16
    default_mode = "observe"
    settings_type = Settings

    def check(self, signal: Signal, view: View) -> Check:
        """Refuse or cut during a burst; no_data before the pace is known."""
        arrivals = view.coins[signal.coin].arrivals
        if arrivals.terms is None:
            return self.no_data("the pace of its trades is not fitted yet")
        if not arrivals.threshold:
            return self.no_data("not enough minutes yet to say what pace is usual")
        surge, threshold = arrivals.surge, arrivals.threshold
        if not arrivals.burst:
            return self.passed(surge, threshold)
        s = self.settings
        return act(
            self,
            signal,
            action=s.action,
            cut_to=s.cut_to,
            value=surge,
            threshold=threshold,
            reason=f"trades arrive {surge:.1f} times as fast as usual",
        )
