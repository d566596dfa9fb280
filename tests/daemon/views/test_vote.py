from __future__ import annotations

from daemon.views.vote import StanceView, VoiceView, VoteView, vote_view
from market.decision import BUY, SELL, Stance, Voice, Vote


def test_a_vote_is_told_by_division_and_bot_with_ages() -> None:
    voices = [Voice("ema_cross", BUY, 0.5, 1_000_000_000, "up"), Voice("adx", SELL, 1.0, 0, "no")]
    vote = Vote(0.25, 0.75, [Stance("trend", 1.05, -0.25, 0.4, voices)])
    assert vote_view(vote, 4_500_000_000) == VoteView(
        0.25,
        0.75,
        {
            "trend": StanceView(
                1.05,
                -0.25,
                0.4,
                {
                    "ema_cross": VoiceView("buy", 0.5, 3.5, "up"),
                    "adx": VoiceView("sell", 1.0, 4.5, "no"),
                },
            )
        },
    )


def test_where_nobody_speaks_there_is_no_division() -> None:
    assert vote_view(Vote(), 5) == VoteView(0.0, 0.0, {})
