"""The divisions' vote on a coin, as it is shown and as it is kept with a signal."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from divisions import vote as voting
from market.decision import Vote


class VoiceView(Struct):
    """One bot's standing opinion: `side` buy or sell, conviction in (0, 1], seconds old, why."""

    side: str
    conviction: float
    age_s: float
    reason: str


class StanceView(Struct):
    """One division: its weight, its stance in [−1, 1], the share of it that speaks, its bots."""

    weight: float
    stance: float
    confidence: float
    bots: dict[str, VoiceView]


class VoteView(Struct):
    """The vote: `value` in [−1, 1], `disagreement` in [0, 1], and each division that speaks."""

    value: float
    disagreement: float
    divisions: dict[str, StanceView]


def vote_view(vote: Vote, now_ns: int) -> VoteView:
    """Return a vote with ages in seconds instead of times."""
    return msgspec.convert(voting.plain(vote, now_ns), VoteView)
