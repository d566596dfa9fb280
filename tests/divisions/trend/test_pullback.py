from __future__ import annotations

import numpy as np
import pytest

from divisions.bot import NoMemory
from divisions.trend.pullback import Params, Pullback
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, pulled, regimes
from tests.support.market import append_closes, make_coin, view_of
from tests.support.synthetic import Market

SWING = [100.0 + 0.1 * (-1) ** i for i in range(23)]


def coin_with(trend: float, dip: float, *, fast: int = 24, slow: int = 24) -> Coin:
    coin = make_coin()
    append_closes(coin, [100.0 + trend * (i - slow) for i in range(slow)], "1h")
    append_closes(coin, [*SWING, 100.0 + dip][-fast:], "5m")
    return coin


def hear(coin: Coin, timeframe: str = "5m") -> Signal | None:
    return Pullback(Params()).on_bar(NoMemory(), coin, view_of(coin), timeframe)


@pytest.mark.parametrize(("trend", "dip", "side"), [(0.5, -0.5, BUY), (-0.5, 0.5, SELL)])
def test_a_dip_against_the_hours_is_an_entry_with_them(trend: float, dip: float, side: int) -> None:
    signal = hear(coin_with(trend, dip))
    assert signal is not None
    assert signal.side == side
    assert signal.saw["trend"] * side > 1.0
    assert signal.saw["dip"] * side < -1.5
    unit = signal.saw["range"]
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 3.0 * unit)
    assert signal.plan.target_px == pytest.approx(100.0 + side * 6.0 * unit)


@pytest.mark.parametrize(
    ("trend", "dip"), [(0.5, 0.5), (-0.5, -0.5), (0.0, -0.5), (0.5, 0.0)],
    ids=["up and up", "down and down", "no trend", "no dip"],
)  # fmt: skip
def test_it_is_silent_unless_both_disagree(trend: float, dip: float) -> None:
    assert hear(coin_with(trend, dip)) is None


def test_the_close_of_an_hour_is_no_entry_by_itself() -> None:
    assert hear(coin_with(0.5, -0.5), "1h") is None


def test_it_speaks_when_both_are_warm_and_not_before() -> None:
    assert hear(coin_with(0.5, -0.5, slow=Pullback.warm_up - 1)) is None
    assert hear(coin_with(0.5, -0.5, fast=Pullback.warm_up - 1)) is None
    assert hear(coin_with(0.5, -0.5)) is not None


def dips() -> Market:
    """Return trends of days with a swing of an hour around them."""
    rng = np.random.default_rng(103)
    ticks = 6 * 1440
    drift = np.cumsum(regimes(rng, 2, ticks, 2880, 5e-5), axis=1)
    swing = 0.006 * np.sin(2 * np.pi * np.arange(ticks) / 90.0)
    return Market(drift + swing + pulled(rng, 2, ticks, 5.0, 5e-4), 60.0)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(Pullback, dips())
