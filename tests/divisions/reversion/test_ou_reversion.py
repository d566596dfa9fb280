from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from divisions.bot import NoMemory
from divisions.reversion.ou_reversion import OuReversion, Params
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, reverting
from tests.support.market import make_coin, view_of

BARS = OuReversion.warm_up


def level(last: float, keep: float = 0.4, bars: int = BARS) -> list[float]:
    """Return closes pulled to 100 (keep < 1) or walking (keep 1), the newest one set."""
    rng = np.random.default_rng(6)
    x = [0.0]
    for shock in rng.normal(0.0, 1e-3, bars - 2):
        x.append(keep * x[-1] + float(shock))
    return [100.0 * exp(v) for v in (*x, last)]


def hear(closes: list[float]) -> Signal | None:
    coin = make_coin(mid=closes[-1], closes=closes, timeframe="5m")
    return OuReversion(Params()).on_bar(NoMemory(), coin, view_of(coin), "5m")


@pytest.mark.parametrize(("last", "side"), [(0.005, SELL), (-0.005, BUY)])
def test_a_price_that_has_been_pulled_back_is_faded(last: float, side: int) -> None:
    closes = level(last)
    signal = hear(closes)
    assert signal is not None
    assert signal.side == side
    x = np.log(closes)
    assert signal.saw["z"] == pytest.approx((x[-1] - x.mean()) / x.std())
    (b, _), cov = np.polyfit(x[:-1], np.diff(x), 1, cov=True)
    assert signal.saw["t"] == pytest.approx(b / np.sqrt(cov[0, 0]))
    assert signal.saw["half_life_bars"] == pytest.approx(log(2.0) / -b)
    away = abs(signal.saw["z"]) * float(x.std()) * closes[-1]
    assert abs(signal.plan.target_px - closes[-1]) == pytest.approx(away)
    bars = 1.0 + 4.0 * signal.saw["half_life_bars"]
    assert signal.plan.horizon_ns == pytest.approx(min(bars * 300.0, 14_400.0) * 1e9)


def test_a_price_at_its_mean_says_nothing() -> None:
    assert hear(level(0.0002)) is None


def test_a_walk_as_far_out_is_not_faded() -> None:
    closes = [100.0 * exp(2e-4 * i + 1e-4 * (i % 2)) for i in range(BARS)]
    assert hear(closes) is None


def test_prices_that_stand_still_say_nothing() -> None:
    assert hear([100.0] * BARS) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    closes = level(0.005)
    assert hear(closes[1:]) is None
    assert hear(closes) is not None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(OuReversion, reverting(111, hours=96, half_life_m=30, sd=1.2e-2))
