from __future__ import annotations

import msgspec
import pytest

from market.coin import Coin
from market.decision import BUY, SELL, TradeKind
from market.money import fee_e6
from shadow.ledger.trade import TradeState
from tests.support.life import Life, S, copy_of, what
from tests.support.shadow import (
    LATENCY_NS,
    MODEL,
    T0,
    Stage,
    flat,
    make_trade,
    minute,
    paper_ledger,
)

# Entry.


def test_an_order_finds_the_first_book_at_or_after_its_latency() -> None:
    life = Life()
    trade = life.open(make_trade())
    assert life.book(0.0, 90.0) == []
    assert life.book(0.399_999, 95.0) == []
    assert trade.state == TradeState.PENDING
    changes = life.book(0.4, 100.0)
    assert what(changes) == ["filled"]
    assert (trade.opened_ns, trade.entry_px) == (T0 + LATENCY_NS, 100.01)


def test_a_book_at_the_last_moment_still_counts() -> None:
    life = Life()
    trade = life.open(make_trade(wait_s=2.0))
    assert what(life.book(2.4)) == ["filled"]
    assert trade.exit_reason == ""


@pytest.mark.parametrize("by", ["book", "second"])
def test_without_a_book_in_time_a_trade_is_unavailable_and_its_money_unknown(by: str) -> None:
    life = Life()
    trade = life.open(make_trade(wait_s=2.0))
    assert life.second(2.4) == []
    changes = life.book(2.400_001) if by == "book" else life.second(2.400_001)
    assert what(changes) == ["closed"]
    assert (trade.exit_reason, trade.state) == ("UNAVAILABLE", TradeState.CLOSED)
    assert (trade.filled_lots, trade.r, trade.bps) == (0, None, None)
    assert trade.trade_id not in life.ledger.trades
    assert life.book(3.0) == []


def test_a_book_without_a_single_lot_makes_a_trade_unavailable() -> None:
    life = Life()
    trade = life.open(make_trade())
    changes = life.book(1.0, bids=[(99.99, 1.0)], asks=[(100.01, 0.009)])
    assert what(changes) == ["closed"]
    assert trade.exit_reason == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("every_s", "frames", "wait_s"), [(5.0, 4, 10.0), (0.5, 30, 1.0), (5.0, 2, 10.8)]
)
def test_an_entry_waits_for_twice_the_learned_cadence(
    every_s: float, frames: int, wait_s: float
) -> None:
    """Before three frames nothing is learned, and the slow book's 5.4 s are assumed."""
    stage = Stage()
    for _ in range(frames):
        stage.wait(every_s)
        stage.book()
    trade = stage.trade(stage.signal(), TradeKind.PAPER)
    assert trade.due_ns == stage.now_ns + LATENCY_NS
    assert trade.expires_ns - trade.due_ns == pytest.approx(wait_s * S, abs=1)


@pytest.mark.parametrize(("side", "mid"), [(BUY, 99.0), (BUY, 95.0), (SELL, 101.0), (SELL, 105.0)])
def test_a_trade_already_through_its_stop_at_the_fill_is_closed_at_once_and_counted(
    side: int, mid: float
) -> None:
    life = Life()
    trade = life.open(make_trade(side=side, stop=100.0 - side))
    assert what(life.book(0.5, mid)) == ["filled", "exiting"]
    assert (trade.flags, trade.exit_reason) == (["through_stop"], "stop")
    assert what(life.book(0.9, mid)) == ["sold", "day", "closed"]
    assert trade.net_e6 < 0
    assert trade.risk_e6 == 10_000_000


def test_a_clamped_remainder_takes_only_what_the_admitted_part_left() -> None:
    life = Life()
    rest = life.open(make_trade(lots=600, skip_lots=400))
    life.book(1.0, bids=[(99.9, 99.0)], asks=[(100.0, 3.0), (100.1, 4.0), (100.2, 9.0)])
    # The admitted 4.00 take 3 at 100.0 and 1 at 100.1; left are 3 at 100.1 and 3 at 100.2.
    assert rest.entry_notional_e6 == 300_300_000 + 300_600_000
    assert rest.filled_lots == 600


def test_a_remainder_that_finds_nothing_left_is_unavailable() -> None:
    life = Life()
    rest = life.open(make_trade(lots=600, skip_lots=400))
    life.book(1.0, bids=[(99.9, 99.0)], asks=[(100.0, 4.0)])
    assert rest.exit_reason == "UNAVAILABLE"


