from __future__ import annotations

import pytest

from market.coin import Coin
from market.events import (
    MS_PER_DAY,
)
from market.money import fee_e6
from shadow.ledger.gaps import hours_between
from shadow.ledger.trade import Owed, Trade, TradeState
from tests.support.life import HOUR, MINUTE, MS, Life, S, copy_of, what
from tests.support.shadow import (
    ETH,
    MODEL,
    SOL,
    T0,
    T0_MS,
    flat,
    make_trade,
    minute,
    paper_ledger,
    put_book,
)


def test_thirty_seconds_without_a_book_are_borne() -> None:
    life = Life()
    trade = life.opened()
    life.second(30.5)
    assert trade.gap_ns == 0
    assert life.book(30.5, 99.5) == []
    assert (trade.gap_ns, trade.flags) == (0, [])


@pytest.mark.parametrize("by", ["book", "second"])
def test_more_than_thirty_suspend_a_trade_until_it_is_repaired(by: str) -> None:
    life = Life()
    trade = life.opened()
    if by == "book":
        assert life.book(30.6, 50.0) == []
    else:
        assert life.second(30.6) == []
    assert trade.gap_ns == T0 + round(0.5 * S)
    assert life.ledger.gaps.since() == {"SOL": trade.gap_ns}
    assert life.book(31.0, 50.0) == []
    assert trade.state == TradeState.OPEN


@pytest.mark.parametrize(("pause_s", "flags"), [(10.0, []), (10.1, ["gap"])])
def test_an_exit_seen_late_says_so(pause_s: float, flags: list[str]) -> None:
    life = Life()
    trade = life.opened()
    life.book(0.5 + pause_s, 98.0)
    assert (trade.exit_reason, trade.flags) == ("stop", flags)


def left_at(px: float) -> object:
    """Return what an exit at a price gets of these books, a cent around 100."""
    return pytest.approx(px * (1 - 1e-4), abs=5e-4)


def leaving(pause_s: float = 30.1, by: str = "book") -> tuple[Life, Trade]:
    """Return a trade that decided to leave and met no book for some time."""
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    assert trade.state == TradeState.EXITING
    if by == "book":
        life.book(1.4 + pause_s, 97.0)
    else:
        life.second(1.4 + pause_s)
    return life, trade


def test_an_exit_waits_thirty_seconds_for_its_book() -> None:
    _, trade = leaving(30.0)
    assert (trade.state, trade.flags, trade.gap_ns) == (TradeState.CLOSED, [], 0)


@pytest.mark.parametrize("by", ["book", "second"])
def test_an_exit_that_met_no_book_in_time_got_the_worst_of_its_minute(by: str) -> None:
    life, trade = leaving(by=by)
    assert (trade.state, trade.gap_ns) == (TradeState.EXITING, T0 + round(1.4 * S))
    assert life.ledger.gaps.since() == {"SOL": trade.gap_ns}
    assert life.book(32, 97.0) == [], "what candles will tell is not sold a second time"
    rows = [minute(0, 96.0, 100.0, open_=100.0, close=97.0)]
    assert what(life.repair(32, rows)) == ["sold", "day", "closed"]
    assert (trade.exit_reason, trade.flags) == ("stop", ["repaired"])
    assert trade.exit_px == left_at(96.0)
    assert life.ledger.trades == life.ledger.waiting["SOL"] == {}
    assert life.ledger.gaps.since() == {}
    assert life.book(33) == life.second(33) == []


def test_an_exit_whose_coin_never_has_a_book_again_is_repaired_all_the_same() -> None:
    life, trade = leaving(by="second")
    life.coin.book.invalidate()
    life.second(3_000)
    life.repair(3_000, flat(0, 3_000_000))
    assert (trade.state, trade.flags) == (TradeState.CLOSED, ["repaired"])


def test_an_exit_for_which_no_candles_come_meets_the_book_that_is_there() -> None:
    life, trade = leaving()
    for at_s in range(32, 95):
        life.book(at_s, 97.0)
        life.second(at_s + 0.5)
    assert (trade.state, trade.exit_px, trade.flags) == (TradeState.CLOSED, 96.99, ["gap"])


