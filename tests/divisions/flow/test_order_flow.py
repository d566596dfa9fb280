from __future__ import annotations

import pytest

from divisions.flow.order_flow import Memory, OrderFlow, Params
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_MS
from tests.support.controls import assert_earns, pressed
from tests.support.market import START_MS, book_update, levels, make_coin, view_of

SECOND_MS = 1_000


class Touch:
    """A coin whose touch is moved second by second, and the bot that watches it."""

    def __init__(self) -> None:
        self.coin: Coin = make_coin()
        self.bot = OrderFlow(Params())
        self.memory = Memory()
        self.now_ms = START_MS

    def show(
        self, bid: float, bid_sz: float, ask: float, ask_sz: float, after_ms: int = SECOND_MS
    ) -> Signal | None:
        self.now_ms += after_ms
        self.coin.book.apply_book(
            book_update(levels((bid, bid_sz)), levels((ask, ask_sz)), time_ms=self.now_ms)
        )
        return self.bot.on_book(self.memory, self.coin, view_of(self.coin))

    def idle(self, seconds: int) -> list[Signal | None]:
        """Let both queues breathe by turns, which is the usual flow."""
        return [self.show(100.0, 10.0 + i % 2, 101.0, 10.0 + i // 2 % 2) for i in range(seconds)]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_queue_that_keeps_growing_is_followed(side: int) -> None:
    touch = Touch()
    assert touch.idle(60) == [None] * 60
    signal = None
    for i in range(6):
        grown = 10.0 + 20.0 * (i + 1)
        sizes = (grown, 10.0) if side == BUY else (10.0, grown)
        signal = touch.show(100.0, sizes[0], 101.0, sizes[1]) or signal
    assert signal is not None
    assert signal.side == side
    unit = touch.coin.minute_move()
    assert signal.plan.stop_px == pytest.approx(100.5 - side * 2.5 * unit)
    assert signal.plan.target_px == pytest.approx(100.5 + side * 3.5 * unit)
    assert signal.saw["flow"] * side >= 2.5 * signal.saw["scale"]


@pytest.mark.parametrize(
    ("bid", "bid_sz", "ask", "ask_sz", "event"),
    [
        (100.0, 14.0, 101.0, 10.0, +4.0),
        (100.0, 10.0, 101.0, 14.0, -4.0),
        (100.5, 3.0, 101.0, 10.0, +3.0),
        (99.5, 3.0, 101.0, 10.0, -10.0),
        (100.0, 10.0, 100.5, 3.0, -3.0),
        (100.0, 10.0, 101.5, 3.0, +10.0),
        (100.0, 10.0, 101.0, 10.0, 0.0),
    ],
    ids=["bid adds", "ask adds", "bid up", "bid down", "ask down", "ask up", "unchanged"],
)
def test_an_event_is_the_change_of_the_queues_at_the_touch(
    bid: float, bid_sz: float, ask: float, ask_sz: float, event: float
) -> None:
    touch = Touch()
    touch.show(100.0, 10.0, 101.0, 10.0)
    touch.show(bid, bid_sz, ask, ask_sz, after_ms=0)
    assert touch.memory.flow == event


def test_the_flow_halves_with_its_half_life() -> None:
    touch = Touch()
    touch.show(100.0, 10.0, 101.0, 10.0)
    touch.show(100.0, 18.0, 101.0, 10.0, after_ms=0)
    touch.show(100.0, 18.0, 101.0, 10.0, after_ms=8_000)
    assert touch.memory.flow == pytest.approx(4.0)


def test_a_book_that_never_changes_says_nothing() -> None:
    touch = Touch()
    assert [touch.show(100.0, 10.0, 101.0, 10.0) for _ in range(200)] == [None] * 200


def test_it_looks_once_a_second() -> None:
    touch = Touch()
    for _ in range(50):
        touch.show(100.0, 10.0, 101.0, 10.0, after_ms=100)
    assert touch.memory.samples == 5


def test_it_does_not_speak_before_its_warm_up() -> None:
    touch = Touch()
    first = []
    for i in range(OrderFlow.warm_up + 5):
        grown = 10.0 * 3.0 ** max(0, i - OrderFlow.warm_up + 6)
        if touch.show(100.0, grown, 101.0, 10.0) is not None:
            first.append(touch.memory.samples)
    assert first
    assert first[0] == OrderFlow.warm_up
    assert touch.memory.last_ns == touch.now_ms * NS_PER_MS


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(OrderFlow, pressed("queue", 112))
