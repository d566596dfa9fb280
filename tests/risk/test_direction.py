from __future__ import annotations

from collections.abc import Sequence
from math import erf, pi, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bars import Bars
from market.coin import Coin
from market.events import TIMEFRAME_MS, Candle
from quant.kaufman import efficiency_ratio
from risk.direction import Direction, Settings, slope_sign
from tests.support.shadow import SOL, make_coin, make_proposal, make_view

BUY, SELL = 1, -1
RISING = [100.0 + i for i in range(11)]
FALLING = RISING[::-1]
CHOPPY = [100.0, 101.0] * 5 + [101.0]
QUIET = [100.0] * 11


def bar(timeframe: str, index: int, close: float) -> Candle:
    return Candle(index * TIMEFRAME_MS[timeframe], close, close, close, close, 1.0, 1)


def coin_with(**closes: Sequence[float]) -> Coin:
    """Return a coin with hand-made closed bars, by timeframe written as tf_1m."""
    coin = make_coin()
    for name, values in closes.items():
        timeframe = name.removeprefix("tf_")
        for i, close in enumerate(values):
            coin.bars.series[timeframe].append(bar(timeframe, i, close))
    return coin


STRICT = {"oppose_max": 0.1, "evidence_min": 0.8}


def vote(coin: Coin, side: int = BUY, **settings: object) -> tuple[str, float | None, float | None]:
    f = Direction(Settings(**{**STRICT, **settings}), "enforce")  # type: ignore[arg-type]
    check = f.check(make_proposal(side=side), make_view(coin))
    return check.outcome, check.value, check.threshold


def quantile(ratio: float, n: int = 10) -> float:
    return erf(abs(ratio) * sqrt(n) / sqrt(pi))


def test_a_straight_rise_agrees_with_buying_and_opposes_selling() -> None:
    coin = coin_with(tf_1m=RISING)
    full = pytest.approx(quantile(1.0))
    assert vote(coin, BUY) == ("pass", full, -0.1)
    outcome, value, threshold = vote(coin, SELL)
    assert (outcome, threshold) == ("fail", -0.1)
    assert value == pytest.approx(-quantile(1.0))


def test_the_check_says_which_timeframes_vote_when_not_all_do() -> None:
    every: dict[str, Any] = {f"tf_{tf}": RISING for tf in TIMEFRAME_MS}
    f = Direction(Settings(), "enforce")
    said = {
        side: f.check(make_proposal(side=side), make_view(coin_with(**every))).reason
        for side in (BUY, SELL)
    }
    assert said == {BUY: "", SELL: "timeframes net −0.99 against this side (limit 0)"}
    f = Direction(Settings(), "enforce")
    few = coin_with(**{**every, "tf_1h": RISING[:5], "tf_4h": RISING[:1]})
    for side, head in ((BUY, ""), (SELL, "timeframes net −0.99 against this side (limit 0); ")):
        said_of = f.check(make_proposal(side=side), make_view(few)).reason
        assert said_of == f"{head}1m 5m 15m alone vote"


def test_a_timeframe_that_is_behind_the_minutes_does_not_vote() -> None:
    coin = coin_with(tf_1m=[100.0] * 60, tf_5m=RISING)
    f = Direction(Settings(weights={"1m": 1.0, "5m": 1.0}), "enforce")
    assert f.check(make_proposal(side=SELL), make_view(coin)).outcome == "fail"
    coin.bars.series["1m"].append(bar("1m", 60, 100.0))
    assert f.check(make_proposal(side=SELL), make_view(coin)).outcome == "fail", "just ended"
    coin.bars.series["1m"].append(bar("1m", 61, 100.0))
    check = f.check(make_proposal(side=SELL), make_view(coin))
    assert (check.outcome, check.reason) == ("pass", "1m alone vote")


def test_a_straight_fall_agrees_with_selling_and_opposes_buying() -> None:
    coin = coin_with(tf_5m=FALLING)
    assert vote(coin, SELL)[0] == "pass"
    assert vote(coin, BUY) == ("fail", pytest.approx(-quantile(1.0)), -0.1)


@pytest.mark.parametrize("closes", [CHOPPY, QUIET])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_what_a_random_walk_does_daily_is_no_direction(closes: list[float], side: int) -> None:
    assert vote(coin_with(tf_1m=closes), side) == ("pass", 0.0, -0.1)


