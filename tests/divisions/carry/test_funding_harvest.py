from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from divisions.bot import Action
from divisions.carry.funding_harvest import FundingHarvest, Memory, Params
from market.decision import BUY, SELL, ExitCall, Signal
from market.events import NS_PER_S
from tests.support.controls import assert_earns, pulled, regimes
from tests.support.market import START_NS, context_update, make_coin, view_of
from tests.support.synthetic import Market


class Payer:
    """A coin whose context comes once a second, and the bot that wants to be paid."""

    def __init__(self, **params: float) -> None:
        self.coin = make_coin()
        self.bot = FundingHarvest(Params(**params))
        self.memory = Memory()
        self.now_ns = START_NS

    def run(self, bps_h: float, seconds: int = 60) -> list[Action]:
        said = []
        for _ in range(seconds):
            self.now_ns += NS_PER_S
            self.coin.on_context(context_update(recv_ns=self.now_ns, funding=bps_h * 1e-4))
            action = self.bot.on_context(self.memory, self.coin, view_of(self.coin))
            if action is not None:
                said.append(action)
        return said


@pytest.mark.parametrize(("bps_h", "side"), [(0.8, SELL), (-0.8, BUY)])
def test_it_stands_on_the_side_that_is_paid(bps_h: float, side: int) -> None:
    payer = Payer()
    (signal,) = payer.run(bps_h, seconds=10)
    assert isinstance(signal, Signal)
    assert signal.side == side
    away = 0.5 * payer.coin.daily_vol() * payer.coin.book.mid
    assert signal.plan.stop_px == pytest.approx(100.0 - side * away)
    assert signal.conviction == pytest.approx(0.8)
    assert signal.saw == pytest.approx({"funding_bps_h": bps_h})


@pytest.mark.parametrize("bps_h", [0.125, 0.24, -0.24, 0.0])
def test_funding_near_its_resting_value_is_left_alone(bps_h: float) -> None:
    assert Payer().run(bps_h, seconds=300) == []


@pytest.mark.parametrize("side", [SELL, BUY])
def test_the_exit_is_called_once_when_the_pay_has_gone(side: int) -> None:
    payer = Payer()
    rate = -side * 0.8
    assert isinstance(payer.run(rate, seconds=61)[0], Signal)
    assert payer.run(-side * 0.15, seconds=180) == [], "less pay is still pay"
    said = payer.run(-side * 0.09, seconds=180)
    assert len(said) == 1
    assert isinstance(said[0], ExitCall)
    assert said[0].side == side


def test_a_rate_that_turns_calls_the_exit_before_the_other_side() -> None:
    payer = Payer()
    payer.run(0.8, seconds=61)
    said = payer.run(-0.8, seconds=180)
    assert isinstance(said[0], ExitCall)
    assert said[0].side == SELL
    assert all(isinstance(action, Signal) and action.side == BUY for action in said[1:])
    assert len(said) > 1


def test_it_speaks_once_a_minute() -> None:
    assert len(Payer().run(0.8, seconds=305)) == 6


@pytest.mark.parametrize("sample_s", [60.0, 7.0, 900.0])
def test_an_opinion_that_stands_never_re_arms(sample_s: float) -> None:
    payer = Payer(sample_s=sample_s)
    times = []
    for _ in range(2_000):
        if payer.run(0.8, seconds=1):
            times.append(payer.now_ns)
    gaps = [b - a for a, b in pairwise(times)]
    assert len(gaps) >= 2
    assert max(gaps) < payer.bot.rearm_ns() < 2 * min(gaps)


def test_it_waits_for_its_warm_up() -> None:
    payer = Payer()
    assert payer.run(0.8, seconds=FundingHarvest.warm_up - 1) == []
    assert len(payer.run(0.8, seconds=1)) == 1


def paid() -> Market:
    """Return a quiet price while one side pays 6 bps an hour for hours on end."""
    rng = np.random.default_rng(117)
    ticks = 12 * 1440
    funding = regimes(rng, 2, ticks, 720, 6e-4)
    return Market(pulled(rng, 2, ticks, 30.0, 1e-3), 60.0, funding=funding)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(FundingHarvest, paid())
