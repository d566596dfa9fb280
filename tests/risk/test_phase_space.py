from __future__ import annotations

import pytest

from market.coin import Coin
from market.decision import Check, Mode
from market.events import MS_PER_MINUTE, NS_PER_MS, LensUpdate
from market.lenses import SLOT_MS
from risk.gate import fold
from risk.phase_space import PhaseSpace, Settings
from tests.support.shadow import SOL, T0, T0_MS, make_coin, make_proposal, make_view

BAR_MS = T0_MS - MS_PER_MINUTE


def scored(*scores: float | None, reason: str = "") -> Coin:
    """Return a coin whose scores came a slot apart; the minute of the last has just closed."""
    coin = make_coin()
    for place, score in enumerate(scores, 1 - len(scores)):
        bar_ms = BAR_MS + place * SLOT_MS
        coin.lenses.take(LensUpdate("SOL", bar_ms, "rank", "bar", [], score, reason))
    return coin


def check(
    coin: Coin,
    *,
    minutes: float = 0.0,
    mode: Mode = "enforce",
    lots: int = 1_000,
    **settings: object,
) -> Check:
    f = PhaseSpace(Settings(**settings), mode)  # type: ignore[arg-type]
    now_ns = T0 + round(minutes * MS_PER_MINUTE) * NS_PER_MS
    return f.check(make_proposal(lots=lots), make_view(coin, now_ns=now_ns))


def test_a_usual_score_passes_with_its_threshold() -> None:
    found = check(scored(0.5))
    assert (found.outcome, found.value, found.threshold) == ("pass", 0.5, 0.95)
    assert found.room_e6 is None


def test_an_unlikely_score_refuses_and_says_so() -> None:
    found = check(scored(0.975))
    assert (found.outcome, found.value, found.threshold) == ("fail", 0.975, 0.95)
    assert found.reason == "unlike its own volatility: score 0.975, threshold 0.950"


def test_it_stays_raised_until_the_score_has_calmed_down() -> None:
    assert check(scored(0.975, 0.85)).outcome == "fail"
    assert check(scored(0.975, 0.85)).threshold == 0.8
    assert check(scored(0.975, 0.79, 0.9)).outcome == "pass"


def test_a_coin_that_is_always_odd_is_measured_by_itself() -> None:
    odd = [0.5, 0.99, 0.5] * 6
    assert check(scored(*odd, 0.5, 0.97), history_min=8).outcome == "pass"
    assert check(scored(*odd, 0.5, 0.97), history_min=8).threshold == 0.99
    assert check(scored(*odd, 0.5, 0.97), history_min=48).outcome == "fail"


def test_a_cut_lets_a_share_pass() -> None:
    found = check(scored(0.975), action="cut", cut_to=0.4)
    assert (found.outcome, found.room_e6) == ("pass", 400_000_000)
    assert check(scored(0.975), action="cut", cut_to=0.4, lots=24).outcome == "fail"


def test_before_any_rank_there_is_no_data() -> None:
    found = check(make_coin())
    assert (found.outcome, found.reason) == ("no_data", "no lens has looked at it yet")


def test_where_lenses_are_switched_off_the_reason_says_so() -> None:
    coin = make_coin()
    coin.lenses.reason = "lenses are switched off ([lens] enabled)"
    assert check(coin).reason == coin.lenses.reason


def test_an_abstaining_score_is_no_data_with_its_reason() -> None:
    found = check(scored(0.5, None, reason="only two lenses are sound"))
    assert (found.outcome, found.reason) == ("no_data", "only two lenses are sound")


@pytest.mark.parametrize(("minutes", "outcome"), [(20.0, "pass"), (20.1, "no_data")])
def test_old_ranks_are_no_data(minutes: float, outcome: str) -> None:
    found = check(scored(0.5), minutes=minutes)
    assert found.outcome == outcome
    if outcome == "no_data":
        assert found.reason == "ranks are 20 min old"
    assert check(scored(0.5), minutes=minutes, rank_age_minutes_max=25.0).outcome == "pass"


def test_what_cannot_be_told_closes_the_gate_only_when_enforced() -> None:
    for mode, admitted in (("enforce", False), ("observe", True)):
        verdict = fold([check(make_coin(), mode=mode)], make_proposal(), SOL)  # type: ignore[arg-type]
        assert (verdict.admitted, verdict.fail_closed) == (admitted, not admitted)
        assert verdict.sole == ""


def test_a_refusal_blocks_only_when_enforced() -> None:
    for mode, sole in (("enforce", "phase_space"), ("observe", "")):
        verdict = fold([check(scored(0.99), mode=mode)], make_proposal(), SOL)  # type: ignore[arg-type]
        assert (verdict.sole, verdict.admitted, verdict.fail_closed) == (sole, not sole, False)


def test_it_begins_by_observing() -> None:
    assert PhaseSpace.default_mode == "observe" and PhaseSpace.may_enforce
