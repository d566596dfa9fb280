from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.decision import BUY, SELL, TradeKind
from market.fills import Fill
from market.money import fee_e6, notional_e6
from shadow.ledger.steps import buy, sell
from shadow.ledger.trade import Cost, Owed, Trade, TradeState
from tests.support.life import HOUR, Life, S, what
from tests.support.shadow import (
    MODEL,
    SOL,
    T0,
    T0_MS,
    make_trade,
    minute,
)


def test_a_short_sells_the_bids_and_is_paid_a_positive_rate() -> None:
    """Sell 10 at 99.99, buy back at 99.01: gross 9.80.

    Fees 999.90 x 4.5 bps = 0.449955 and 990.10 x 4.5 bps = 0.445545; an hour at 0.00001 on an
    oracle of 100 pays 0.01: net 9.80 - 0.8955 + 0.01 = 8.9145.
    """
    life = Life()
    trade = life.open(make_trade(side=SELL, stop=101.0, target=99.0, decided_ns=T0 + 3590 * S))
    life.book(3590.5)
    life.context(3595, 0.00001)
    life.book(3599)
    life.hour(1)
    life.book(3605, 99.0)
    life.book(3606, 99.0)
    assert (trade.gross_e6, trade.fees_e6, trade.funding_e6) == (9_800_000, 895_500, -10_000)
    assert (trade.net_e6, trade.exit_reason) == (8_914_500, "target")


def test_what_the_visible_levels_cannot_give_stays_unfilled() -> None:
    life = Life()
    trade = life.open(make_trade(lots=1_000, stop=98.0))
    life.book(1.0, bids=[(99.0, 1.0)], asks=[(100.0, 2.5), (100.5, 1.5)])
    assert (trade.filled_lots, trade.flags) == (400, ["partial"])
    assert trade.entry_notional_e6 == 250_000_000 + 150_750_000
    # 4.00 x |100 - 98|
    assert trade.risk_e6 == 8_000_000
    life.book(2.0)
    assert trade.filled_lots == 400


def test_risk_is_from_the_decisions_mid_to_the_first_stop_and_frozen() -> None:
    life = Life()
    trade = life.opened(stop=97.0, trail=1.0, mid=100.0)
    assert trade.risk_e6 == 30_000_000
    life.book(1.0, 110.0)
    life.second(1.0)
    life.book(1.5, 109.0)
    life.book(2.0, 109.0)
    assert trade.exit_reason == "trail"
    assert trade.risk_e6 == 30_000_000
    assert trade.r == trade.net_e6 / 30_000_000


def test_a_written_fill_is_what_the_walk_gave() -> None:
    life = Life()
    life.open(make_trade(lots=300))
    (change,) = life.book(1.0, bids=[(99.0, 9.0)], asks=[(100.0, 1.0), (101.0, 9.0)])
    total = notional_e6(100.0, 100, 2) + notional_e6(101.0, 200, 2)
    fee = fee_e6(total, MODEL.taker_e8)
    assert change.fill == Fill(300, pytest.approx(302 / 3), total, fee, 2)


def test_an_hour_is_charged_to_what_was_open_across_it() -> None:
    life = Life()
    life.context(3590, 0.0001, oracle=100.0)
    early = life.open(make_trade(8, decided_ns=T0 + 3595 * S))
    life.book(3599)
    leaving = life.open(make_trade(12, decided_ns=T0 + 3598 * S, bot="beta"))
    life.book(3599.9)
    life.call(3599.95, bot="beta")
    late = life.open(make_trade(16, decided_ns=T0 + round(3599.9 * S)))
    life.hour(1)
    life.book(3600.5)
    # 10 x 100 x 0.0001
    assert (early.funding_e6, leaving.funding_e6, late.funding_e6) == (100_000, 100_000, 0)
    assert early.flags == []


@pytest.mark.parametrize("seen_s", [None, 2999.0, 3600.0])
def test_an_hour_without_known_terms_is_owed_and_never_guessed(seen_s: float | None) -> None:
    """Terms are known from a context in the last ten minutes before the hour's end."""
    life = Life()
    trade = life.opened(3590)
    life.context(10, 0.0001)
    if seen_s is not None:
        life.context(seen_s, 0.0001)
    life.hour(1)
    assert (trade.funding_e6, trade.flags) == (0, [])
    assert trade.owes == [Owed(T0_MS + HOUR, 1_000, 100.0)]