def test_what_is_left_of_an_exit_is_repaired_alone() -> None:
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    life.book(2.0, bids=[(97.0, 4.0)], asks=[(98.0, 4.0)])
    assert (trade.state, trade.open_lots) == (TradeState.EXITING, 600)
    life.second(40)
    life.repair(40, [minute(0, 95.0, 100.0, open_=100.0, close=97.0)])
    assert (trade.state, trade.open_lots) == (TradeState.CLOSED, 0)
    assert trade.exit_notional_e6 < 4 * 97_000_000 + 6 * 95_000_000


def test_an_exit_that_sells_slowly_from_live_books_is_in_no_gap() -> None:
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    for at_s in range(2, 62):
        life.book(at_s, bids=[(97.0, 0.01)], asks=[(98.0, 4.0)])
        life.second(at_s + 0.5)
    assert (trade.state, trade.gap_ns, trade.exit_lots) == (TradeState.EXITING, 0, 60)


def test_nobody_can_tell_a_trade_to_leave_that_is_on_its_way() -> None:
    life, trade = leaving()
    assert life.call(33) == []
    assert life.ledger.flatten(T0 + 33 * S) == []
    assert trade.exit_reason == "stop"


def test_an_exit_that_waits_for_candles_does_so_after_a_restart() -> None:
    _, trade = leaving()
    for take_up in ("resume", "restore"):
        after = Life()
        copy = copy_of(trade)
        if take_up == "resume":
            after.ledger.resume([copy])
        else:
            after.ledger.restore([copy], T0 + 40 * S)
        assert after.ledger.gaps.since() == {"SOL": trade.gap_ns}
        assert after.book(50, 97.0) == []
        after.repair(50, [minute(0, 96.0, 100.0, open_=100.0, close=97.0)])
        assert copy.state == TradeState.CLOSED


def suspended(at_s: float = 0.0, *, gone_s: float = 600.0, **plan: float) -> tuple[Life, Trade]:
    """Return a trade whose coin fell silent right after the entry, and has a book again."""
    life = Life()
    trade = life.opened(at_s, **plan)
    life.second(at_s + 40)
    life.book(at_s + gone_s)
    assert life.ledger.gaps.since()
    return life, trade


def test_a_harmless_gap_is_walked_and_marking_goes_on() -> None:
    life, trade = suspended()
    assert life.repair(600, flat(0, 600_000)) == []
    assert (trade.gap_ns, trade.flags, trade.state) == (0, ["repaired"], TradeState.OPEN)
    assert what(life.book(601, 98.0)) == ["exiting"]


def test_the_walk_sees_the_extremes_of_the_gap() -> None:
    life, trade = suspended(stop=95.0)
    rows = flat(0, 600_000)
    rows[3] = minute(180_000, 96.0, 104.0, open_=100.0, close=100.0)
    life.repair(600, rows)
    life.ledger.marks["SOL"].write_back()
    assert (trade.lo, trade.hi) == (96.0, 104.0)


def test_the_stop_is_assumed_before_the_target() -> None:
    life, trade = suspended(stop=99.0, target=102.0)
    rows = flat(0, 600_000)
    rows[4] = minute(240_000, 98.0, 103.0, open_=100.0, close=101.0)
    assert what(life.repair(600, rows)) == ["sold", "day", "closed"]
    assert (trade.exit_px, trade.exit_reason) == (left_at(99.0), "stop")
    assert trade.closed_ns == T0 + 300 * S - 1
    assert (trade.lo, trade.hi) == (98.0, 103.0)
    assert trade.gross_e6 == pytest.approx(990_000_000 - 99_000 - 1_000_100_000, abs=100)
    paid = fee_e6(1_000_100_000, MODEL.taker_e8) + fee_e6(trade.exit_notional_e6, MODEL.taker_e8)
    assert trade.fees_e6 == paid
    assert trade.flags == ["repaired"]
    assert life.ledger.trades == {}
    assert life.ledger.gaps.since() == {}


