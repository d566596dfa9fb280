from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.decision import BUY, SELL
from market.events import MS_PER_MINUTE, NS_PER_MINUTE, NS_PER_MS, NS_PER_S, Candle, Level
from market.fills import NO_FILL, FillModel, impact_bps, walk
from market.instrument import Instrument
from market.money import MOST_E6, fee_e6, notional_e6
from market.orders import Exit
from market.usual import Rung, Usual
from shadow.ledger.trade import Trade
from tests.support.market import levels, make_instrument
from tests.support.shadow import MODEL, SOL, T0, make_coin, make_trade, minute, put_book

TAKER_E8 = 45_000


@st.composite
def asks(draw: st.DrawFn) -> tuple[Instrument, list[Level]]:
    """A side of a book that obeys the venue's rules: valid prices rising, sizes in whole lots."""
    instrument = make_instrument("X", draw(st.integers(0, 5)))
    px = float(instrument.round_px(draw(st.floats(0.01, 90_000.0)), +1))
    out = []
    for lots in draw(st.lists(st.integers(1, 50_000), max_size=8)):
        out.append(Level(px, instrument.size(lots)))
        px = float(instrument.round_px(px * (1.0 + draw(st.floats(2e-4, 1e-2))), +1))
    return instrument, out


def depth(instrument: Instrument, side: list[Level]) -> int:
    return sum(round(level.sz * 10**instrument.sz_decimals) for level in side)


def test_an_order_takes_the_best_levels_first() -> None:
    side = levels((100.0, 1.0), (101.0, 2.0), (102.0, 5.0))
    fill = walk(side, 250, make_instrument("X", 2), fee_rate_e8=TAKER_E8)
    assert (fill.lots, fill.levels) == (250, 2)
    assert fill.notional_e6 == 100_000_000 + 151_500_000
    assert fill.px == pytest.approx(251.5 / 2.5)
    assert fill.fee_e6 == 113_175


def test_what_the_levels_cannot_give_stays_unfilled() -> None:
    fill = walk(levels((100.0, 1.0)), 250, make_instrument("X", 2), fee_rate_e8=0)
    assert (fill.lots, fill.px, fill.notional_e6) == (100, 100.0, 100_000_000)


@pytest.mark.parametrize("side", [[], levels((100.0, 0.004))])
def test_nothing_to_take_is_no_fill(side: list[Level]) -> None:
    fill = walk(side, 10, make_instrument("X", 2), fee_rate_e8=TAKER_E8)
    assert fill is NO_FILL
    assert not any((fill.lots, fill.px, fill.notional_e6, fill.fee_e6, fill.levels))


def test_no_lots_are_no_fill() -> None:
    assert walk(levels((100.0, 1.0)), 0, make_instrument("X", 2), fee_rate_e8=TAKER_E8) == NO_FILL


@given(asks(), st.integers(1, 500_000))
def test_a_walk_takes_what_is_wanted_or_what_is_there(
    book: tuple[Instrument, list[Level]], lots: int
) -> None:
    instrument, side = book
    fill = walk(side, lots, instrument, fee_rate_e8=TAKER_E8)
    assert fill.lots == min(lots, depth(instrument, side))
    if fill.lots:
        assert side[0].px * (1 - 1e-9) <= fill.px <= side[fill.levels - 1].px * (1 + 1e-9)


@given(asks(), st.integers(0, 200_000), st.integers(0, 200_000))
def test_a_walk_that_skips_goes_on_where_the_first_one_ended(
    book: tuple[Instrument, list[Level]], first: int, second: int
) -> None:
    instrument, side = book
    whole = walk(side, first + second, instrument, fee_rate_e8=0)
    a = walk(side, first, instrument, fee_rate_e8=0)
    b = walk(side, second, instrument, fee_rate_e8=0, skip_lots=first)
    assert a.lots + b.lots == whole.lots
    assert a.notional_e6 + b.notional_e6 == whole.notional_e6
    if a.lots and b.lots:
        assert b.px >= a.px * (1 - 1e-12)


