from __future__ import annotations

from math import exp

import numpy as np
import pytest

from divisions.bot import NoMemory
from divisions.trend.squeeze_breakout import Params, SqueezeBreakout
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, episodes, noise
from tests.support.market import make_coin, view_of
from tests.support.synthetic import Market

BARS = SqueezeBreakout.warm_up


def path(quiet: float, last: float, bars: int = BARS) -> list[float]:
    """Return closes that swing by 20 bps, then by `quiet` for thirteen bars, then step `last`."""
    steps = [0.002 * (-1) ** i for i in range(bars - 14)] + [quiet * (-1) ** i for i in range(12)]
    total, out = 0.0, [100.0]
    for step in (*steps, last):
        total += step
        out.append(100.0 * exp(total))
    return out


def hear(closes: list[float]) -> Signal | None:
    coin = make_coin(mid=closes[-1], closes=closes, timeframe="5m")
    return SqueezeBreakout(Params()).on_bar(NoMemory(), coin, view_of(coin), "5m")


@pytest.mark.parametrize(("last", "side"), [(0.003, BUY), (-0.003, SELL)])
def test_a_break_out_of_quiet_is_joined(last: float, side: int) -> None:
    closes = path(0.0005, last)
    signal = hear(closes)
    assert signal is not None
    assert signal.side == side
    assert signal.saw["quiet"] == pytest.approx(0.0005, rel=1e-6)
    unit = signal.saw["usual"] * closes[-1]
    assert signal.plan.trail == pytest.approx(4.0 * unit)
    assert signal.plan.stop_px == pytest.approx(closes[-1] - side * 2.0 * unit)


@pytest.mark.parametrize(
    ("quiet", "last"), [(0.002, 0.01), (0.0005, 0.0001), (0.0, 0.0)],
    ids=["it was not quiet", "it did not break out", "it stands still"],
)  # fmt: skip
def test_it_is_silent_without_quiet_or_without_a_break(quiet: float, last: float) -> None:
    assert hear(path(quiet, last)) is None


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    closes = path(0.0005, 0.003)
    assert len(closes) == BARS
    assert hear(closes[1:]) is None
    assert hear(closes) is not None


def squeezes() -> Market:
    """Return lively days with quiet stretches, each of which ends in a move."""
    rng = np.random.default_rng(104)
    ticks = 10 * 1440
    steps = noise(rng, 2, ticks, 5e-4)
    for i, at, sign in episodes(rng, 2, ticks, 720):
        steps[i, at - 120 : at] *= 0.2
        steps[i, at : at + 60] += sign * 4e-4
    return Market(np.cumsum(steps, axis=1), 60.0)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(SqueezeBreakout, squeezes())
