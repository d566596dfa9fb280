from __future__ import annotations

import pytest

from market.coin import Coin
from market.decision import Check, Mode
from market.events import MS_PER_MINUTE, NS_PER_MS, LensReading, LensUpdate
from market.lenses import SLOT_MS
from risk.gate import fold
from risk.volatility import Settings, Volatility
from tests.support.shadow import SOL, T0, T0_MS, make_coin, make_proposal, make_view

BAR_MS = T0_MS - MS_PER_MINUTE


def measured(*figures: float | None, hmm: float | None = None, flags: str = "") -> Coin:
    """Return a coin whose figures came a slot apart; the minute of the last has just closed."""
    coin = make_coin()
    for place, figure in enumerate(figures, 1 - len(figures)):
        readings = [LensReading("volatility", figure, flags=[flags] if flags else [])]
        if hmm is not None:
            readings.append(LensReading("hmm", hmm))
        coin.lenses.take(LensUpdate("SOL", BAR_MS + place * SLOT_MS, "raw", "bar", readings))
    return coin


def check(coin: Coin, *, minutes: float = 0.0, mode: Mode = "enforce", **settings: object) -> Check:
    f = Volatility(Settings(**settings), mode)  # type: ignore[arg-type]
    now_ns = T0 + round(minutes * MS_PER_MINUTE) * NS_PER_MS
    return f.check(make_proposal(), make_view(coin, now_ns=now_ns))


def test_usual_volatility_passes() -> None:
    found = check(measured(-0.3))
    assert (found.outcome, found.value, found.threshold) == ("pass", -0.3, 2.0)


@pytest.mark.parametrize(
    ("hmm", "beside"), [(None, "no opinion"), (0.87, "87% turbulent"), (0.0, "0% turbulent")]
)
def test_wild_hours_refuse_with_the_other_opinion_beside(hmm: float | None, beside: str) -> None:
    found = check(measured(2.5, hmm=hmm))
    assert (found.outcome, found.value, found.threshold) == ("fail", 2.5, 2.0)
    assert found.reason == f"realised volatility +2.5 z, threshold +2.0; HMM: {beside}"


def test_the_other_opinion_decides_nothing() -> None:
    assert check(measured(1.9, hmm=1.0)).outcome == "pass"


def test_it_stays_raised_until_the_market_has_calmed_down() -> None:
    assert check(measured(2.5, 1.2)).outcome == "fail"
    assert check(measured(2.5, 1.2)).threshold == 1.0
    assert check(measured(2.5, 0.9, 1.9)).outcome == "pass"


def test_a_coin_that_is_often_wild_is_measured_by_itself() -> None:
    often = [0.0, 3.0, 0.0] * 6
    assert check(measured(*often, 2.5), history_min=8).outcome == "pass"
    assert check(measured(*often, 2.5), history_min=8).threshold == 3.0
    assert check(measured(*often, 2.5)).outcome == "fail"


def test_a_cut_lets_a_share_pass() -> None:
    found = check(measured(2.5), action="cut", cut_to=0.4)
    assert (found.outcome, found.room_e6) == ("pass", 400_000_000)


def test_before_any_value_there_is_no_data() -> None:
    found = check(make_coin())
    assert (found.outcome, found.reason) == ("no_data", "no lens has looked at it yet")


@pytest.mark.parametrize(("minutes", "outcome"), [(2.0, "pass"), (2.1, "no_data")])
def test_old_values_are_no_data(minutes: float, outcome: str) -> None:
    found = check(measured(0.0), minutes=minutes)
    assert found.outcome == outcome
    if outcome == "no_data":
        assert found.reason == "values are 2 bars old, limit 2"
    assert check(measured(0.0), minutes=minutes, bars_max=3).outcome == "pass"


@pytest.mark.parametrize(("flags", "reason"), [("too short", "too short"), ("", "no value")])
def test_an_abstaining_lens_is_no_data(flags: str, reason: str) -> None:
    found = check(measured(0.0, None, flags=flags))
    assert (found.outcome, found.reason) == ("no_data", reason)


def test_what_cannot_be_told_closes_the_gate_only_when_enforced() -> None:
    for mode, admitted in (("enforce", False), ("observe", True)):
        verdict = fold([check(make_coin(), mode=mode)], make_proposal(), SOL)  # type: ignore[arg-type]
        assert (verdict.admitted, verdict.fail_closed) == (admitted, not admitted)


def test_it_begins_by_observing() -> None:
    assert Volatility.default_mode == "observe"
