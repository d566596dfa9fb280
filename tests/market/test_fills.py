from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.events import Level
from market.fills import NO_FILL, FillModel, impact_bps, walk
from market.instrument import Instrument
from tests.support.market import levels, make_instrument

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
