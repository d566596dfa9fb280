from __future__ import annotations

from statistics import fmean, pstdev

import numpy as np
import pytest

from divisions.bot import NoMemory
from divisions.relative.cross_momentum import CrossMomentum, Params
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, noise, regimes
from tests.support.market import START_MS, append_closes, make_coin, view_of
from tests.support.synthetic import Market

WINDOW = 12


def coin_that_moved(name: str, move: float, *, end_ms: int = START_MS, bars: int = 13) -> Coin:
    """Return a coin that moved by a share over the window, with the volatility of the prior."""
    coin = make_coin(name)
    path = [100.0 * (1.0 + move * max(0, i - (bars - 1 - WINDOW)) / WINDOW) for i in range(bars)]
    append_closes(coin, path, "5m", end_ms=end_ms)
    return coin


def market(*moves: float) -> list[Coin]:
    return [coin_that_moved(f"COIN{i}", move) for i, move in enumerate(moves)]


def hear(coin: Coin, coins: list[Coin]) -> Signal | None:
    return CrossMomentum(Params()).on_bar(NoMemory(), coin, view_of(*coins), "5m")


@pytest.mark.parametrize(("move", "side"), [(0.03, BUY), (-0.03, SELL)])
def test_the_coin_that_stands_out_is_followed(move: float, side: int) -> None:
    coins = market(0.001, -0.001, 0.002, 0.0, move)
    signal = hear(coins[-1], coins)
    assert signal is not None
    assert signal.side == side
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 12.0 * coins[-1].minute_move())
    assert signal.saw["coins"] == 5.0
    assert [hear(coin, coins) for coin in coins[:-1]] == [None] * 4


def test_the_score_counts_deviations_of_the_cross_section() -> None:
    moves = [0.001, -0.001, 0.002, 0.0, 0.03]
    coins = market(*moves)
    signal = hear(coins[-1], coins)
    assert signal is not None
    assert signal.saw["z"] == pytest.approx((0.03 - fmean(moves)) / pstdev(moves), rel=0.02)


def test_a_move_is_measured_in_the_coins_own_volatility() -> None:
    coins = market(0.005, -0.005, 0.004, -0.004, 0.03)
    wild = coins[-1]
    wild.variance, wild.returns = 1e-4, 500
    assert hear(wild, coins) is None, "thirty per mille is nothing to a coin that moves so much"


def test_when_all_move_alike_nobody_stands_out() -> None:
    coins = market(0.03, 0.03, 0.03, 0.03, 0.03)
    assert [hear(coin, coins) for coin in coins] == [None] * 5


def test_prices_that_stand_still_say_nothing() -> None:
    coins = market(0.0, 0.0, 0.0, 0.0)
    assert [hear(coin, coins) for coin in coins] == [None] * 4


@pytest.mark.parametrize(("others", "speaks"), [(2, False), (3, True)])
def test_it_needs_four_coins(others: int, speaks: bool) -> None:
    coins = market(*[0.001 * (-1) ** i for i in range(others)], 0.05)
    assert (hear(coins[-1], coins) is not None) is speaks


def test_a_coin_whose_bars_stopped_is_not_compared_with() -> None:
    coins = market(0.001, -0.001, 0.0, 0.03)
    late = coin_that_moved("LATE", 0.9, end_ms=START_MS - 300_000)
    signal = hear(coins[-1], [*coins, late])
    assert signal is not None
    assert signal.saw["coins"] == 4.0


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    coins = market(0.001, -0.001, 0.002, 0.0)
    for bars, speaks in ((CrossMomentum.warm_up - 1, False), (CrossMomentum.warm_up, True)):
        fresh = coin_that_moved("NEW", 0.05, bars=bars)
        assert (hear(fresh, [*coins, fresh]) is not None) is speaks


def outrunning() -> Market:
    """Return six coins on one market, each with a drift of its own that lasts."""
    rng = np.random.default_rng(122)
    ticks = 3 * 1440
    market = noise(rng, 1, ticks, 4e-4)
    own = regimes(rng, 6, ticks, 360, 1.5e-4) + noise(rng, 6, ticks, 2e-4)
    return Market(np.cumsum(market + own, axis=1), 60.0)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(CrossMomentum, outrunning())
