"""Volatility limit: is the coin more volatile than usual?

The figure is `rv_z`: the z-score of log realised volatility over twenty minutes among the windows
before it. The hidden Markov model's opinion stands beside it in the reason, for comparison only:
out of sample it adds next to nothing to realised volatility.

It begins in mode observe, like every filter whose worth on this desk is not known.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Mode, Proposal
from market.desk import DeskView
from market.events import MS_PER_MINUTE
from risk.alarm import Action, Rule, Share, act, judge, reads
from risk.filter import Filter

Z = Annotated[float, Meta(ge=-10.0, le=10.0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """z-scores. `action` block refuses, cut lets `cut_to` of the size pass.

    The alarm is raised at `enter`, or at the coin's own `percentile` over the last two days once
    there are `history_min` quarters of an hour; it ends below `leave`. Values of more than
    `bars_max` closed minutes ago are no data.
    """

    enter: Z = 2.0
    leave: Z = 1.0
    percentile: Share = 0.95
    history_min: Annotated[int, Meta(ge=8, le=192)] = 48
    bars_max: Annotated[int, Meta(ge=1, le=60)] = 2
    action: Action = "block"
    cut_to: Share = 0.5


class Volatility(Filter[Settings]):
    """The realised-volatility gate."""

    name = "volatility"
    asks = "is realised volatility within what is usual for the coin?"
    unit = "σ"
    rank = 14
    default_mode = "observe"
    rests_on = ("lens",)
    settings_type = Settings

    def __init__(self, settings: Settings, mode: Mode) -> None:
        super().__init__(settings, mode)
        self.reads = reads(settings.action)

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Refuse or cut while the alarm is raised; no_data without a fresh value."""
        lenses = view.coins[proposal.coin].lenses
        s = self.settings
        reading = lenses.readings.get("volatility")
        if reading is None:
            return self.no_data(lenses.reason)
        bars = lenses.values_age_ms(view.venue_ms) / MS_PER_MINUTE
        if bars > s.bars_max:
            return self.no_data(f"values are {bars:.0f} bars old, limit {s.bars_max}")
        z = reading.value
        if z is None:
            return self.no_data(", ".join(reading.flags) or "no value")
        rule = Rule(s.enter, s.leave, s.percentile, s.history_min)
        raised, threshold = judge(lenses.volatilities, lenses.bar_ms, z, rule)
        if not raised:
            return self.passed(z, threshold)
        turbulent = lenses.value("hmm")
        beside = "no opinion" if turbulent is None else f"{turbulent:.0%} turbulent"
        return act(
            self,
            proposal,
            action=s.action,
            cut_to=s.cut_to,
            value=z,
            threshold=threshold,
            reason=f"realised volatility {z:+.1f} z, threshold {threshold:+.1f}; HMM: {beside}",
        )
