from __future__ import annotations

from statistics import fmean, pstdev

import pytest

from divisions.bot import Action, NoMemory
from divisions.reversion.bollinger import Bollinger, Params
from market.decision import BUY, SELL, ExitCall, Signal
from tests.support.controls import assert_earns, reverting
from tests.support.market import make_coin, view_of

QUIET = [100.0 + 0.5 * (i % 2) for i in range(19)]


def hear(closes: list[float], mid: float | None = None, **params: float) -> Action | None:
    coin = make_coin(mid=closes[-1] if mid is None else mid, closes=closes)
    return Bollinger(Params(**params)).on_bar(NoMemory(), coin, view_of(coin), "1m")  # type: ignore[arg-type]


@pytest.mark.parametrize(("last", "side"), [(103.0, SELL), (97.0, BUY)])
def test_a_close_outside_the_band_is_faded_towards_the_mean(last: float, side: int) -> None:
    closes = [*QUIET, last]
    signal = hear(closes)
    assert isinstance(signal, Signal)
    mean, deviation = fmean(closes), pstdev(closes)
    assert signal.side == side
    assert signal.plan.target_px == pytest.approx(mean)
    assert signal.plan.stop_px == pytest.approx(last - side * 2.0 * deviation)
    assert signal.saw["z"] == pytest.approx((last - mean) / deviation)


@pytest.mark.parametrize(("before", "last", "side"), [(99.9, 103.0, SELL), (100.6, 97.0, BUY)])
def test_a_jump_through_the_mean_to_the_other_edge_is_faded_at_once(
    before: float, last: float, side: int
) -> None:
    signal = hear([*QUIET[1:], before, last])
    assert isinstance(signal, Signal)
    assert signal.side == side


@pytest.mark.parametrize("last", [100.0, 100.7, 99.8])
def test_a_close_within_the_band_is_left_alone(last: float) -> None:
    assert not isinstance(hear([*QUIET, last]), Signal)


def test_only_the_window_counts() -> None:
    assert isinstance(hear([1_000.0] * 50 + QUIET + [103.0]), Signal)


@pytest.mark.parametrize(("before", "last", "side"), [(99.0, 100.5, BUY), (101.5, 99.9, SELL)])
def test_the_return_through_the_mean_calls_the_exit_of_the_fade(
    before: float, last: float, side: int
) -> None:
    call = hear([*QUIET[1:], before, last])
    assert isinstance(call, ExitCall)
    assert call.side == side


@pytest.mark.parametrize("price", [0.1, 0.3, 100.0, 1e-6])
@pytest.mark.parametrize("entry", [2.0, 0.5])
def test_a_price_that_stands_still_has_no_band(price: float, entry: float) -> None:
    assert hear([price] * 40, mid=price * 1.01, entry=entry) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    assert Bollinger.warm_up == len(QUIET) + 1
    assert isinstance(hear([*QUIET, 103.0]), Signal)
    assert hear([*QUIET[1:], 103.0]) is None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(Bollinger, reverting(107, hours=36, half_life_m=6, sd=6e-3))