def test_evidence_below_its_minimum_does_not_count() -> None:
    coin = coin_with(tf_1m=CHOPPY)
    # Nine steps of one and a still one make a net move of one: a ninth.
    assert vote(coin, SELL, evidence_min=0.0)[1] == pytest.approx(-quantile(1 / 9))
    assert vote(coin, SELL, evidence_min=quantile(1 / 9) + 1e-9)[1] == 0.0


def test_ten_bars_are_not_enough_and_eleven_are() -> None:
    assert vote(coin_with(tf_1m=RISING[:10])) == ("no_data", None, None)
    assert vote(coin_with(tf_1m=RISING))[0] == "pass"
    assert vote(coin_with(tf_1m=RISING), n=11) == ("no_data", None, None)


def test_only_timeframes_that_are_ready_vote() -> None:
    coin = coin_with(tf_1m=FALLING, tf_4h=RISING[:5])
    assert vote(coin, SELL)[1] == pytest.approx(quantile(1.0))


def test_the_vote_is_a_weighted_mean() -> None:
    coin = coin_with(tf_1m=RISING, tf_5m=RISING, tf_1h=FALLING)
    weights = {"1m": 1.0, "5m": 2.0, "15m": 9.0, "1h": 5.0}
    # 15m has no bars and 4h no weight: (1 + 2 - 5) / 8.
    assert vote(coin, BUY, weights=weights)[1] == pytest.approx(-2 / 8 * quantile(1.0))


def test_a_weight_of_zero_takes_a_timeframe_out() -> None:
    coin = coin_with(tf_1m=FALLING, tf_5m=RISING)
    assert vote(coin, BUY, weights={"1m": 0.0, "5m": 1.0})[0] == "pass"
    assert vote(coin, BUY, weights={"1m": 1.0, "5m": 0.0})[0] == "fail"


def test_without_any_weight_there_is_nothing_to_say() -> None:
    for weights in ({"1m": 0.0}, {}):
        with pytest.raises(ValueError, match="weights are all 0"):
            Direction(Settings(weights=weights), "enforce")


def test_opposition_up_to_the_limit_is_borne() -> None:
    coin = coin_with(tf_1m=FALLING, tf_5m=RISING)
    full = quantile(1.0)
    # Two to one against: a vote of -1/3.
    weights = {"1m": 2.0, "5m": 1.0}
    exact = (2.0 * -full + full) / 3.0
    assert vote(coin, BUY, weights=weights, oppose_max=-exact) == ("pass", exact, exact)
    assert vote(coin, BUY, weights=weights, oppose_max=-exact - 1e-9)[0] == "fail"


def test_by_default_a_net_vote_against_the_side_blocks() -> None:
    assert Settings().oppose_max == 0.0
    coin = coin_with(tf_1m=FALLING, tf_5m=RISING)
    assert vote(coin, BUY, weights={"1m": 1.001, "5m": 1.0}, oppose_max=0.0)[0] == "fail"
    assert vote(coin, BUY, weights={"1m": 1.0, "5m": 1.0}, oppose_max=0.0) == ("pass", 0.0, 0.0)


def test_a_negative_limit_demands_agreement() -> None:
    assert vote(coin_with(tf_1m=QUIET), BUY, oppose_max=-0.1) == ("fail", 0.0, 0.1)
    assert vote(coin_with(tf_1m=RISING), BUY, oppose_max=-0.1)[0] == "pass"


def test_a_net_move_against_the_slope_is_no_direction() -> None:
    # It ends above its beginning, but the bulk of it slopes down.
    closes = [100.0, 130.0, 125.0, 120.0, 115.0, 110.0, 105.0, 103.0, 102.0, 101.0, 100.5]
    assert slope_sign(closes) == -1
    assert vote(coin_with(tf_1m=closes), BUY, evidence_min=0.0)[1] == 0.0


def test_scores_follow_the_bars_as_they_close() -> None:
    coin = coin_with(tf_1m=RISING)
    f = Direction(Settings(), "enforce")
    view, proposal = make_view(coin), make_proposal()
    assert f.check(proposal, view).outcome == "pass"
    for i, close in enumerate(FALLING):
        coin.bars.series["1m"].append(bar("1m", 11 + i, close))
    assert f.check(proposal, view).outcome == "fail"