# Exits.


@pytest.mark.parametrize(
    ("side", "mid", "reason"),
    [
        (BUY, 99.0, "stop"),
        (BUY, 98.0, "stop"),
        (BUY, 102.0, "target"),
        (BUY, 103.0, "target"),
        (SELL, 101.0, "stop"),
        (SELL, 98.0, "target"),
    ],
)
def test_stop_and_target_trigger_on_the_merged_mid(side: int, mid: float, reason: str) -> None:
    life = Life()
    trade = life.opened(side=side, stop=100.0 - side, target=100.0 + 2 * side)
    assert life.book(1.0, 100.0 - 0.99 * side) == []
    assert life.book(2.0, 100.0 + 1.99 * side) == []
    assert what(life.book(3.0, mid)) == ["exiting"]
    assert trade.exit_reason == reason


def test_an_exit_walks_the_first_book_after_the_same_latency() -> None:
    life = Life()
    trade = life.opened()
    life.book(3.0, 98.0)
    assert life.book(3.399_999, 50.0) == []
    assert what(life.book(3.4, 97.0)) == ["sold", "day", "closed"]
    assert trade.exit_px == 96.99
    assert trade.closed_ns == T0 + round(3.4 * S)


def test_mids_on_the_way_out_count_as_extremes() -> None:
    life = Life()
    trade = life.opened()
    life.book(3.0, 98.0)
    life.book(3.2, 96.0)
    life.book(3.4, 97.0)
    assert (trade.lo, trade.hi) == (96.0, 100.0)


def test_a_mid_that_comes_back_does_not_recall_the_exit() -> None:
    life = Life()
    trade = life.opened()
    life.book(3.0, 98.9)
    life.book(4.0, 105.0)
    assert (trade.state, trade.exit_px) == (TradeState.CLOSED, pytest.approx(104.99))


def test_an_exit_goes_on_over_as_many_books_as_it_takes() -> None:
    life = Life()
    trade = life.opened(lots=1_000)
    entry_fee = trade.fees_e6
    life.book(3.0, 98.0)
    life.book(4.0, bids=[(98.0, 3.0)], asks=[(98.1, 1.0)])
    assert (trade.exit_lots, trade.state) == (300, TradeState.EXITING)
    assert life.book(4.5, bids=[(97.0, 0.001)], asks=[(98.1, 1.0)]) == []
    life.book(5.0, bids=[(97.0, 2.0)], asks=[(98.1, 1.0)])
    changes = life.book(6.0, bids=[(96.0, 9.0)], asks=[(98.1, 1.0)])
    assert what(changes) == ["sold", "day", "closed"]
    # 3 x 98 + 2 x 97 + 5 x 96
    assert trade.exit_notional_e6 == 968_000_000
    assert trade.exit_px == pytest.approx(96.8)
    fees = [fee_e6(n * 10**6, MODEL.taker_e8) for n in (294, 194, 480)]
    assert trade.fees_e6 == entry_fee + sum(fees)


def test_a_horizon_ends_a_trade_on_the_second_it_passes() -> None:
    life = Life()
    trade = life.opened(horizon_s=60.0)
    for at_s in (20, 40, 59):
        life.book(at_s)
    assert life.second(59.9) == []
    assert what(life.second(60.0)) == ["exiting"]
    life.book(61.0)
    assert (trade.exit_reason, trade.state) == ("horizon", TradeState.CLOSED)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_trailing_stop_ratchets_once_a_second_behind_the_best_mid(side: int) -> None:
    life = Life()
    trade = life.opened(side=side, stop=100.0 - 2 * side, trail=1.0)
    life.book(1.0, 100.0 + 3 * side)
    # Between two seconds a spike moves nothing yet.
    assert life.book(1.1, 100.0 + 1.5 * side) == []
    life.second(2.0)
    assert what(life.book(2.1, 100.0 + 2 * side)) == ["exiting"]
    assert trade.exit_reason == "trail"


def test_a_bots_call_ends_all_it_has_on_coin_and_side_whatever_the_kind() -> None:
    life = Life()
    kinds = [make_trade(8 + k, kind=k) for k in range(4)]
    other_side = make_trade(16, side=SELL, stop=101.0)
    other_bot = make_trade(20, bot="beta")
    life.open(*kinds, other_side, other_bot)
    life.book(0.5)
    changes = life.call(5.0)
    assert [c.trade.trade_id for c in changes] == [8, 9, 10, 11]
    assert set(what(changes)) == {"exiting"}
    life.book(5.4)
    assert {t.exit_reason for t in kinds} == {"bot"}
    assert set(life.ledger.trades) == {16, 20}


