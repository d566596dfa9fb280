from __future__ import annotations

from math import exp

import numpy as np
import pytest

from divisions.bot import NoMemory
from divisions.relative.beta_residual import BetaResidual, Params
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, straying
from tests.support.market import START_MS, append_closes, make_coin, view_of

BARS = BetaResidual.warm_up


def market(
    own_move: float, shared: float = 0.0, *, bars: int = BARS, name: str = "DOGE"
) -> list[Coin]:
    """Return a coin with a beta of 1.4 and the three majors; the last four bars hold the moves."""
    rng = np.random.default_rng(9)
    x = rng.normal(0.0, 3e-3, bars - 1)
    x[-4:] = shared / 4
    y = 1.4 * x + rng.normal(0.0, 1e-3, bars - 1)
    y[-4:] = 1.4 * shared / 4 + own_move / 4
    out = []
    for coin_name, steps in ((name, y), ("BTC", x), ("ETH", x), ("SOL", x)):
        path = np.cumsum([0.0, *steps])
        coin = make_coin(coin_name)
        append_closes(coin, [100.0 * exp(v - path[-1]) for v in path], "15m")
        out.append(coin)
    return out


def hear(coins: list[Coin]) -> Signal | None:
    return BetaResidual(Params()).on_bar(NoMemory(), coins[0], view_of(*coins), "15m")


@pytest.mark.parametrize(("move", "side"), [(0.01, SELL), (-0.01, BUY)])
def test_what_a_coin_did_on_its_own_is_faded(move: float, side: int) -> None:
    signal = hear(market(move))
    assert signal is not None
    assert signal.side == side
    assert signal.saw["beta"] == pytest.approx(1.4, abs=0.1)
    unit = signal.saw["deviation_bps"] * 1e-4
    assert unit == pytest.approx(2e-3, rel=0.2)
    assert signal.saw["score"] == pytest.approx(move / unit, rel=0.05)
    assert signal.plan.stop_px == pytest.approx(100.0 * (1.0 - side * 2.0 * unit))
    assert signal.plan.target_px == pytest.approx(100.0 * (1.0 + side * 2.0 * unit))


def test_a_move_of_the_whole_market_is_nobodys_own() -> None:
    assert hear(market(0.0, shared=0.05)) is None


def test_a_coin_that_did_not_join_the_market_stands_apart() -> None:
    signal = hear(market(-0.03, shared=0.03))
    assert signal is not None
    assert signal.side == BUY


def test_without_the_majors_there_is_no_market() -> None:
    assert hear(market(0.01)[:1]) is None


def test_a_major_is_not_measured_by_itself() -> None:
    coins = market(0.01, name="SOL")
    assert hear([coins[0], *coins[1:3]]) is not None
    assert hear([coins[0]]) is None


def test_bars_of_different_times_are_not_compared() -> None:
    coins = market(0.01)
    for coin in coins[1:]:
        closes = list(coin.bars.series["15m"].close)
        coin.bars.series["15m"].clear()
        append_closes(coin, closes, "15m", end_ms=START_MS - 900_000)
    assert hear(coins) is None


def test_prices_that_stand_still_say_nothing() -> None:
    names = ("DOGE", "BTC", "ETH")
    assert hear([make_coin(n, closes=[100.0] * BARS, timeframe="15m") for n in names]) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    assert hear(market(0.01, bars=BARS - 1)) is None
    assert hear(market(0.01)) is not None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(BetaResidual, straying(126, 100))
