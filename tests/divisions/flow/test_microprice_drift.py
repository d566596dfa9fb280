from __future__ import annotations

import pytest

from divisions.flow.microprice_drift import Memory, MicropriceDrift, Params
from market.decision import BUY, SELL, Signal
from tests.support.controls import assert_earns, pressed
from tests.support.market import START_MS, make_coin, show_book, view_of


class Touch:
    """A coin whose touch is shown second by second, and the bot that looks at it."""

    def __init__(self) -> None:
        self.coin = make_coin()
        self.bot = MicropriceDrift(Params())
        self.memory = Memory()
        self.now_ms = START_MS

    def show(
        self, mid: float, bid_sz: float = 1.0, ask_sz: float = 1.0, *, after_ms: int = 1_000
    ) -> Signal | None:
        self.now_ms += after_ms
        show_book(self.coin, mid, time_ms=self.now_ms, bid_sz=bid_sz, ask_sz=ask_sz)
        return self.bot.on_book(self.memory, self.coin, view_of(self.coin))

    def usual(self, seconds: int = 90) -> list[Signal | None]:
        return [self.show(100.0 + 0.001 * (-1) ** i) for i in range(seconds)]


def drifting(touch: Touch, side: int, *, lean: float, step: float = 0.004) -> list[Signal]:
    """Let the mid drift for eight seconds while the touch leans."""
    sizes = (1.0 + lean, 1.0 - lean) if side == BUY else (1.0 - lean, 1.0 + lean)
    said = [touch.show(100.0 + side * step * (i + 1), *sizes) for i in range(8)]
    return [signal for signal in said if signal]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_drift_that_the_touch_leans_with_is_followed(side: int) -> None:
    touch = Touch()
    assert touch.usual() == [None] * 90
    signal = drifting(touch, side, lean=0.8)[0]
    assert signal.side == side
    assert abs(signal.saw["drift"]) > 3.0 * signal.saw["usual"]
    assert signal.saw["lean"] == pytest.approx(side * 0.8)
    reach = side * (signal.plan.target_px - signal.plan.stop_px)
    assert reach == pytest.approx(6.5 * touch.coin.minute_move(), rel=1e-3)


def test_a_drift_against_the_touch_is_not_believed() -> None:
    touch = Touch()
    touch.usual()
    assert drifting(touch, BUY, lean=-0.8, step=0.02) == []


def test_the_micro_price_is_the_mid_moved_by_the_lean() -> None:
    touch = Touch()
    touch.show(100.0, 3.0, 1.0)
    assert touch.memory.fast == pytest.approx(100.0 + 0.01 * 0.5)


def test_books_within_a_sample_are_averaged() -> None:
    touch = Touch()
    touch.show(100.0)
    assert touch.show(100.0, 3.0, 1.0, after_ms=500) is None
    assert touch.memory.samples == 1
    touch.show(100.0, after_ms=500)
    assert touch.memory.samples == 2
    assert touch.memory.fast == pytest.approx(100.0 + 0.005 / 2 / 5)


def test_a_touch_without_size_is_survived() -> None:
    touch = Touch()
    assert touch.show(100.0, 0.0, 0.0) is None
    assert touch.memory.samples == 0


def test_it_does_not_speak_before_its_warm_up() -> None:
    touch = Touch()
    said = [touch.show(100.0 + 0.001 * 1.2**i, 5.0, 1.0) for i in range(62)]
    first = next(i for i, signal in enumerate(said) if signal)
    assert first == MicropriceDrift.warm_up


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(MicropriceDrift, pressed("lean", 113))