def test_a_gap_through_the_stop_fills_at_the_open() -> None:
    life, trade = suspended(stop=99.0)
    rows = flat(0, 600_000)
    rows[4] = minute(240_000, 96.0, 98.0, open_=97.5, close=97.0)
    life.repair(600, rows)
    assert (trade.exit_px, trade.exit_reason) == (left_at(97.5), "stop")


def test_a_target_alone_is_believed() -> None:
    life, trade = suspended(target=102.0)
    rows = flat(0, 600_000)
    rows[4] = minute(240_000, 100.0, 105.0, open_=100.0, close=104.0)
    life.repair(600, rows)
    assert (trade.exit_px, trade.exit_reason) == (left_at(102.0), "target")


def test_a_horizon_within_the_gap_ends_at_that_minutes_close() -> None:
    life, trade = suspended(horizon_s=200.0)
    rows = flat(0, 600_000)
    rows[3] = minute(180_000, 100.0, 101.0, open_=100.0, close=100.7)
    life.repair(600, rows)
    assert (trade.exit_px, trade.exit_reason) == (left_at(100.7), "horizon")


def test_a_trailing_stop_follows_from_minute_to_minute() -> None:
    life, trade = suspended(stop=98.0, trail=1.0)
    rows = flat(0, 600_000)
    rows[2] = minute(120_000, 100.0, 104.0, open_=100.0, close=104.0)
    # A dip below the ratcheted stop of 103, above the first one.
    rows[3] = minute(180_000, 102.0, 104.0, open_=104.0, close=103.5)
    life.repair(600, rows)
    assert (trade.exit_px, trade.exit_reason) == (left_at(103.0), "stop")


def test_minutes_before_the_gap_are_not_walked() -> None:
    life = Life()
    trade = life.opened(120)
    life.second(200)
    life.book(600)
    rows = flat(0, 600_000)
    rows[0] = minute(0, 1.0, 1e6, open_=100.0, close=100.0)
    life.repair(600, rows)
    assert (trade.state, trade.flags) == (TradeState.OPEN, ["repaired"])


def test_candles_that_begin_after_the_gap_did_prove_nothing() -> None:
    life, trade = suspended(125)
    assert life.repair(725, flat(180_000, 725_000)) == []
    assert trade.gap_ns > 0
    assert life.repair(725, flat(120_000, 725_000)) == []
    assert trade.gap_ns == 0


def test_no_candles_prove_nothing() -> None:
    life, trade = suspended()
    assert life.repair(600, []) == []
    assert trade.gap_ns > 0


def test_while_the_book_is_away_the_walk_goes_on_from_where_it_was() -> None:
    life, trade = suspended()
    life.coin.book.invalidate()
    life.repair(600, flat(0, 600_000))
    assert trade.gap_ns == T0 + 600 * S
    life.book(700)
    rows = flat(600_000, 700_000)
    rows[0] = minute(600_000, 98.0, 100.0, open_=100.0, close=98.5)
    life.repair(700, rows)
    assert trade.exit_reason == "stop"


def test_only_the_minutes_asked_for_are_walked() -> None:
    life, trade = suspended(gone_s=100.0)
    rows = flat(0, 600_000)
    rows[5] = minute(300_000, 1.0, 1.0, open_=1.0, close=1.0)
    life.repair(100, rows)
    assert trade.state == TradeState.OPEN


