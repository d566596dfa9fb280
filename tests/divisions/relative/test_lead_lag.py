from __future__ import annotations

from math import exp

import numpy as np
import pytest

from divisions.bot import NoMemory
from divisions.relative.lead_lag import LeadLag, Params
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, episodes, noise
from tests.support.market import START_MS, append_closes, make_coin, view_of
from tests.support.synthetic import Market

RETURNS = 61


def pair(
    leader_last: float, own_last: float, *, beta: float = 1.0, noise: float = 2e-4, bars: int = 62
) -> tuple[Coin, Coin]:
    """Return BTC and a coin that answers it at once, but for the last minute."""
    rng = np.random.default_rng(5)
    x = rng.normal(0.0, 1e-3, bars - 2)
    y = beta * x + rng.normal(0.0, noise, bars - 2)
    leader, own = make_coin("BTC"), make_coin("ETH")
    for coin, returns, last in ((leader, x, leader_last), (own, y, own_last)):
        path = np.cumsum([0.0, *returns, last])
        append_closes(coin, [100.0 * exp(p) for p in path])
    return leader, own


def hear(own: Coin, *others: Coin, **params: float) -> Signal | None:
    bot = LeadLag(Params(**params))  # type: ignore[arg-type]
    return bot.on_bar(NoMemory(), own, view_of(own, *others), "1m")


@pytest.mark.parametrize(
    ("move", "beta", "side"),
    [(0.005, 1.0, BUY), (-0.005, 1.0, SELL), (0.005, -1.0, SELL), (-0.005, -1.0, BUY)],
)
def test_an_answer_that_is_outstanding_is_expected(move: float, beta: float, side: int) -> None:
    leader, own = pair(move, 0.0, beta=beta)
    signal = hear(own, leader)
    assert signal is not None
    assert signal.side == side
    assert signal.saw["beta"] == pytest.approx(beta, abs=0.1)
    assert signal.saw["leader_bps"] == pytest.approx(move * 1e4)
    assert signal.saw["gap_bps"] == pytest.approx(beta * move * 1e4, rel=0.1)
    assert abs(signal.plan.stop_px - 100.0) == pytest.approx(3.0 * 2e-4 * 100.0, rel=0.2)
    assert signal.plan.target_px - 100.0 == pytest.approx(100.0 - signal.plan.stop_px)


@pytest.mark.parametrize(
    ("leader_last", "own_last"),
    [(0.005, 0.005), (0.0005, 0.0), (0.005, 0.009)],
    ids=["answered", "the leader hardly moved", "answered too much"],
)
def test_it_is_silent_when_no_answer_is_due(leader_last: float, own_last: float) -> None:
    leader, own = pair(leader_last, own_last)
    assert hear(own, leader) is None


def test_the_leader_does_not_follow_itself() -> None:
    leader, own = pair(0.005, 0.0)
    assert hear(leader, own) is None


def test_without_the_leader_there_is_nothing_to_follow() -> None:
    leader, own = pair(0.005, 0.0)
    assert hear(own) is None
    leader.bars.series["1m"].clear()
    assert hear(own, leader) is None


def test_bars_of_different_minutes_are_not_compared() -> None:
    leader, _ = pair(0.005, 0.0)
    own = make_coin("ETH")
    closes = pair(0.005, 0.0)[1].bars.series["1m"].close
    append_closes(own, closes, end_ms=START_MS - 60_000)
    assert hear(own, leader) is None


def test_a_coin_that_follows_to_the_last_digit_leaves_no_noise_to_stop_behind() -> None:
    leader, own = pair(0.005, 0.0, noise=0.0)
    assert hear(own, leader) is None


def test_prices_that_stand_still_say_nothing() -> None:
    leader, own = make_coin("BTC", closes=[100.0] * 80), make_coin("ETH", closes=[50.0] * 80)
    assert hear(own, leader) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    for bars, speaks in ((LeadLag.warm_up - 1, False), (LeadLag.warm_up, True)):
        leader, own = pair(0.005, 0.0, bars=bars)
        assert (hear(own, leader) is not None) is speaks


def following() -> Market:
    """Return coins that answer a jump of BTC over the two minutes after it."""
    rng = np.random.default_rng(125)
    ticks = 4 * 1440
    leader = noise(rng, 1, ticks, 2e-4)[0]
    steps = np.vstack([leader, *(leader + noise(rng, 3, ticks, 1e-4))])
    for _, about, sign in episodes(rng, 1, ticks, 80):
        at = about // 4 * 4 + 2
        steps[0, at] += sign * 0.006
        steps[1:, at + 2 : at + 10] += sign * 0.006 / 8
    return Market(np.cumsum(steps, axis=1), 15.0)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(LeadLag, following())
