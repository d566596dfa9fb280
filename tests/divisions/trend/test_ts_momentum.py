from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from divisions.bot import Action, NoMemory
from divisions.trend.ts_momentum import Params, TsMomentum
from market.decision import BUY, SELL, ExitCall, Signal
from tests.support.controls import assert_earns, trending
from tests.support.market import make_coin, view_of


def hourly(drift: float, bars: int = 60, *, sd: float = 0.002, last: float = 0.0) -> list[float]:
    """Return closes that end at 100 after a drift an hour and one more step."""
    steps = np.random.default_rng(3).normal(drift, sd, bars - 1)
    steps[-1] += last
    path = np.cumsum([0.0, *steps])
    return [100.0 * exp(p - path[-1]) for p in path]


def hear(closes: list[float], **params: float) -> Action | None:
    coin = make_coin(closes=closes, timeframe="1h")
    bot = TsMomentum(Params(**params))  # type: ignore[arg-type]
    return bot.on_bar(NoMemory(), coin, view_of(coin), "1h")


@pytest.mark.parametrize(("drift", "side"), [(0.002, BUY), (-0.002, SELL)])
def test_a_days_return_is_followed(drift: float, side: int) -> None:
    closes = hourly(drift)
    signal = hear(closes)
    assert isinstance(signal, Signal)
    assert signal.side == side
    assert signal.saw["return"] == pytest.approx(log(closes[-1] / closes[-25]))
    unit = signal.saw["deviation"]
    assert signal.saw["z"] == pytest.approx(signal.saw["return"] / (unit * 24**0.5))
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 3.0 * unit * 100.0)


def test_a_return_within_its_own_noise_is_left_alone() -> None:
    assert hear([100.0 + 0.3 * (-1) ** i for i in range(60)]) is None


def test_a_change_of_sign_calls_the_exit_of_the_side_before() -> None:
    call = hear(hourly(0.002, sd=1e-5, last=-0.1))
    assert isinstance(call, ExitCall)
    assert call.side == BUY


def test_prices_that_stand_still_say_nothing() -> None:
    assert hear([100.0] * 60) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    closes = hourly(0.003)
    assert hear(closes[-TsMomentum.warm_up + 1 :]) is None
    assert isinstance(hear(closes[-TsMomentum.warm_up :]), Signal)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(TsMomentum, trending(106, hours=1200, length_h=90, drift=6e-5, rows=1))
