from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divisions.roster import DIVISIONS
from divisions.vote import Opinions, cast, count, hold, plain, stands, together, withdraw
from market.decision import BUY, SELL, ExitPlan, Signal, Stance, Vote

S = 1_000_000_000
HOMES = {"a": "trend", "b": "trend", "c": "flow", "d": "carry"}


def said(
    side: int = BUY, conviction: float = 1.0, *, target: float = 0.0, horizon_s: int = 60
) -> Signal:
    plan = ExitPlan(100.0 - side, horizon_s * S, target)
    return Signal("SOL", side, conviction, plan, f"because {side}")


def opinions(**given: Signal) -> Opinions:
    found: Opinions = {}
    for bot, signal in given.items():
        hold(found, bot, signal, 0)
    return found


def voted(found: Opinions, *, mid: float = 100.0, now_s: float = 1.0, **weights: float) -> Vote:
    bots = {b: weights.get(b, 1.0) for b in HOMES}
    return cast(
        found.get("SOL", {}),
        mid=mid,
        now_ns=int(now_s * S),
        divisions={d: weights.get(d, 1.0) for d in DIVISIONS},
        bots=bots,
        homes=HOMES,
        totals=together(bots, HOMES),
    )


def test_nobody_speaks_and_nobody_disagrees() -> None:
    assert voted({}) == Vote(0.0, 0.0, [])


def test_one_of_two_bots_gives_half_its_divisions_confidence() -> None:
    (stance,) = voted(opinions(a=said(BUY, 0.8))).stances
    assert (stance.division, stance.stance, stance.confidence) == ("trend", 0.8, 0.5)


def test_the_arithmetic_by_hand() -> None:
    """trend: (1·0.8 − 3·0.4) / 4 = −0.1 at confidence 1; flow: +0.5 at 1; weights 2 and 1."""
    vote = voted(
        opinions(a=said(BUY, 0.8), b=said(SELL, 0.4), c=said(BUY, 0.5)), trend=2.0, a=1.0, b=3.0
    )
    trend, flow = vote.stances
    assert trend.stance == pytest.approx(-0.1) and trend.confidence == 1.0
    assert vote.value == pytest.approx((2 * -0.1 + 0.5) / 3)
    assert vote.disagreement == pytest.approx(1 - 0.3 / 0.7)
    assert flow.voices[0].reason == "because 1"


def test_weight_decides_whom_to_hear() -> None:
    found = opinions(c=said(BUY), d=said(SELL))
    assert voted(found).value == pytest.approx(0.0) and voted(found).disagreement == 1.0
    assert voted(found, flow=2.5, carry=0.3).value == pytest.approx(2.2 / 2.8)


@pytest.mark.parametrize(
    ("mid", "now_s", "there"),
    [(100.0, 59.9, True), (100.0, 60.0, False), (99.0, 1.0, False), (99.1, 1.0, True),
     (102.0, 1.0, False), (101.9, 1.0, True)],
)  # fmt: skip
def test_an_opinion_stands_until_its_horizon_stop_or_target(
    mid: float, now_s: float, there: bool
) -> None:
    found = opinions(c=said(BUY, target=102.0))
    assert bool(voted(found, mid=mid, now_s=now_s).stances) is there
    assert stands(found["SOL"]["c"], mid, int(now_s * S)) is there


def test_a_short_falls_with_its_stop_above() -> None:
    found = opinions(c=said(SELL, target=98.0))
    assert not voted(found, mid=101.0).stances and not voted(found, mid=98.0).stances
    assert voted(found, mid=100.9).stances


def test_a_new_word_replaces_the_old_one() -> None:
    found = opinions(c=said(BUY))
    hold(found, "c", said(SELL, 0.3), 10 * S)
    (voice,) = voted(found, now_s=20).stances[0].voices
    assert (voice.side, voice.conviction, voice.at_ns) == (SELL, 0.3, 10 * S)


def test_an_exit_call_withdraws_only_its_own_side() -> None:
    found = opinions(c=said(BUY), d=said(BUY))
    withdraw(found, "c", "SOL", SELL)
    assert len(voted(found).stances) == 2
    withdraw(found, "c", "SOL", BUY)
    withdraw(found, "c", "SOL", BUY)
    withdraw(found, "c", "ETH", BUY)
    assert [s.division for s in voted(found).stances] == ["carry"]


def test_a_bot_that_nobody_enrolled_has_no_vote() -> None:
    assert voted(opinions(stranger=said())).stances == []


def test_what_is_written_down_names_everyone() -> None:
    written = plain(voted(opinions(a=said(BUY, 0.8))), 12 * S)
    assert written["divisions"] == {
        "trend": {
            "weight": 1.0, "stance": 0.8, "confidence": 0.5,
            "bots": {"a": {"side": "buy", "conviction": 0.8, "age_s": 12.0,
                           "reason": "because 1"}},
        }
    }  # fmt: skip


stances = st.lists(
    st.builds(
        Stance,
        st.sampled_from(DIVISIONS),
        st.floats(0.3, 2.5),
        st.floats(-1.0, 1.0).filter(lambda x: x == 0 or abs(x) > 1e-6),
        st.floats(0.01, 1.0),
        st.just([]),
    ),
    max_size=5,
)


@given(stances, st.floats(0.1, 10.0))
def test_a_vote_is_bounded_and_blind_to_the_scale_of_weights(
    found: list[Stance], scale: float
) -> None:
    vote = count(found)
    assert -1.0 - 1e-9 <= vote.value <= 1.0 + 1e-9 and -1e-9 <= vote.disagreement <= 1.0
    larger = count(
        [Stance(s.division, s.weight * scale, s.stance, s.confidence, []) for s in found]
    )
    assert larger.value == pytest.approx(vote.value, abs=1e-9)
    assert larger.disagreement == pytest.approx(vote.disagreement, abs=1e-9)
    mirrored = count([Stance(s.division, s.weight, -s.stance, s.confidence, []) for s in found])
    assert mirrored.value == pytest.approx(-vote.value)
    assert mirrored.disagreement == pytest.approx(vote.disagreement)
    if all(s.stance >= 0 for s in found):
        assert vote.disagreement == pytest.approx(0.0, abs=1e-9)
