from __future__ import annotations

import numpy as np
import pytest

from divisions.bot import Action
from divisions.carry.funding_drift import FundingDrift, Memory, Params
from market.decision import BUY, SELL, ExitCall, Signal
from market.events import NS_PER_S
from tests.support.controls import assert_earns, noise, regimes
from tests.support.market import START_NS, context_update, make_coin, view_of
from tests.support.synthetic import Market


class Rates:
    """A coin whose next rate is told every half minute, in bps an hour, and the bot that hears."""

    def __init__(self) -> None:
        self.coin = make_coin()
        self.bot = FundingDrift(Params())
        self.memory = Memory()
        self.now_ns = START_NS

    def tell(self, bps_h: float, after_s: float = 30.0) -> Action | None:
        self.now_ns += int(after_s * NS_PER_S)
        self.coin.on_context(context_update(recv_ns=self.now_ns, funding=bps_h * 1e-4))
        return self.bot.on_context(self.memory, self.coin, view_of(self.coin))

    def usual(self, count: int = 80) -> list[Action | None]:
        return [self.tell(0.125) for _ in range(count)]


@pytest.mark.parametrize(("step", "side"), [(0.1, BUY), (-0.1, SELL)])
def test_a_rate_on_its_way_is_followed(step: float, side: int) -> None:
    rates = Rates()
    assert rates.usual() == [None] * 80
    said = [rates.tell(0.125 + step * i) for i in range(1, 6)]
    signal = next(s for s in said if s)
    assert isinstance(signal, Signal)
    assert signal.side == side
    assert signal.saw["drift_bps_h"] * side >= 0.1
    unit = rates.coin.daily_vol() * 100.0
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 0.25 * unit)


def test_a_high_rate_that_stays_is_no_drift() -> None:
    rates = Rates()
    assert [rates.tell(3.0) for _ in range(120)] == [None] * 120


def test_the_exit_is_called_once_when_the_drift_turns() -> None:
    rates = Rates()
    rates.usual()
    for i in range(1, 6):
        rates.tell(0.125 + 0.1 * i)
    said = [rates.tell(0.0) for _ in range(30)]
    calls = [action for action in said if isinstance(action, ExitCall)]
    assert [call.side for call in calls] == [BUY]


def test_it_looks_once_a_sample() -> None:
    rates = Rates()
    rates.usual()
    before = (rates.memory.fast, rates.memory.samples)
    rates.tell(9.0, after_s=10.0)
    assert (rates.memory.fast, rates.memory.samples) == before


def test_its_silence_is_longer_than_a_sample() -> None:
    assert FundingDrift(Params(sample_s=100.0)).rearm_ns() == 150 * NS_PER_S


def test_it_does_not_speak_before_its_warm_up() -> None:
    rates = Rates()
    said = [rates.tell(0.01 * i) for i in range(FundingDrift.warm_up)]
    assert said[:-1] == [None] * (FundingDrift.warm_up - 1)
    assert isinstance(said[-1], Signal)


def arriving() -> Market:
    """Return funding that climbs and falls for hours, and the price with it."""
    rng = np.random.default_rng(121)
    ticks = 6 * 1440
    slope = regimes(rng, 2, ticks, 180, 1.0)
    funding = 1.25e-5 + 4e-7 * (np.cumsum(slope, axis=1))
    steps = 1.2e-4 * slope + noise(rng, 2, ticks, 2e-4)
    return Market(np.cumsum(steps, axis=1), 60.0, funding=funding)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(FundingDrift, arriving())
