from __future__ import annotations

import numpy as np
import pytest

from divisions.bot import Action
from divisions.carry.funding_fade import FundingFade, Memory, Params
from market.decision import BUY, SELL, ExitCall, Signal
from market.events import NS_PER_S
from tests.support.controls import assert_earns, episodes, noise
from tests.support.market import START_NS, context_update, make_coin, view_of
from tests.support.synthetic import Market

QUIET = [0.1 if i % 2 else 0.15 for i in range(80)]


class Rates:
    """A coin whose funding is told minute by minute, in bps an hour, and the bot that hears it."""

    def __init__(self) -> None:
        self.coin = make_coin()
        self.bot = FundingFade(Params())
        self.memory = Memory()
        self.now_ns = START_NS

    def tell(self, bps_h: float, after_s: float = 60.0) -> Action | None:
        self.now_ns += int(after_s * NS_PER_S)
        self.coin.on_context(context_update(recv_ns=self.now_ns, funding=bps_h * 1e-4))
        return self.bot.on_context(self.memory, self.coin, view_of(self.coin))


def quiet() -> Rates:
    rates = Rates()
    assert [rates.tell(bps) for bps in QUIET] == [None] * len(QUIET)
    return rates


@pytest.mark.parametrize(("sign", "side"), [(1.0, SELL), (-1.0, BUY)])
def test_an_extreme_is_faded_once_it_turns(sign: float, side: int) -> None:
    rates = quiet()
    assert [rates.tell(sign * bps) for bps in (1.0, 2.0, 3.0)] == [None] * 3, "not turned yet"
    signal = rates.tell(sign * 2.2)
    assert isinstance(signal, Signal)
    assert signal.side == side
    assert signal.saw["funding_bps_h"] == pytest.approx(sign * 2.2)
    unit = rates.coin.daily_vol() * 100.0
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 0.4 * unit)


def test_the_exit_is_called_once_when_the_rate_is_back_at_its_mean() -> None:
    rates = quiet()
    for bps in (2.0, 3.0, 2.0):
        rates.tell(bps)
    call = rates.tell(0.0)
    assert isinstance(call, ExitCall)
    assert call.side == SELL
    assert rates.tell(0.0) is None


def test_what_is_unusual_but_small_is_left_alone() -> None:
    rates = quiet()
    assert [rates.tell(bps) for bps in (0.28, 0.29, 0.25)] == [None] * 3


def test_it_looks_once_a_sample() -> None:
    rates = quiet()
    rates.tell(3.0)
    assert rates.tell(2.0, after_s=30.0) is None
    assert isinstance(rates.tell(2.0, after_s=30.0), Signal)


def test_its_silence_is_longer_than_a_sample() -> None:
    assert FundingFade(Params(sample_s=100.0)).rearm_ns() == 150 * NS_PER_S


def test_a_rate_that_never_changes_says_nothing() -> None:
    rates = Rates()
    assert [rates.tell(5.0) for _ in range(100)] == [None] * 100


def test_it_does_not_speak_before_its_warm_up() -> None:
    rates = Rates()
    told = [*QUIET[: FundingFade.warm_up - 3], 3.0, 2.0, 2.0]
    said = [rates.tell(bps) for bps in told]
    assert said[:-1] == [None] * (FundingFade.warm_up - 1)
    assert isinstance(said[-1], Signal)


def crowded() -> Market:
    """Return waves of funding whose turn is followed by the price."""
    rng = np.random.default_rng(118)
    ticks = 14 * 1440
    steps = noise(rng, 2, ticks, 2e-4)
    funding = 1.25e-5 + noise(rng, 2, ticks, 2e-6)
    for i, at, sign in episodes(rng, 2, ticks, 600):
        wave = np.sin(np.pi * np.arange(120) / 120.0) ** 2
        funding[i, at : at + 120] += sign * 2e-4 * wave
        steps[i, at + 60 : at + 180] -= sign * 2e-4
    return Market(np.cumsum(steps, axis=1), 60.0, funding=funding)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(FundingFade, crowded())