@given(asks(), st.integers(1, 300_000))
def test_walking_leaves_the_book_as_it_was(book: tuple[Instrument, list[Level]], lots: int) -> None:
    instrument, side = book
    before = [(level.px, level.sz) for level in side]
    walk(side, lots, instrument, fee_rate_e8=0, skip_lots=lots // 2)
    assert [(level.px, level.sz) for level in side] == before


@given(asks(), st.integers(1, 300_000), st.integers(1, 300_000))
def test_a_larger_order_pays_no_better_price(
    book: tuple[Instrument, list[Level]], lots: int, more: int
) -> None:
    instrument, side = book
    if not side:
        return
    small = walk(side, lots, instrument, fee_rate_e8=0)
    large = walk(side, lots + more, instrument, fee_rate_e8=0)
    assert large.px >= small.px * (1 - 1e-9)


def test_a_level_of_many_lots_gives_all_of_them() -> None:
    # 2053.5833 × 10^4 is 20535832.999999996 in floats.
    fill = walk(levels((2.0, 2053.5833)), 10**9, make_instrument("X", 4), fee_rate_e8=0)
    assert fill.lots == 20_535_833


def test_impact_is_the_distance_of_the_average_price_from_the_mid() -> None:
    instrument = make_instrument("X", 2)
    side = levels((101.0, 1.0), (103.0, 1.0))
    assert impact_bps(side, 100, instrument, 100.0) == pytest.approx(100.0)
    assert impact_bps(side, 200, instrument, 100.0) == pytest.approx(200.0)
    bids = levels((99.0, 1.0))
    assert impact_bps(bids, 100, instrument, 100.0) == pytest.approx(100.0)


def test_impact_is_unknown_beyond_the_visible_book() -> None:
    instrument = make_instrument("X", 2)
    assert impact_bps(levels((101.0, 1.0)), 101, instrument, 100.0) is None
    assert impact_bps([], 1, instrument, 100.0) is None


@pytest.mark.parametrize("side", [[], levels((101.0, 1.0))])
def test_nothing_has_no_impact(side: list[Level]) -> None:
    assert impact_bps(side, 0, make_instrument("X", 2), 100.0) == 0.0


def test_the_model_is_told_in_the_units_of_a_configuration() -> None:
    model = FillModel.of(latency_ms=400.0, taker_bps=4.5, maker_bps=1.5)
    assert model == FillModel(latency_ns=400_000_000, taker_e8=45_000, maker_e8=15_000)


# The three verbs.


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_entry_takes_the_other_side_of_the_book_and_an_exit_its_own(side: int) -> None:
    coin = make_coin()
    put_book(coin, 100.0, T0, bids=[(99.0, 1.0), (98.0, 9.0)], asks=[(101.0, 2.0), (102.0, 9.0)])
    trade = make_trade(side=side, lots=300)
    asks, bids = ((101.0, 200), (102.0, 100)), ((99.0, 100), (98.0, 200))
    entry, exit_ = (asks, bids) if side == BUY else (bids, asks)
    fill = MODEL.enter(trade, coin.book, SOL)
    assert (fill.lots, fill.levels) == (300, 2)
    assert fill.notional_e6 == sum(notional_e6(px, lots, 2) for px, lots in entry)
    left = MODEL.exit(Exit(8, "SOL", side, 250, 0, T0, "stop"), coin.book, SOL)
    (first, one), (second, _) = exit_
    assert left.lots == 250
    assert left.notional_e6 == notional_e6(first, one, 2) + notional_e6(second, 250 - one, 2)
    assert left.fee_e6 == fee_e6(left.notional_e6, MODEL.taker_e8)


def test_what_an_earlier_order_took_is_not_there_on_the_way_in_or_out() -> None:
    coin = make_coin()
    put_book(coin, 100.0, T0, bids=[(99.0, 1.0), (98.0, 9.0)], asks=[(101.0, 2.0), (102.0, 9.0)])
    trade = make_trade(lots=100, skip_lots=200)
    assert MODEL.enter(trade, coin.book, SOL).px == 102.0
    trade.filled_lots = 100
    assert MODEL.exit(trade, coin.book, SOL).px == 98.0


# Minutes that nobody watched.


def suspended(side: int = BUY, *, gap_s: float = 0.0, horizon_s: float = 1e6) -> Trade:
    """Return a trade with its stop a dollar and its target two dollars from 100."""
    trade = make_trade(side=side, stop=100.0 - side, target=100.0 + 2 * side, horizon_s=horizon_s)
    trade.gap_ns = T0 + round(gap_s * NS_PER_S)
    trade.hi = trade.lo = 100.0
    trade.filled_lots = 100
    return trade


def end_of(candle: Candle) -> int:
    return candle.start_ms * NS_PER_MS + NS_PER_MINUTE


# A book without spread and bottom shows the price that the minute itself allows.
TIGHT = Usual(spread=0.0, seconds=1)


def exit_of(trade: Trade, low: float, high: float, open_: float, close: float) -> tuple[float, str]:
    candle = minute(MS_PER_MINUTE, low, high, open_=open_, close=close)
    found = MODEL.repair(trade, candle, end_of(candle), TIGHT, SOL)
    return (found[0].px, found[1]) if found is not None else (0.0, "")


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize(
    ("adverse", "favourable", "expected"),
    [
        (-0.99, 1.99, (0.0, "")),
        (-1.0, 1.99, (-1.0, "stop")),
        (-5.0, 1.99, (-1.0, "stop")),
        (-0.99, 2.0, (2.0, "target")),
        (-0.99, 9.0, (2.0, "target")),
        # Both within one minute: the stop came first, as far as anyone can prove.
        (-1.0, 2.0, (-1.0, "stop")),
    ],
)
def test_the_worst_that_a_minute_allows(
    side: int, adverse: float, favourable: float, expected: tuple[float, str]
) -> None:
    bounds = sorted((100.0 + side * adverse, 100.0 + side * favourable))
    px, reason = exit_of(suspended(side), bounds[0], bounds[1], 100.0, 100.0)
    distance, why = expected
    assert (px, reason) == ((100.0 + side * distance if why else 0.0), why)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_minute_that_opened_beyond_the_stop_fills_at_its_open(side: int) -> None:
    opened = 100.0 - 3.0 * side
    low, high = sorted((opened, 100.0))
    assert exit_of(suspended(side), low, high, opened, 100.0) == (opened, "stop")


def test_the_open_of_the_minute_in_which_marking_stopped_was_seen_and_is_not_the_exit() -> None:
    # The gap began within this minute, so its opening price came before it.
    trade = suspended(gap_s=75.0)
    assert exit_of(trade, 97.0, 100.0, 97.0, 100.0) == (99.0, "stop")


@pytest.mark.parametrize(
    ("horizon_s", "expected"), [(120.0, (100.4, "horizon")), (120.1, (0.0, ""))]
)
def test_a_horizon_that_ends_within_a_minute_ends_at_its_close(
    horizon_s: float, expected: tuple[float, str]
) -> None:
    assert exit_of(suspended(horizon_s=horizon_s), 99.5, 100.5, 100.0, 100.4) == expected


def test_stop_and_target_come_before_the_horizon() -> None:
    trade = suspended(horizon_s=60.0)
    assert exit_of(trade, 98.0, 100.0, 100.0, 98.5) == (99.0, "stop")
    assert exit_of(trade, 100.0, 103.0, 100.0, 102.5) == (102.0, "target")


def test_without_a_target_the_favourable_side_ends_nothing() -> None:
    trade = make_trade(stop=99.0)
    trade.gap_ns, trade.filled_lots = T0, 100
    assert exit_of(trade, 99.5, 1e6, 100.0, 100.0) == (0.0, "")


def test_a_fill_from_a_candle_takes_all_that_is_held_and_pays_the_taker_s_fee() -> None:
    # 250 lots of 0.01 at 99.5 cost 248.75 dollars; 4.5 bps of them are 0.1119375.
    trade = make_trade(lots=300, stop=99.5)
    trade.filled_lots, trade.exit_lots, trade.gap_ns = 300, 50, T0
    candle = minute(MS_PER_MINUTE, 99.0, 100.0, open_=100.0, close=100.0)
    found = MODEL.repair(trade, candle, end_of(candle), TIGHT, SOL)
    assert found is not None
    fill, reason = found
    assert reason == "stop"
    assert (fill.lots, fill.px) == (250, 99.5)
    assert (fill.notional_e6, fill.fee_e6) == (248_750_000, 111_938)


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("lots", [50, 150, 250])
def test_an_exit_that_nobody_saw_gets_what_a_watched_one_gets_at_its_stop(
    side: int, lots: int
) -> None:
    """The same book, usual in one case and met in the other, around the price of the stop."""
    ladder = [(0.01, 1.0), (0.05, 1.0), (0.30, 9.0)]
    coin, usual = make_coin(), Usual()
    for mid in (200.0, 99.0 if side == BUY else 101.0):
        bids, asks = ([(mid * (1 + s * d / 100), sz) for d, sz in ladder] for s in (-1, 1))
        put_book(coin, mid, T0 + NS_PER_MINUTE, bids=bids, asks=asks)
        usual.see(coin.book, T0 + NS_PER_MINUTE)
    trade = suspended(side)
    trade.filled_lots = lots
    bounds = sorted((100.0, 100.0 - 3 * side))
    candle = minute(MS_PER_MINUTE, bounds[0], bounds[1], open_=100.0, close=100.0)
    found = MODEL.repair(trade, candle, end_of(candle), usual, SOL)
    assert found is not None
    live = MODEL.exit(Exit(8, "SOL", side, lots, 0, T0, "stop"), coin.book, SOL)
    assert live.lots == found[0].lots == lots
    assert found[0].px == pytest.approx(live.px, rel=1e-9)
    assert side * (found[0].px - trade.stop_px) < 0.0


@pytest.mark.parametrize("side", [BUY, SELL])
def test_what_the_usual_book_cannot_hold_goes_at_its_deepest_price(side: int) -> None:
    rungs = [Rung(0.0, 1.0), Rung(0.01, 1.0)]
    usual = Usual(spread=0.002, seconds=1, bids=rungs, asks=rungs)
    fill = MODEL.leave(side, 400, 100.0, usual, SOL)
    best = 100.0 * (1.0 - side * 0.001)
    assert fill.lots == 400
    assert fill.px == pytest.approx((best + 3 * best * (1.0 - side * 0.01)) / 4)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_exit_on_its_way_met_the_worst_of_its_minute(side: int) -> None:
    trade = suspended(side)
    trade.exit_due_ns, trade.exit_reason = T0, "target"
    assert exit_of(trade, 97.0, 103.0, 100.0, 100.0) == (100.0 - 3 * side, "target")


def test_of_a_book_never_seen_a_wide_one_is_assumed() -> None:
    assert MODEL.leave(BUY, 100, 100.0, Usual(), SOL).px == pytest.approx(99.95)


def test_dust_that_rounds_to_no_money_is_no_fill() -> None:
    """Else it would be held at a price of nothing, and something would be divided by it."""
    instrument = make_instrument(5)
    assert walk(levels((1e-6, 0.00001)), 1, instrument, fee_rate_e8=0) == NO_FILL


def test_a_fill_is_worth_ten_billion_at_most() -> None:
    fill = walk(levels((1e8, 1e9)), 10**14, make_instrument(5), fee_rate_e8=45_000)
    assert fill.notional_e6 == MOST_E6
    assert fill.fee_e6 == fee_e6(MOST_E6, 45_000)
