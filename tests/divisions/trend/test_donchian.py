from __future__ import annotations

import pytest

from divisions.bot import NoMemory
from divisions.trend.donchian import Donchian, Params
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, trending
from tests.support.market import START_MS, candle, make_coin, view_of

STEP_MS = 300_000
RANGE = 2.0


def quiet_coin(bars: int = 20, mid: float = 100.0) -> Coin:
    """Return a coin whose 5-minute bars reach from 99 to 101 and close at 100."""
    coin = make_coin(mid=mid)
    for i in range(bars):
        add_bar(coin, START_MS + i * STEP_MS, 100.0)
    return coin


def add_bar(coin: Coin, start_ms: int, close: float) -> None:
    coin.bars.series["5m"].append(
        candle(start_ms, close, high=max(101.0, close), low=min(99.0, close))
    )


def hear(coin: Coin, params: Params | None = None) -> Signal | None:
    return Donchian(params or Params()).on_bar(NoMemory(), coin, view_of(coin), "5m")


@pytest.mark.parametrize(("close", "mid", "side"), [(103.0, 102.5, BUY), (97.0, 97.5, SELL)])
def test_a_close_beyond_the_channel_is_followed(close: float, mid: float, side: int) -> None:
    coin = quiet_coin(mid=mid)
    add_bar(coin, START_MS + 20 * STEP_MS, close)
    signal = hear(coin)
    assert signal is not None
    unit = (13 * RANGE + 4.0) / 14
    assert signal.side == side
    assert signal.plan.stop_px == pytest.approx(mid - side * 2.0 * unit)
    assert signal.plan.trail == pytest.approx(3.0 * unit)
    assert signal.plan.target_px == 0.0, "a trend is left to run"
    assert signal.saw == pytest.approx({"close": close, "edge": 100.0 + side, "range": unit})


def test_the_farther_beyond_the_stronger_the_conviction() -> None:
    convictions = []
    for close in (101.1, 101.5, 110.0):
        coin = quiet_coin(mid=close)
        add_bar(coin, START_MS + 20 * STEP_MS, close)
        signal = hear(coin)
        assert signal is not None
        convictions.append(signal.conviction)
    assert 0.5 < convictions[0] < convictions[1] < convictions[2] == 1.0


@pytest.mark.parametrize("close", [101.0, 100.5, 99.0])
def test_a_close_within_or_at_the_edge_is_no_news(close: float) -> None:
    coin = quiet_coin()
    add_bar(coin, START_MS + 20 * STEP_MS, close)
    assert hear(coin) is None


def test_a_high_that_did_not_hold_to_the_close_is_no_news() -> None:
    coin = quiet_coin()
    spike = candle(START_MS + 20 * STEP_MS, 100.5, high=120.0, low=99.0)
    coin.bars.series["5m"].append(spike)
    assert hear(coin) is None


def test_an_edge_older_than_the_channel_is_forgotten() -> None:
    coin = make_coin(mid=103.0)
    coin.bars.series["5m"].append(candle(START_MS - STEP_MS, 100.0, high=150.0, low=50.0))
    for i in range(20):
        add_bar(coin, START_MS + i * STEP_MS, 100.0)
    add_bar(coin, START_MS + 20 * STEP_MS, 103.0)
    assert hear(coin) is not None
    assert hear(coin, Params(channel=21)) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    for bars, speaks in ((Donchian.warm_up - 1, False), (Donchian.warm_up, True)):
        coin = quiet_coin(bars - 1, mid=103.0)
        add_bar(coin, START_MS + (bars - 1) * STEP_MS, 103.0)
        assert (hear(coin) is not None) is speaks


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(Donchian, trending(101, hours=96, length_h=6, drift=2e-4))
