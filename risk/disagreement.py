"""Disagreement limit: how far the divisions may pull against each other on one coin.

The pull of a division is weight × confidence × stance, as the vote counts it. Disagreement is
1 − |Σ pulls| / Σ |pulls|: 0 when all pull one way, 1 when they cancel. A single division cannot
disagree. It begins in mode observe: whether a contested coin is worth less is a question for its
phantoms, not for a guess.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Proposal
from market.desk import DeskView
from risk.filter import Filter


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Bound: `disagreement_max` in [0, 1] is the most that passes."""

    disagreement_max: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.7


class Disagreement(Filter[Settings]):
    """The bound on how far the divisions' weighted votes may cancel."""

    name = "disagreement"
    asks = "do the divisions' weighted votes on this coin pull one way?"
    rank = 65
    default_mode = "observe"
    settings_type = Settings

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Compare the disagreement with its bound."""
        value, bound = view.vote.disagreement, self.settings.disagreement_max
        if value <= bound:
            return self.passed(value, bound)
        sides = ", ".join(f"{s.division} {s.stance:+.2f}" for s in view.vote.stances)
        return self.failed(value, bound, f"divisions pull apart: {sides}")
