from __future__ import annotations

import pytest

from divisions.flow.burst_follow import BurstFollow, Memory, Params
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_MS, NS_PER_S, Print, TradesUpdate
from tests.support.controls import assert_earns, pressed
from tests.support.market import START_MS, make_coin, show_book, trades_update, view_of


class Tape:
    """A coin whose prints are counted second by second, and the bot that counts them."""

    def __init__(self) -> None:
        self.coin = make_coin()
        self.bot = BurstFollow(Params())
        self.memory = Memory()
        self.seconds = 0

    def tell(self, count: int, moved_vols: float = 0.0, after_s: int = 1) -> Signal | None:
        self.seconds += after_s
        now_ms = START_MS + self.seconds * 1_000
        mid = 100.0 + moved_vols * 100.0 * self.coin.daily_vol() / 1440**0.5
        show_book(self.coin, mid, time_ms=now_ms)
        update = trades_update([(mid, 1.0, 1)] * count, recv_ns=now_ms * NS_PER_S // 1_000)
        return self.bot.on_trades(self.memory, self.coin, view_of(self.coin), update)

    def usual(self, seconds: int = 120) -> list[Signal | None]:
        return [self.tell(1) for _ in range(seconds)]


def test_a_steady_tape_has_a_ratio_of_one() -> None:
    tape = Tape()
    tape.usual(300)
    fast = tape.memory.fast * tape.bot._fast
    slow = tape.memory.slow * tape.bot._slow
    assert fast * NS_PER_S == pytest.approx(1.0, abs=0.1)
    assert slow * NS_PER_S == pytest.approx(1.0 - 2.0 ** (-300 / 180), abs=0.05)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_burst_is_followed_the_way_the_price_went(side: int) -> None:
    tape = Tape()
    assert tape.usual() == [None] * 120
    said = [tape.tell(8, side * 0.5 * i) for i in range(6)]
    signal = next(s for s in said if s)
    assert signal.side == side
    assert signal.saw["ratio"] > 2.5
    assert signal.saw["moved_vols"] * side > 0.7


@pytest.mark.parametrize(("ago_s", "speaks"), [(0, True), (60, False)])
def test_trades_told_again_after_an_outage_are_history(ago_s: int, speaks: bool) -> None:
    tape = Tape()
    tape.usual()
    tape.tell(1, 2.0, after_s=1)
    now_ns = (START_MS + tape.seconds * 1_000 + 1_000) * NS_PER_MS
    old = [Print(now_ns // NS_PER_MS - ago_s * 1_000, 100.0, 1.0, 1)] * 30
    update = TradesUpdate("BTC", old, now_ns)
    said = tape.bot.on_trades(tape.memory, tape.coin, view_of(tape.coin), update)
    assert (said is not None) is speaks


def test_a_burst_that_goes_nowhere_says_nothing() -> None:
    tape = Tape()
    tape.usual()
    assert [tape.tell(8) for _ in range(20)] == [None] * 20


def test_a_move_on_a_quiet_tape_says_nothing() -> None:
    tape = Tape()
    tape.usual()
    assert [tape.tell(1, 0.5 * i) for i in range(6)] == [None] * 6


def test_a_few_trades_after_long_silence_are_no_burst() -> None:
    tape = Tape()
    said = [tape.tell(2, 3.0 * (i % 2), after_s=60) for i in range(60)]
    assert said == [None] * 60


def test_it_does_not_speak_before_its_warm_up() -> None:
    tape = Tape()
    said = [tape.tell(9 if i > 25 else 1, float(i), after_s=3) for i in range(BurstFollow.warm_up)]
    assert said[:-1] == [None] * (BurstFollow.warm_up - 1)
    assert said[-1] is not None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(BurstFollow, pressed("burst", 116))