def test_a_call_reaches_an_order_on_its_way_and_ends_it_once_filled() -> None:
    life = Life()
    trade = life.open(make_trade())
    assert life.call(0.2) == []
    assert what(life.book(0.5)) == ["filled", "exiting"]
    assert trade.exit_reason == "bot"
    life.book(1.0)
    assert trade.state == TradeState.CLOSED


def test_a_call_on_a_trade_already_leaving_changes_nothing() -> None:
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    assert life.call(1.1) == []
    assert (trade.exit_reason, trade.exit_due_ns) == ("stop", T0 + round(1.4 * S))


# Restarts.


def test_after_a_crash_open_trades_wait_for_repair_and_orders_go_on() -> None:
    before = Life()
    still = before.opened(0)
    leaving = before.open(make_trade(12, decided_ns=T0 + 1 * S, stop=99.9))
    before.book(2)
    before.book(3, 99.5)
    pending = before.open(make_trade(16, decided_ns=T0 + 3 * S, wait_s=10))
    assert (leaving.state, pending.state) == (TradeState.EXITING, TradeState.PENDING)
    before.ledger.marks["SOL"].write_back()

    after = Life()
    trades = [copy_of(t) for t in (still, leaving, pending)]
    after.ledger.restore(trades, T0 + 3 * S)
    assert after.ledger.gaps.since() == {"SOL": T0 + 3 * S}
    after.book(5)
    assert [t.state for t in trades] == [TradeState.OPEN, TradeState.CLOSED, TradeState.OPEN]
    rows = [minute(0, 98.0, 100.0, open_=100.0, close=98.5)]
    after.repair(5, rows)
    assert (trades[0].exit_reason, trades[0].flags) == ("stop", ["repaired"])


def test_after_a_long_stop_an_order_that_was_on_its_way_is_unavailable() -> None:
    after = Life()
    pending = make_trade(wait_s=10)
    after.ledger.restore([pending], T0)
    after.book(3600)
    assert pending.exit_reason == "UNAVAILABLE"


def test_a_trade_that_was_suspended_before_the_crash_keeps_its_older_gap() -> None:
    trade = make_trade()
    trade.state, trade.gap_ns = TradeState.OPEN, T0 + 5
    life = Life()
    life.ledger.restore([trade], T0 + 999)
    assert life.ledger.gaps.since() == {"SOL": T0 + 5}


def test_a_written_state_goes_on_exactly() -> None:
    """From a state with every kind of trade the same books lead to the same changes."""
    one = Life()
    one.open(make_trade(8, trail=1.0), make_trade(12, side=SELL, stop=101.5, target=98.0))
    one.book(0.5)
    one.open(make_trade(16, decided_ns=T0 + 1 * S, stop=99.9))
    one.book(1.5, 101.2)
    one.second(2)
    one.book(2.5, 99.85)
    one.open(make_trade(20, decided_ns=T0 + round(2.5 * S), trail=0.5))
    states = {t.trade_id: TradeState(t.state).name for t in one.ledger.trades.values()}
    assert states == {8: "EXITING", 12: "OPEN", 16: "EXITING", 20: "PENDING"}

    other = Life()
    one.ledger.marks["SOL"].write_back()
    other.coin = msgspec.json.decode(msgspec.json.encode(one.coin), type=Coin)
    other.ledger = paper_ledger({"SOL": other.coin})
    other.ledger.resume([copy_of(t) for t in reversed(one.ledger.trades.values())])
    other.ledger.marks["SOL"].last_ns = one.ledger.marks["SOL"].last_ns

    def go_on(life: Life) -> list[object]:
        life.changes.clear()
        for i, mid in enumerate((100.3, 101.0, 100.4, 99.2, 98.8, 98.0)):
            life.book(4 + i, mid)
            life.second(4.5 + i)
        life.second(60)
        life.book(61)
        life.repair(61, flat(0, 61_000))
        return [(c.what, c.at_ns, c.amount_e6, c.fill, copy_of(c.trade)) for c in life.changes]

    assert go_on(one) == go_on(other)
    assert one.changes