def test_hours_in_a_gap_are_charged_from_settled_rates_on_the_price_of_their_minute() -> None:
    life, trade = suspended(3000, gone_s=8000.0)
    assert life.hour(1) == []
    assert life.hour(2) == []
    assert life.hour(3) == []
    rates = {1: 0.0001, 2: 0.0003, 3: -0.0002}
    life.ledger.on_rates("SOL", [(T0_MS + h * HOUR, rate) for h, rate in rates.items()])
    rows = flat(3_000_000, 11_000_000)
    at = 7_140_000 - 3_000_000
    rows[at // MINUTE] = minute(7_140_000, 100.0, 110.0, open_=100.0, close=110.0)
    changes = life.repair(11_000, rows)
    assert [c.amount_e6 for c in changes if c.what == "funded"] == [100_000, 330_000, -200_000]
    assert (trade.funding_e6, trade.flags) == (230_000, ["repaired"])


def test_an_hour_after_the_exit_in_the_gap_is_not_charged() -> None:
    life, trade = suspended(3000, gone_s=8000.0)
    life.ledger.on_rates("SOL", [(T0_MS + h * HOUR, 0.0001) for h in (1, 2, 3)])
    rows = flat(3_000_000, 11_000_000)
    rows[60] = minute(6_600_000, 98.0, 100.0, open_=100.0, close=98.0)
    life.repair(11_000, rows)
    assert (trade.exit_reason, trade.funding_e6) == ("stop", 100_000)


def test_an_hour_charged_before_the_silence_was_noticed_is_not_charged_again() -> None:
    """The last book came 15 s before the hour, so the trade was not suspended yet when it ended."""
    life = Life()
    trade = life.opened(3580)
    life.context(3582, 0.0001)
    life.book(3585)
    life.hour(1)
    assert trade.funding_e6 == 100_000
    life.second(3616)
    assert trade.gap_ns == T0 + 3585 * S
    life.book(3700)
    life.ledger.on_rates("SOL", [(T0_MS + HOUR, 0.0001)])
    life.repair(3700, flat(3_540_000, 3_700_000))
    assert (trade.funding_e6, trade.gap_ns, trade.flags) == (100_000, 0, ["repaired"])


def test_an_hour_charged_before_the_silence_was_noticed_is_not_missing_either() -> None:
    life = Life()
    trade = life.opened(3580)
    life.context(3582, 0.0001)
    life.book(3585)
    life.hour(1)
    life.second(3616)
    silent(life, 3700, 3762)
    assert (trade.funding_e6, trade.flags) == (100_000, ["gap"])


def test_an_hour_that_ended_after_the_candles_were_asked_for_is_not_lost() -> None:
    """Asked ten seconds before the hour, answered after it."""
    life, trade = suspended(3000, gone_s=590.0)
    life.hour(1)
    life.book(3601)
    life.ledger.on_rates("SOL", [(T0_MS + HOUR, 0.0001)])
    life.repair(3590, flat(3_000_000, 3_590_000))
    # It is still theirs to charge, so the trade waits for the next answer.
    assert trade.gap_ns == T0 + 3590 * S
    life.book(3611)
    life.repair(3610, flat(3_540_000, 3_610_000))
    assert (trade.funding_e6, trade.gap_ns) == (100_000, 0)


def test_candles_wait_for_the_rates_of_their_hours() -> None:
    """Both are asked for at once; whichever comes first, the hour is charged and not missing."""
    life, trade = suspended(3000, gone_s=700.0)
    life.hour(1)
    rows = flat(3_000_000, 3_700_000)
    assert life.repair(3700, rows) == []
    assert (trade.gap_ns > 0, trade.flags) == (True, [])
    life.ledger.on_rates("SOL", [(T0_MS + HOUR, 0.0001)])
    life.repair(3705, flat(3_000_000, 3_705_000))
    assert (trade.funding_e6, trade.gap_ns, trade.flags) == (100_000, 0, ["repaired"])


def test_candles_do_not_wait_for_rates_for_ever() -> None:
    life, trade = suspended(3000, gone_s=700.0)
    life.hour(1)
    life.second(3700)
    assert life.repair(3700, flat(3_000_000, 3_700_000)) == []
    life.book(3720)
    assert life.repair(3729, flat(3_000_000, 3_729_000)) == []
    assert what(life.repair(3730, flat(3_000_000, 3_730_000))) == ["owed"]
    assert (trade.gap_ns, trade.flags) == (0, ["repaired"])
    assert trade.owes == [Owed(T0_MS + HOUR, 1_000, 100.0)]


def test_midnight_in_a_gap_splits_the_days() -> None:
    """Bought at 100.01 for a fee of 0.450045; at midnight the minute closes at 100.50."""
    life, trade = suspended(86_100, gone_s=600.0)
    assert life.hour(24) == []
    assert life.day(1) == []
    life.ledger.on_rates("SOL", [(T0_MS + MS_PER_DAY, 0.0001)])
    rows = flat(86_100_000, 86_700_000)
    rows[4] = minute(86_340_000, 100.0, 100.5, open_=100.0, close=100.5)
    life.repair(86_700, rows)
    # 10 x 100.50 x 0.0001 of funding belongs to the day that ended.
    assert life.days(trade) == [(0, 4_900_000 - 450_045 - 100_500)]
    life.book(86_701, 98.0)
    life.book(86_702, 98.0)
    assert sum(amount for _, amount in life.days(trade)) == trade.net_e6
    assert [day for day, _ in life.days(trade)] == [0, 1]


@pytest.mark.parametrize("end_ms", [86_400_000, 86_460_000])
def test_a_walk_that_ends_with_the_day_splits_it_too(end_ms: int) -> None:
    """No trade may have printed since midnight, so that the newest candle is the day's last."""
    life, trade = suspended(86_100, gone_s=301.0)
    life.hour(24)
    life.day(1)
    life.ledger.on_rates("SOL", [(T0_MS + MS_PER_DAY, 0.0)])
    life.repair(86_401, flat(86_100_000, end_ms))
    assert trade.gap_ns == 0
    assert life.days(trade) == [(0, -100_000 - 450_045)]


def test_an_exit_in_the_last_minute_of_a_day_is_that_days() -> None:
    life, trade = suspended(86_100, gone_s=600.0)
    life.hour(24)
    life.day(1)
    life.ledger.on_rates("SOL", [(T0_MS + MS_PER_DAY, 0.0)])
    rows = flat(86_100_000, 86_700_000)
    rows[4] = minute(86_340_000, 98.0, 100.0, open_=100.0, close=98.0)
    life.repair(86_700, rows)
    assert life.days(trade) == [(0, trade.net_e6)]
    assert trade.funding_e6 == 0


def silent(life: Life, from_s: float, until_s: float) -> None:
    """Let books come and seconds pass, but no candles."""
    for at_s in range(round(from_s), round(until_s)):
        life.book(at_s)
        life.second(at_s)


def test_without_candles_patience_runs_out_a_minute_after_the_book_is_back() -> None:
    life, trade = suspended()
    silent(life, 600, 661)
    assert (trade.gap_ns > 0, trade.flags) == (True, [])
    silent(life, 661, 662)
    assert (trade.gap_ns, trade.flags) == (0, ["gap"])
    assert what(life.book(662, 98.0)) == ["exiting"]


def test_a_long_outage_does_not_use_patience_up() -> None:
    """However long the stream was down, candles have a minute to come once it is back."""
    life = Life()
    trade = life.opened()
    life.coin.book.invalidate()
    for at_s in range(1, 900):
        life.second(at_s)
    life.book(900)
    assert life.second(900) == []
    rows = flat(0, 900_000)
    rows[5] = minute(300_000, 98.0, 100.0, open_=100.0, close=100.0)
    life.repair(901, rows)
    assert (trade.exit_reason, trade.flags) == ("stop", ["repaired"])


def test_while_there_is_no_book_to_go_on_with_a_trade_stays_suspended() -> None:
    """Not even candles put it back: its next mid could be an hour away."""
    life = Life()
    trade = life.opened()
    life.second(40)
    life.second(4_000)
    life.ledger.on_rates("SOL", [(T0_MS + HOUR, 0.0)])
    life.repair(4_000, flat(0, 4_000_000))
    assert trade.gap_ns == T0 + 4_000 * S
    life.book(4_010)
    life.repair(4_011, flat(3_960_000, 4_011_000))
    assert (trade.gap_ns, trade.flags) == (0, ["repaired"])


def test_a_gap_is_walked_once_although_the_stream_stays_silent() -> None:
    """A stop that trailed up along the gap must not meet the low prices it began with."""
    life = Life()
    trade = life.opened(stop=98.0, trail=1.0)
    life.second(40)
    rows = [minute(0, 100.0, 100.0, open_=100.0, close=100.0)]
    rows += [
        minute(i * MINUTE, 100.0 + i - 0.5, 100.0 + i, open_=100.0 + i - 0.5, close=100.0 + i)
        for i in range(1, 5)
    ]
    life.repair(300, rows)
    life.second(301)
    life.repair(320, [*rows, *flat(300_000, 320_000, 104.0)])
    assert (trade.state, trade.stop_px) == (TradeState.OPEN, 103.0)
    life.book(321, 104.0)
    life.repair(322, [*rows, *flat(300_000, 322_000, 104.0)])
    assert (trade.state, trade.gap_ns) == (TradeState.OPEN, 0)


def test_hours_of_a_gap_nobody_repaired_are_owed() -> None:
    life, trade = suspended(3000, gone_s=700.0)
    life.hour(1)
    silent(life, 3700, 3762)
    assert what(life.changes)[-1] == "owed"
    assert (trade.flags, [owed.hour_ms for owed in trade.owes]) == (["gap"], [T0_MS + HOUR])


@pytest.mark.parametrize("years", [3, 250])
def test_of_a_gap_of_years_only_hours_are_owed_that_somebody_might_tell(years: int) -> None:
    life, trade = suspended(3000, gone_s=700.0)
    late_ns = T0 + years * 8_766 * 3_600 * S
    missed = life.ledger.gaps.miss_hours(trade, late_ns)
    assert what(missed) == ["doubted"] and trade.flags == ["no_funding"]
    assert len(trade.owes) == 14 * 24 and trade.owes[-1].hour_ms == trade.funded_ms
    assert trade.funded_ms == late_ns // (3_600 * S) * 3_600_000


def test_a_call_on_a_suspended_trade_ends_it_with_the_gap_on_record() -> None:
    life, trade = suspended()
    changes = life.call(601)
    assert what(changes) == ["exiting"]
    assert (trade.gap_ns, trade.flags) == (0, ["gap"])
    assert life.ledger.gaps.since() == {}
    life.book(602)
    assert (trade.exit_reason, trade.state) == ("bot", TradeState.CLOSED)


def test_a_call_on_a_suspended_trade_does_not_hide_an_unpaid_hour() -> None:
    life, trade = suspended(3000, gone_s=700.0)
    life.hour(1)
    assert what(life.call(3701)) == ["owed", "exiting"]
    assert (trade.flags, [owed.hour_ms for owed in trade.owes]) == (["gap"], [T0_MS + HOUR])


def test_suspension_is_by_coin() -> None:
    coins = {"SOL": Coin(SOL), "ETH": Coin(ETH)}
    ledger = paper_ledger(coins)
    ledger.open(make_trade(8))
    ledger.open(make_trade(12, coin="ETH"))
    for at_s in (0.5, 20.0, 40.0):
        for coin in coins.values():
            if coin.name == "ETH" or at_s < 1:
                put_book(coin, 100.0, T0 + round(at_s * S))
                ledger.on_book(coin, T0 + round(at_s * S))
    ledger.on_second(T0 + 41 * S)
    assert list(ledger.gaps.since()) == ["SOL"]


# Hours.


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "hours"),
    [
        (0, HOUR - 1, []),
        (0, HOUR, [1]),
        (HOUR - 1, HOUR, [1]),
        (HOUR, 2 * HOUR - 1, []),
        (1, 3 * HOUR, [1, 2, 3]),
        (5, 5, []),
    ],
)
def test_hours_are_those_that_ended_after_the_first_and_by_the_second_time(
    from_ms: int, to_ms: int, hours: list[int]
) -> None:
    found = hours_between((T0_MS + from_ms) * MS, (T0_MS + to_ms) * MS)
    assert list(found) == [T0_MS + h * HOUR for h in hours]


def test_an_hour_that_ended_a_nanosecond_ago_counts() -> None:
    assert list(hours_between(T0 + HOUR * MS - 1, T0 + HOUR * MS)) == [T0_MS + HOUR]
    assert list(hours_between(T0 + HOUR * MS, T0 + HOUR * MS + 1)) == []
