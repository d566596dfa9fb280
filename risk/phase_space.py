"""Phase-space limit: has the coin's dynamics left what volatility alone explains?

Six lenses look at the last 512 one-minute returns (`quant/phase_space.py`). None of their values
is read as it stands: each is ranked among surrogates of that very window which keep its volatility
path, and among paths of a GARCH model fitted to it. The score is one minus the p-value of all six
taken together, the larger of the two nulls'. In a market of clustered volatility and nothing else
either null alone is beyond 0.95 one time in twenty, and both are one or two times in a hundred.
It says "unlike", never "will fall".

It begins in mode observe: what it would have blocked is followed and blocks nothing, until its
own verdict says that it protects (docs/phase-space.md holds what is known so far).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Mode, Proposal
from market.desk import DeskView
from market.events import MS_PER_MINUTE
from risk.alarm import Action, Rule, Share, act, judge, reads
from risk.filter import Filter


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Scores in (0, 1). `action` block refuses, cut lets `cut_to` of the size pass.

    The alarm is raised at `enter`, or at the coin's own `percentile` over the last two days once
    there are `history_min` quarters of an hour; it ends below `leave`. Ranks older than
    `rank_age_minutes_max` minutes are no data.
    """

    enter: Share = 0.95
    leave: Share = 0.8
    percentile: Share = 0.95
    history_min: Annotated[int, Meta(ge=8, le=192)] = 48
    rank_age_minutes_max: Annotated[float, Meta(gt=0.0, le=120.0)] = 20.0
    action: Action = "block"
    cut_to: Share = 0.5


class PhaseSpace(Filter[Settings]):
    """The phase-space gate."""

    name = "phase_space"
    asks = "does the coin move as its own volatility explains, by the ranks of six lenses?"
    rank = 12
    default_mode = "observe"
    rests_on = ("lens",)
    settings_type = Settings

    def __init__(self, settings: Settings, mode: Mode) -> None:
        super().__init__(settings, mode)
        self.reads = reads(settings.action)

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Refuse or cut while the alarm is raised; no_data without a fresh score."""
        lenses = view.coins[proposal.coin].lenses
        s = self.settings
        if not lenses.rank_bar_ms:
            return self.no_data(lenses.reason)
        age_min = lenses.ranks_age_ms(view.venue_ms) / MS_PER_MINUTE
        if age_min > s.rank_age_minutes_max:
            return self.no_data(f"ranks are {age_min:.0f} min old")
        score = lenses.score
        if score is None:
            return self.no_data(lenses.reason)
        rule = Rule(s.enter, s.leave, s.percentile, s.history_min)
        raised, threshold = judge(lenses.scores, lenses.rank_bar_ms, score, rule)
        if not raised:
            return self.passed(score, threshold)
        reason = f"unlike its own volatility: score {score:.3f}, threshold {threshold:.3f}"
        return act(
            self,
            proposal,
            action=s.action,
            cut_to=s.cut_to,
            value=score,
            threshold=threshold,
            reason=reason,
        )
