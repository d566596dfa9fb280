from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from divisions.bot import NoMemory
from divisions.trend.trend_slope import Params, TrendSlope
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, trending
from tests.support.market import make_coin, view_of


def line(slope: float, noise: float = 1e-4, bars: int = 24) -> list[float]:
    wiggle = np.random.default_rng(4).normal(0.0, noise, bars)
    return [100.0 * exp(slope * (i - bars) + float(w)) for i, w in enumerate(wiggle)]


def hear(closes: list[float]) -> Signal | None:
    coin = make_coin(closes=closes, timeframe="15m")
    return TrendSlope(Params()).on_bar(NoMemory(), coin, view_of(coin), "15m")


@pytest.mark.parametrize(("slope", "side"), [(4e-4, BUY), (-4e-4, SELL)])
def test_a_straight_line_is_followed_with_the_t_of_least_squares(slope: float, side: int) -> None:
    closes = line(slope)
    signal = hear(closes)
    assert signal is not None
    assert signal.side == side
    x, y = np.arange(24.0), np.array([log(c) for c in closes])
    (b, a), cov = np.polyfit(x, y, 1, cov=True)
    assert signal.saw["slope_bps"] == pytest.approx(b * 1e4)
    assert signal.saw["t"] == pytest.approx(b / np.sqrt(cov[0, 0]))
    unit = signal.saw["range"]
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 2.5 * unit)
    assert signal.plan.trail == pytest.approx(3.5 * unit)
    assert np.isfinite(a)


def test_the_same_climb_with_more_noise_is_not_believed() -> None:
    assert hear(line(4e-4, noise=3e-3)) is None


def test_a_random_walk_rarely_looks_that_straight() -> None:
    rng = np.random.default_rng(5)
    walks = np.exp(np.cumsum(rng.normal(0.0, 2e-3, (400, 24)), axis=1)) * 100.0
    said = [hear([float(v) for v in walk]) for walk in walks]
    assert sum(s is not None for s in said) / 400 < 0.15


def test_prices_that_stand_still_or_lie_on_the_line_to_the_last_digit_say_nothing() -> None:
    assert hear([100.0] * 24) is None
    assert hear(line(0.0, noise=0.0)) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    closes = line(4e-4)
    assert hear(closes[1:]) is None
    assert len(closes) == TrendSlope.warm_up
    assert hear(closes) is not None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(TrendSlope, trending(105, hours=240, length_h=20, drift=2e-4))
