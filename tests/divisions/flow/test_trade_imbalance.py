from __future__ import annotations

import pytest

from divisions.flow.trade_imbalance import Memory, Params, TradeImbalance
from divisions.roster import build
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_MS, NS_PER_S, Print, TradesUpdate
from tests.support.controls import assert_earns, pressed
from tests.support.market import START_NS, make_coin, trades_update, view_of


class Tape:
    """A coin whose trades are told second by second, and the bot that listens."""

    def __init__(self) -> None:
        self.coin = make_coin()
        self.bot = TradeImbalance(Params())
        self.memory = Memory()
        self.now_ns = START_NS

    def tell(self, buys: float, sells: float, after_s: float = 1.0) -> Signal | None:
        self.now_ns += int(after_s * NS_PER_S)
        prints = [(100.0, size, side) for size, side in ((buys, 1), (sells, -1)) if size]
        update = trades_update(prints, recv_ns=self.now_ns)
        return self.bot.on_trades(self.memory, self.coin, view_of(self.coin), update)

    def usual(self, seconds: int = 60) -> list[Signal | None]:
        return [self.tell(1.0, 1.0) for _ in range(seconds)]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_one_sided_burst_is_followed(side: int) -> None:
    tape = Tape()
    assert tape.usual() == [None] * 60
    signal = tape.tell(*((150.0, 1.0) if side == BUY else (1.0, 150.0)))
    assert signal is not None
    assert signal.side == side
    unit = tape.coin.minute_move()
    assert signal.plan.stop_px == pytest.approx(100.0 - side * 2.5 * unit)
    assert signal.plan.target_px == pytest.approx(100.0 + side * 4.0 * unit)
    assert signal.saw["imbalance"] * side > 0.6
    assert signal.saw["volume"] > 1.2 * signal.saw["usual"]


def test_a_busy_tape_with_two_sides_says_nothing() -> None:
    tape = Tape()
    tape.usual()
    assert tape.tell(150.0, 140.0) is None


def test_a_one_sided_tape_that_is_not_busy_says_nothing() -> None:
    tape = Tape()
    tape.usual()
    assert [tape.tell(0.2, 0.0) for _ in range(60)] == [None] * 60
    assert tape.memory.buys > 4 * tape.memory.sells


def test_the_volumes_halve_with_their_half_life() -> None:
    tape = Tape()
    tape.tell(8.0, 4.0)
    tape.tell(1.0, 0.0, after_s=10.0)
    assert (tape.memory.buys, tape.memory.sells) == pytest.approx((5.0, 2.0))


@pytest.mark.parametrize(("ago_s", "speaks"), [(0, True), (60, False)])
def test_trades_told_again_after_an_outage_are_history(ago_s: int, speaks: bool) -> None:
    tape = Tape()
    tape.usual()
    tape.now_ns += 60 * NS_PER_S
    old = [Print(tape.now_ns // NS_PER_MS - ago_s * 1_000, 100.0, 5.0, 1)] * 30
    update = TradesUpdate("BTC", old, tape.now_ns)
    said = tape.bot.on_trades(tape.memory, tape.coin, view_of(tape.coin), update)
    assert (said is not None) is speaks


def test_the_imbalance_is_a_share_of_at_most_one() -> None:
    with pytest.raises(ValueError, match="entry"):
        build_with(entry=1.01)
    assert build_with(entry=1.0).params.entry == 1.0


def build_with(**params: float) -> TradeImbalance:
    bot = build(TradeImbalance, params)
    assert isinstance(bot, TradeImbalance)
    return bot


def test_trades_without_prints_are_survived() -> None:
    tape = Tape()
    assert tape.tell(0.0, 0.0) is None
    tape.usual(5)
    assert tape.tell(0.0, 0.0, after_s=90_000.0) is None


def test_it_does_not_speak_before_its_warm_up() -> None:
    tape = Tape()
    said = [tape.tell(5.0 * 1.5**i, 0.0) for i in range(TradeImbalance.warm_up)]
    assert said[:-1] == [None] * (TradeImbalance.warm_up - 1)
    assert said[-1] is not None


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(TradeImbalance, pressed("aggression", 114))