def test_scores_follow_history_that_replaces_the_same_bars() -> None:
    """The venue's candles may differ from those built from prints, under the same start times."""
    coin = Coin(SOL)
    coin.bars = Bars()
    built = [bar("1m", i, close) for i, close in enumerate(RISING)]
    coin.bars.on_candles("1m", built, built[-1].start_ms + 60_000)
    f = Direction(Settings(), "enforce")
    view, proposal = make_view(coin), make_proposal()
    assert f.check(proposal, view).outcome == "pass"
    told = [bar("1m", i, close) for i, close in enumerate(FALLING)]
    coin.bars.on_candles("1m", told, told[-1].start_ms + 60_000)
    assert f.check(proposal, view) == Direction(Settings(), "enforce").check(proposal, view)
    assert f.check(proposal, view).outcome == "fail"


def test_a_coin_that_is_given_other_bars_is_looked_at_anew() -> None:
    """As an engine that takes up a written state gives it, under the same name."""
    coin, f = coin_with(tf_1m=RISING), Direction(Settings(), "enforce")
    view = make_view(coin)
    assert f.check(make_proposal(), view).outcome == "pass"
    coin.bars = coin_with(tf_1m=FALLING).bars
    assert f.check(make_proposal(), view).outcome == "fail"


def test_coins_do_not_share_scores() -> None:
    f = Direction(Settings(), "enforce")
    for closes, outcome in ((RISING, "pass"), (FALLING, "fail"), (RISING, "pass")):
        coin = coin_with(tf_1m=closes)
        coin.instrument = type(SOL)(f"C{closes[0]}", 0, 2, 10)
        view = make_view(coin)
        assert f.check(make_proposal(instrument=coin.instrument), view).outcome == outcome


def test_an_unknown_timeframe_is_refused() -> None:
    with pytest.raises(ValueError, match="2m"):
        Direction(Settings(weights={"2m": 1.0, "1m": 1.0}), "enforce")


@given(
    st.lists(st.floats(50.0, 150.0), min_size=11, max_size=40),
    st.floats(-1.0, 1.0),
    st.floats(0.0, 0.99),
)
def test_the_vote_is_bounded_and_turns_with_the_side(
    closes: list[float], oppose_max: float, evidence_min: float
) -> None:
    coin = coin_with(tf_1m=closes)
    settings = {"oppose_max": oppose_max, "evidence_min": evidence_min}
    outcome, value, threshold = vote(coin, BUY, **settings)
    _, mirrored, _ = vote(coin, SELL, **settings)
    assert value is not None
    assert threshold == -oppose_max
    assert -1.0 <= value <= 1.0
    assert value == -mirrored  # type: ignore[operator]
    assert (outcome == "pass") == (value >= -oppose_max)


BAR = st.tuples(st.sampled_from(["1m", "5m", "15m"]), st.floats(50.0, 150.0))
ACTS = st.lists(
    st.one_of(
        BAR.map(lambda found: ("close", found)),
        st.lists(st.floats(50.0, 150.0), min_size=1, max_size=30).map(lambda c: ("history", c)),
        st.sampled_from([BUY, SELL]).map(lambda side: ("ask", side)),
    ),
    max_size=60,
)


@given(ACTS)
def test_a_filter_that_has_been_asked_before_says_what_a_fresh_one_says(
    acts: list[tuple[str, Any]],
) -> None:
    coin = coin_with(tf_1m=CHOPPY, tf_5m=FALLING)
    seasoned, view = Direction(Settings(), "enforce"), make_view(coin)
    for what, value in acts:
        if what == "close":
            timeframe, close = value
            series = coin.bars.series[timeframe]
            following = series.start_ms[-1] // series.step_ms + 1 if series.start_ms else 0
            series.append(bar(timeframe, following, close))
        elif what == "history":
            told = [bar("5m", i, close) for i, close in enumerate(value)]
            coin.bars.on_candles("5m", told, told[-1].start_ms + TIMEFRAME_MS["5m"])
        else:
            proposal = make_proposal(side=value)
            fresh = Direction(Settings(), "enforce")
            assert seasoned.check(proposal, view) == fresh.check(proposal, view)


def test_closed_bars_are_looked_at_once_however_many_signals_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coin = coin_with(tf_1m=RISING, tf_5m=FALLING)
    f, view = Direction(Settings(), "enforce"), make_view(coin)
    looked: list[int] = []

    def ratio(closes: Sequence[float], n: int) -> float:
        looked.append(n)
        return efficiency_ratio(closes, n)

    monkeypatch.setattr("risk.direction.efficiency_ratio", ratio)
    for _ in range(5):
        f.check(make_proposal(side=BUY), view)
        f.check(make_proposal(side=SELL), view)
    assert len(looked) == 2
    coin.bars.series["1m"].append(bar("1m", 11, 111.0))
    f.check(make_proposal(), view)
    assert len(looked) == 3