def test_the_terms_of_an_hour_are_the_last_before_it() -> None:
    life = Life()
    trade = life.opened(3590)
    life.context(3595, 0.0001)
    life.context(3601, 0.9)
    life.hour(1, 3602)
    assert trade.funding_e6 == 100_000


def test_funding_is_on_what_is_still_held() -> None:
    life = Life()
    trade = life.opened(3590, lots=1_000)
    life.context(3591, 0.0001)
    life.book(3592, 98.0)
    life.book(3593, bids=[(98.0, 7.5)], asks=[(98.1, 1.0)])
    life.hour(1)
    assert trade.funding_e6 == 25_000


def test_days_get_what_the_mark_made_of_them_and_add_up_to_net() -> None:
    life = Life()
    trade = life.opened(86_390)
    life.book(86_395, 100.5)
    assert what(life.day(1)) == ["day"]
    life.book(86_405, 101.0)
    life.book(86_410, 99.0)
    life.book(86_411, 99.0)
    # Ten bought at 100.01 for a fee of 0.450045; 0.49 a piece in hand at midnight.
    assert life.days(trade) == [(0, 4_900_000 - 450_045), (1, trade.net_e6 - 4_449_955)]


def test_a_trade_that_is_not_filled_yet_has_no_day() -> None:
    life = Life()
    life.open(make_trade(decided_ns=T0 + 86_399 * S))
    assert life.day(1) == []
    assert life.hour(24) == []


def test_hours_while_an_exit_waits_for_its_book_are_charged() -> None:
    life = Life()
    trade = life.opened(3590)
    life.context(3591, 0.0001)
    life.book(3599.9, 98.0)
    life.hour(1)
    life.book(3601)
    assert trade.funding_e6 == 100_000


# What lies between decisions and fills.


def test_an_order_waits_while_the_mid_moves_on_and_then_pays_spread_and_impact() -> None:
    """Decided at 100, 4 of 10 bought at 100.21 and 6 at 100.31 under a mid of 100.20.

    The stop is seen at 98.50, and sold at 98.39 under a mid of 98.40.
    """
    life = Life()
    trade = life.open(make_trade())
    life.book(0.5, 0.0, bids=[(100.19, 9.0)], asks=[(100.21, 4.0), (100.31, 9.0)])
    assert trade.entry_cost == Cost(2_000_000, 40_000 + 660_000)
    life.book(1.0, 98.5)
    assert (trade.exit_decision_mid, trade.exit_cost) == (98.5, None)
    life.book(2.0, 98.4)
    assert trade.exit_cost == Cost(1_000_000, 100_000)
    assert trade.gross_e6 == 10 * (98_500_000 - 100_000_000) - 2_700_000 - 1_100_000


def test_a_short_gains_where_the_mid_rises_before_it_sells() -> None:
    life = Life()
    trade = life.open(make_trade(side=SELL, stop=101.0))
    life.book(0.5, 100.2)
    assert trade.entry_cost == Cost(-2_000_000, 100_000)
    life.call(1.0, side=SELL)
    life.book(2.0, 100.5)
    assert (trade.exit_decision_mid, trade.exit_cost) == (100.2, Cost(3_000_000, 100_000))


def test_an_exit_in_parts_waits_for_each() -> None:
    """Decided at 98: 4 sold at 97.00 under 97.50, 6 at 96.99 under 97.00."""
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    life.book(2.0, bids=[(97.0, 4.0)], asks=[(98.0, 4.0)])
    assert trade.exit_cost == Cost(2_000_000, 2_000_000)
    life.book(3.0, 97.0)
    assert trade.exit_cost == Cost(2_000_000 + 6_000_000, 2_000_000 + 60_000)


def repaired() -> Trade:
    """Return a trade whose exit was sold in part, and for the rest walked from candles."""
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    life.book(2.0, bids=[(97.0, 4.0)], asks=[(98.0, 4.0)])
    life.second(40)
    life.repair(40, [minute(0, 95.0, 100.0, open_=100.0, close=97.0)])
    return trade


def walked() -> Trade:
    """Return a trade that was open in an outage and reached its stop there."""
    life = Life()
    trade = life.opened()
    life.second(40)
    life.repair(40, [minute(0, 95.0, 100.0, open_=100.0, close=97.0)])
    return trade


