from __future__ import annotations

import numpy as np
import pytest

from divisions.carry.oi_flush import Memory, OiFlush, Params
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_S
from tests.support.controls import assert_earns, episodes, noise
from tests.support.market import START_MS, START_NS, context_update, make_coin, show_book, view_of
from tests.support.synthetic import Market


class Positions:
    """A coin whose open interest and mid are told second by second, and the bot that looks."""

    def __init__(self) -> None:
        self.coin = make_coin()
        self.bot = OiFlush(Params())
        self.memory = Memory()
        self.seconds = 0

    def tell(self, interest: float, mid: float = 100.0) -> Signal | None:
        self.seconds += 1
        show_book(self.coin, mid, time_ms=START_MS + self.seconds * 1_000)
        now_ns = START_NS + self.seconds * NS_PER_S
        self.coin.on_context(context_update(recv_ns=now_ns, open_interest=interest))
        return self.bot.on_context(self.memory, self.coin, view_of(self.coin))

    def usual(self, seconds: int = 150) -> list[Signal | None]:
        return [self.tell(1_000.0 + i % 2) for i in range(seconds)]


@pytest.mark.parametrize(("mid", "side"), [(98.0, BUY), (102.0, SELL)])
def test_a_move_on_vanishing_positions_is_faded(mid: float, side: int) -> None:
    positions = Positions()
    assert positions.usual() == [None] * 150
    signal = positions.tell(940.0, mid)
    assert signal is not None
    assert signal.side == side
    assert signal.saw["drop"] == pytest.approx(0.06, abs=0.001)
    assert signal.plan.stop_px == pytest.approx(mid - side * 0.8 * 2.0)
    assert signal.plan.target_px == pytest.approx(mid + side * 0.7 * 2.0)


@pytest.mark.parametrize(
    ("interest", "mid"), [(940.0, 100.1), (990.0, 98.0), (1_060.0, 98.0)],
    ids=["the price stayed", "positions stayed", "positions grew"],
)  # fmt: skip
def test_it_takes_both_the_move_and_the_flush(interest: float, mid: float) -> None:
    positions = Positions()
    positions.usual()
    assert positions.tell(interest, mid) is None


def test_what_has_become_usual_is_no_flush_any_more() -> None:
    positions = Positions()
    positions.usual()
    said = [positions.tell(940.0, 98.0) for _ in range(900)]
    assert said[0] is not None
    assert said[-300:] == [None] * 300


def test_without_open_interest_nothing_is_learned() -> None:
    positions = Positions()
    assert positions.tell(0.0) is None
    assert positions.memory == Memory()


def test_it_does_not_speak_before_its_warm_up() -> None:
    early, late = Positions(), Positions()
    early.usual(OiFlush.warm_up - 2)
    assert early.tell(940.0, 98.0) is None
    late.usual(OiFlush.warm_up - 1)
    assert late.tell(940.0, 98.0) is not None


def flushes() -> Market:
    """Return falls and rises of 1.5 % on vanishing open interest, mostly given back."""
    rng = np.random.default_rng(120)
    ticks = 12 * 1440
    steps, interest = noise(rng, 2, ticks, 5e-5), np.full((2, ticks), 1e6)
    for i, at, sign in episodes(rng, 2, ticks, 700):
        steps[i, at : at + 12] += sign * 0.015 / 12
        steps[i, at + 14 : at + 214] -= sign * 0.013 / 200
        interest[i, at + 10 :] *= 0.93
    return Market(np.cumsum(steps, axis=1), 5.0, interest=interest)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(OiFlush, flushes())
