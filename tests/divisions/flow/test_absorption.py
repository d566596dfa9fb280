from __future__ import annotations

import pytest

from divisions.flow.absorption import Absorption, Memory, Params
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_S, Print, TradesUpdate
from tests.support.controls import assert_earns, pressed
from tests.support.market import START_MS, make_coin, show_book, trades_update, view_of


class Tape:
    """A coin whose trades and mid are told second by second, and the bot that listens."""

    def __init__(self) -> None:
        self.coin = make_coin()
        self.bot = Absorption(Params())
        self.memory = Memory()
        self.seconds = 0

    def tell(self, buys: float, sells: float, mid: float = 100.0) -> Signal | None:
        self.seconds += 1
        now_ms = START_MS + self.seconds * 1_000
        show_book(self.coin, mid, time_ms=now_ms)
        prints = [(mid, size, side) for size, side in ((buys, 1), (sells, -1)) if size]
        update = trades_update(prints, recv_ns=now_ms * NS_PER_S // 1_000)
        return self.bot.on_trades(self.memory, self.coin, view_of(self.coin), update)

    def replay(self, count: int, ago_s: int) -> Signal | None:
        """Tell of buyers some time ago, as a venue does to a new subscriber."""
        self.seconds += 1
        now_ms = START_MS + self.seconds * 1_000
        show_book(self.coin, 100.0, time_ms=now_ms)
        old = [Print(now_ms - ago_s * 1_000, 100.0, 4.0, 1)] * count
        update = TradesUpdate("BTC", old, now_ms * NS_PER_S // 1_000)
        return self.bot.on_trades(self.memory, self.coin, view_of(self.coin), update)

    def usual(self) -> list[Signal | None]:
        return [self.tell(1.0, 1.2) if i % 2 else self.tell(1.2, 1.0) for i in range(60)]


@pytest.mark.parametrize("pushed", [BUY, SELL])
def test_aggression_that_moves_nothing_is_faded(pushed: int) -> None:
    tape = Tape()
    assert tape.usual() == [None] * 60
    signal = tape.tell(*((20.0, 1.0) if pushed == BUY else (1.0, 20.0)))
    assert signal is not None
    assert signal.side == -pushed
    assert signal.saw["flow"] * pushed > 3.0 * signal.saw["usual"]
    assert signal.saw["gave_vols"] == pytest.approx(0.0)
    unit = tape.coin.minute_move()
    assert signal.plan.stop_px == pytest.approx(100.0 + pushed * 2.0 * unit)
    assert signal.plan.target_px == pytest.approx(100.0 - pushed * 4.0 * unit)


def test_aggression_that_moves_the_price_is_left_alone() -> None:
    tape = Tape()
    tape.usual()
    assert tape.tell(20.0, 1.0, mid=100.0 + tape.coin.minute_move()) is None


def test_a_price_that_moves_against_the_aggression_absorbs_it_too() -> None:
    tape = Tape()
    tape.usual()
    signal = tape.tell(20.0, 1.0, mid=100.0 - tape.coin.minute_move())
    assert signal is not None
    assert signal.side == SELL


def test_the_flow_halves_with_its_half_life() -> None:
    tape = Tape()
    tape.tell(8.0, 0.0)
    tape.seconds += 19
    tape.tell(0.0, 1.0)
    assert tape.memory.flow == pytest.approx(3.0)


def test_trades_told_again_after_an_outage_weigh_what_they_would_weigh_by_now() -> None:
    heard, late = Tape(), Tape()
    for tape in (heard, late):
        tape.usual()
    assert heard.replay(30, 0) is not None
    for tape, seconds in ((heard, 199), (late, 200)):
        tape.seconds += seconds
    assert heard.replay(0, 0) is None
    assert late.replay(30, 200) is None
    assert late.memory.flow == pytest.approx(heard.memory.flow)


def test_it_does_not_speak_before_its_warm_up() -> None:
    tape = Tape()
    said = [tape.tell(0.1 * 2.0**i, 0.0) for i in range(Absorption.warm_up)]
    assert said[:-1] == [None] * (Absorption.warm_up - 1)
    assert said[-1] is not None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(Absorption, pressed("absorbed", 115))