def blind() -> Trade:
    """Return a trade that was told to leave while its book was not believed."""
    life = Life()
    trade = life.opened()
    life.coin.book.invalidate()
    life.call(1.0)
    life.book(2.0)
    return trade


def wound_down() -> Trade:
    life = Life()
    trade = life.opened()
    life.ledger.wind_down(life.coin, T0 + 2 * S)
    return trade


def test_a_coin_that_went_is_left_at_the_mark_of_what_the_desk_held() -> None:
    """Its own trades are valued every second, phantoms once a minute."""
    life = Life()
    phantom = life.open(make_trade(trade_id=1, kind=TradeKind.PHANTOM))
    own = life.open(make_trade(trade_id=2, kind=TradeKind.PAPER))
    life.book(0.5)
    phantom.mark_px, own.mark_px = 90.0, 95.0
    life.coin.book.mid = 0.0
    life.ledger.wind_down(life.coin, T0 + 2 * S)
    assert own.exit_px == phantom.exit_px == pytest.approx(95.0, rel=0.01)


@pytest.mark.parametrize("ended", [repaired, walked, blind, wound_down])
def test_an_exit_of_which_a_fill_or_its_decision_met_no_book_is_not_split(ended: object) -> None:
    trade = ended()  # type: ignore[operator]
    assert (trade.state, trade.open_lots) == (TradeState.CLOSED, 0)
    assert trade.entry_cost == Cost(0, 100_000) and trade.exit_cost is None


def test_a_part_that_met_no_book_is_not_made_up_for_by_the_next() -> None:
    trade = Life().opened()
    trade.exit_decision_mid = 100.0
    part = Fill(500, 99.99, 499_950_000, 0, 1)
    for mid in (0.0, 100.0):
        sell(trade, part, SOL, T0 + S, mid=mid)
    assert (trade.state, trade.exit_cost) == (TradeState.CLOSED, None)


@pytest.mark.parametrize("sold_in_part", [False, True])
def test_a_trade_that_an_older_version_left_behind_is_not_split(sold_in_part: bool) -> None:
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    if sold_in_part:
        life.book(2.0, bids=[(97.0, 4.0)], asks=[(98.0, 4.0)])
    kept = msgspec.to_builtins(trade)
    for name in ("exit_decision_mid", "entry_cost", "exit_cost"):
        del kept[name]
    after = Life()
    again = msgspec.convert(kept, Trade)
    after.ledger.resume([again])
    after.book(3.0, 97.0)
    assert again.state == TradeState.CLOSED
    assert again.entry_cost is None and again.exit_cost is None


# In half ticks of 0.0001 USD, of which a lot of 0.01 is half a micro-dollar.
MIDS = st.integers(900_000, 1_100_000)
PARTS = st.lists(st.tuples(st.integers(1, 10**6), MIDS, MIDS), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(side=st.sampled_from([BUY, SELL]), mids=st.tuples(MIDS, MIDS, MIDS, MIDS), parts=PARTS)
def test_costs_and_gross_add_up_to_what_the_mids_would_have_made(
    side: int, mids: tuple[int, int, int, int], parts: list[tuple[int, int, int]]
) -> None:
    """To the micro-dollar, though each part is rounded by itself."""
    lots = sum(part[0] for part in parts)
    decided, met, bought, left = mids
    trade = make_trade(side=side, lots=lots, mid=decided / 20_000)

    def fill(count: int, half_ticks: int) -> Fill:
        px = half_ticks // 2 / 10_000
        return Fill(count, px, notional_e6(px, count, SOL.sz_decimals), 0, 1)

    buy(trade, fill(lots, bought), met / 20_000, SOL, T0)
    trade.exit_decision_mid = left / 20_000
    for count, mid, px in parts:
        sell(trade, fill(count, px), SOL, T0, mid=mid / 20_000)
    entry, out = trade.entry_cost, trade.exit_cost
    assert entry is not None and out is not None
    made = trade.gross_e6 + entry.delay_e6 + entry.impact_e6 + out.delay_e6 + out.impact_e6
    assert abs(2 * made - side * (left - decided) * lots) <= len(parts) + 1
    assert abs(2 * entry.delay_e6 - side * (met - decided) * lots) <= 2
    waited = sum(side * (left - mid) * count for count, mid, _ in parts)
    assert abs(2 * out.delay_e6 - waited) <= 2 * len(parts)
