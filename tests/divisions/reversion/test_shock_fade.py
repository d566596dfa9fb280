from __future__ import annotations

from math import exp

import numpy as np
import pytest

from divisions.bot import NoMemory
from divisions.reversion.shock_fade import Params, ShockFade
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, episodes, noise
from tests.support.market import START_MS, candle, make_coin, view_of
from tests.support.synthetic import Market

BARS = ShockFade.warm_up


def hear(move: float, volume: float, bars: int = BARS, swing: float = 3e-4) -> Signal | None:
    closes = [100.0 * exp(swing * (i % 2)) for i in range(bars - 1)]
    closes.append(closes[-1] * exp(move))
    coin = make_coin(mid=closes[-1])
    for i, close in enumerate(closes):
        at = START_MS - (bars - i) * 60_000
        amount = volume if i == bars - 1 else 2.0
        coin.bars.series["1m"].append(candle(at, close, volume=amount))
    return ShockFade(Params()).on_bar(NoMemory(), coin, view_of(coin), "1m")


@pytest.mark.parametrize(("move", "side"), [(0.01, SELL), (-0.01, BUY)])
def test_a_violent_minute_on_much_volume_is_faded(move: float, side: int) -> None:
    signal = hear(move, 10.0)
    assert signal is not None
    assert signal.side == side
    assert signal.saw["move_bps"] == pytest.approx(move * 1e4)
    assert signal.saw["deviation_bps"] == pytest.approx(3.0)
    length = side * (signal.plan.target_px - signal.plan.stop_px)
    start = 100.0 * exp(3e-4 * ((BARS - 2) % 2))
    assert length == pytest.approx(1.3 * abs(start * exp(move) - start))


@pytest.mark.parametrize(
    ("move", "volume"), [(0.01, 2.0), (0.001, 10.0), (0.0, 10.0)],
    ids=["nobody had to trade", "a usual minute", "no move"],
)  # fmt: skip
def test_it_takes_both_the_move_and_the_volume(move: float, volume: float) -> None:
    assert hear(move, volume) is None


def test_a_move_out_of_prices_that_stood_still_has_nothing_to_be_measured_by() -> None:
    assert hear(0.01, 10.0, swing=0.0) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    assert hear(0.01, 10.0, BARS - 1) is None
    assert hear(0.01, 10.0) is not None


def shocks() -> Market:
    """Return minutes of one percent on much volume, given back within ten."""
    rng = np.random.default_rng(108)
    ticks = 2 * 1440
    steps, volume = noise(rng, 2, ticks, 2e-4), np.ones((2, ticks))
    for i, at, sign in episodes(rng, 2, ticks, 90):
        steps[i, at] += sign * 0.01
        steps[i, at + 1 : at + 11] -= sign * 0.0009
        volume[i, at] = 5.0
    return Market(np.cumsum(steps, axis=1), 60.0, volume=volume)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(ShockFade, shocks())
