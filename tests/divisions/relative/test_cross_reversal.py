from __future__ import annotations

from math import exp

import pytest

from divisions.bot import NoMemory
from divisions.relative.cross_reversal import CrossReversal, Params
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, straying
from tests.support.market import START_MS, append_closes, make_coin, view_of

NAMES = ("BTC", "ETH", "SOL", "DOGE", "AVAX", "LINK")


def coins(moves: list[float], bars: int = 3) -> list[Coin]:
    """Return coins that ended their last half hour `move` away from where it began."""
    out = []
    for name, move in zip(NAMES, moves, strict=False):
        coin = make_coin(name)
        append_closes(coin, [100.0 * exp(-move)] * (bars - 1) + [100.0], "15m")
        out.append(coin)
    return out


def hear(market: list[Coin]) -> Signal | None:
    bot = CrossReversal(Params())
    return bot.on_bar(NoMemory(), market[0], view_of(*market), "15m")


@pytest.mark.parametrize(("move", "side"), [(0.02, SELL), (-0.02, BUY)])
def test_the_coin_that_ran_ahead_or_fell_behind_is_faded(move: float, side: int) -> None:
    market = coins([move, 0.0, 0.001, -0.001, 0.0, 0.0])
    signal = hear(market)
    assert signal is not None
    assert signal.side == side
    assert signal.saw["z"] * side < -1.6
    assert signal.saw["away_bps"] == pytest.approx(move * 1e4 * 5 / 6, rel=0.01)
    assert side * (signal.plan.target_px - 100.0) == pytest.approx(abs(move) * 100.0 * 5 / 6)
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 8.0 * market[0].minute_move())


@pytest.mark.parametrize(
    "moves",
    [[0.02] * 6, [0.002, 0.0, 0.0, 0.0, 0.0, 0.0], [0.02, -0.02, 0.02, -0.02, 0.02, -0.02]],
    ids=["all moved", "hardly moved", "all differ"],
)
def test_it_is_silent_when_no_coin_stands_apart(moves: list[float]) -> None:
    assert hear(coins(moves)) is None


def test_fewer_than_four_coins_have_no_cross_section() -> None:
    assert hear(coins([0.05, 0.0, 0.0])) is None


def test_coins_without_the_bar_are_left_out() -> None:
    market = coins([0.02, 0.0, 0.001, -0.001, 0.0, 0.0])
    for coin in market[1:]:
        coin.bars.series["15m"].clear()
        append_closes(coin, [100.0] * 3, "15m", end_ms=START_MS - 900_000)
    assert hear(market) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    moves = [0.02, 0.0, 0.001, -0.001, 0.0, 0.0]
    assert hear(coins(moves, CrossReversal.warm_up - 1)) is None
    assert hear(coins(moves, CrossReversal.warm_up)) is not None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(CrossReversal, straying(123, 60))
