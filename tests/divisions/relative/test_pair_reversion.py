from __future__ import annotations

from math import exp

import numpy as np
import pytest

from divisions.bot import Action, NoMemory
from divisions.relative.pair_reversion import PairReversion, Params
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from tests.support.controls import assert_earns, noise, pulled
from tests.support.market import START_MS, append_closes, make_coin, view_of
from tests.support.synthetic import Market

BARS = PairReversion.warm_up


def pair(
    last: float, *, before: float = 0.0, beta: float = 1.5, keep: float = 0.3, bars: int = BARS
) -> tuple[Coin, Coin]:
    """Return ETH and a coin tied to it; the residuals of the last two bars are given."""
    rng = np.random.default_rng(7)
    eth = np.cumsum(rng.normal(0.0, 2e-3, bars))
    rest = [0.0]
    for shock in rng.normal(0.0, 1e-3, bars - 1):
        rest.append(keep * rest[-1] + float(shock))
    rest[-2:] = [before, last]
    own = beta * eth + np.array(rest)
    coins = []
    for name, path in (("ETH", eth), ("SOL", own)):
        coin = make_coin(name)
        append_closes(coin, [100.0 * exp(v - path[-1]) for v in path], "5m")
        coins.append(coin)
    return coins[1], coins[0]


def hear(own: Coin, *others: Coin) -> Action | None:
    return PairReversion(Params()).on_bar(NoMemory(), own, view_of(own, *others), "5m")


@pytest.mark.parametrize(("last", "side"), [(0.005, SELL), (-0.005, BUY)])
def test_a_coin_off_its_partner_is_traded_back(last: float, side: int) -> None:
    signal = hear(*pair(last, before=last / 5))
    assert isinstance(signal, Signal)
    assert signal.side == side
    assert signal.saw["beta"] == pytest.approx(1.5, abs=0.1)
    assert signal.saw["t"] < -3.0
    unit = signal.saw["deviation_bps"] * 1e-4 * 100.0
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 1.5 * unit)
    away = abs(signal.saw["z"]) * unit
    assert signal.plan.target_px == pytest.approx(100.0 + side * away)


def test_a_tie_that_does_not_pull_is_not_trusted() -> None:
    rng = np.random.default_rng(8)
    loose = 0
    for _ in range(20):
        eth, own = np.cumsum(rng.normal(0.0, 2e-3, (2, BARS)), axis=1)
        coins = []
        for name, path in (("ETH", eth), ("SOL", own + eth)):
            coin = make_coin(name)
            append_closes(coin, [100.0 * exp(v) for v in path], "5m")
            coins.append(coin)
        loose += isinstance(hear(coins[1], coins[0]), Signal)
    assert loose <= 2


def test_crossing_zero_calls_the_exit_of_those_who_waited_for_it() -> None:
    call = hear(*pair(0.002, before=-0.002))
    assert isinstance(call, ExitCall)
    assert call.side == BUY


def test_coins_that_move_against_each_other_are_no_pair() -> None:
    assert hear(*pair(0.005, before=0.001, beta=-1.5)) is None


def test_eth_itself_is_tied_to_btc_and_nobody_to_nothing() -> None:
    own, eth = pair(0.005, before=0.001)
    assert hear(own) is None
    assert hear(eth, own) is None


def test_bars_of_different_times_are_not_compared() -> None:
    own, eth = pair(0.005, before=0.001)
    closes = list(eth.bars.series["5m"].close)
    eth.bars.series["5m"].clear()
    append_closes(eth, closes, "5m", end_ms=START_MS - 300_000)
    assert hear(own, eth) is None


def test_prices_that_stand_still_say_nothing() -> None:
    own, eth = (make_coin(n, closes=[100.0] * BARS, timeframe="5m") for n in ("SOL", "ETH"))
    assert hear(own, eth) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    assert hear(*pair(0.005, before=0.001, bars=BARS - 1)) is None
    assert isinstance(hear(*pair(0.005, before=0.001)), Signal)


def tied() -> Market:
    """Return coins tied to ETH by a spread that is pulled to its mean."""
    rng = np.random.default_rng(124)
    ticks = 8 * 1440
    eth = np.cumsum(noise(rng, 1, ticks, 3e-4), axis=1)
    others = np.array([[0.0], [1.0], [1.2], [0.8]]) * eth + pulled(rng, 4, ticks, 30.0, 1.2e-2)
    others[1] = eth[0]
    return Market(others, 60.0)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(PairReversion, tied())
