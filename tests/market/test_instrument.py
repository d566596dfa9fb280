from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.instrument import MIN_NOTIONAL_E6, Instrument, format_decimal, instruments_from_meta
from tests.support.market import kept_universe, make_instrument, recorded_universe

DECIMALS = range(7)
prices = st.one_of(
    st.floats(1e-6, 1e6),
    st.tuples(st.integers(1, 999_999), st.integers(-6, 0)).map(lambda p: p[0] * 10.0 ** p[1]),
)


def obeys_the_rule(px: Decimal, sz_decimals: int) -> bool:
    """The documented rule, read off the digits."""
    whole, _, fraction = f"{px:f}".partition(".")
    fraction = fraction.rstrip("0")
    if not fraction:
        return px > 0
    figures = (whole + fraction).lstrip("0")
    return px > 0 and len(figures) <= 5 and len(fraction) <= 6 - sz_decimals


def neighbours(px: float, sz_decimals: int) -> tuple[Decimal | None, Decimal]:
    """The valid prices at or below and at or above, searched for on every grid of decimals."""
    exact = Decimal(repr(px))
    below, above = [], []
    for places in range(7):
        unit = Decimal(1).scaleb(-places)
        floor = exact // unit * unit
        ceiling = floor if floor == exact else floor + unit
        below += [floor] if obeys_the_rule(floor, sz_decimals) else []
        above += [ceiling] if obeys_the_rule(ceiling, sz_decimals) else []
    return max(below, default=None), min(above)


def assert_rounds_well(instrument: Instrument, px: float) -> None:
    exact = Decimal(repr(px))
    below, above = neighbours(px, instrument.sz_decimals)
    assert instrument.round_px(px, +1) == above
    if below is None:
        with pytest.raises(ValueError, match="rounds to no valid price"):
            instrument.round_px(px, -1)
        below = Decimal(0)
    else:
        assert instrument.round_px(px, -1) == below
    if not below and exact * 2 <= above:
        with pytest.raises(ValueError, match="rounds to no valid price"):
            instrument.round_px(px)
    else:
        nearest = instrument.round_px(px)
        assert nearest in (below, above)
        assert abs(nearest - exact) == min(exact - below, above - exact)


@pytest.mark.parametrize(
    ("sz_decimals", "px", "valid"),
    [
        (1, "1234.5", True),
        (1, "1234.56", False),
        (0, "0.001234", True),
        (0, "0.0012345", False),
        (1, "0.01234", True),
        (1, "0.012345", False),
        (5, "123456", True),
        (1, "12345.6", False),
        (5, "60000.5", False),
        (0, "0.000001", True),
        (0, "0.0000001", False),
        (6, "7", True),
        (6, "7.1", False),
        (0, "0", False),
        (0, "-1", False),
        (0, "NaN", False),
        (0, "Infinity", False),
        (5, "1E+5", True),
        (1, "1234.50000", True),
    ],
)
def test_the_tick_rule_of_the_documentation(sz_decimals: int, px: str, valid: bool) -> None:
    assert make_instrument("X", sz_decimals).is_valid_px(Decimal(px)) is valid


@given(
    st.integers(0, 6),
    st.tuples(st.integers(1, 10**8), st.integers(-8, 2)).map(lambda p: Decimal(p[0]).scaleb(p[1])),
)
def test_validity_is_the_documented_rule_for_any_decimal(sz_decimals: int, px: Decimal) -> None:
    assert make_instrument("X", sz_decimals).is_valid_px(px) is obeys_the_rule(px, sz_decimals)


@given(st.integers(0, 6), prices)
@example(0, 0.99999749)
@example(2, 9999.96)
@example(5, 99999.5)
@example(0, 1e-6)
@example(6, 0.5)
@example(6, 0.4)
@settings(max_examples=300)
def test_a_rounded_price_is_the_valid_one_nearest_below_or_above(
    sz_decimals: int, px: float
) -> None:
    assert_rounds_well(make_instrument("X", sz_decimals), px)


@given(st.integers(0, 6), prices, st.sampled_from([-1, 0, 1]))
def test_rounding_is_idempotent(sz_decimals: int, px: float, toward: int) -> None:
    instrument = make_instrument("X", sz_decimals)
    try:
        once = instrument.round_px(px, toward)
    except ValueError:
        return
    for again in (-1, 0, 1):
        assert instrument.round_px(float(once), again) == once


def price_sweep() -> Iterator[float]:
    """Six prices a decade from 1e-6 to 1e6: round ones, odd ones, and one step off a decade."""
    for power in range(-6, 7):
        for figures in (1.0, 1.00005, 1.234567891, 2.5, 4.99995, 9.999951):
            yield figures * 10.0**power


@pytest.mark.parametrize("source", [kept_universe, recorded_universe])
def test_every_listed_instrument_rounds_every_price_well(source: Any) -> None:
    instruments = instruments_from_meta(source())
    assert len(instruments) >= 50
    rules = {instrument.sz_decimals: instrument for instrument in instruments.values()}
    assert len(rules) >= 5, "the universe is to hold most sizes of lot"
    for instrument in rules.values():
        for px in price_sweep():
            assert_rounds_well(instrument, px)
    for instrument in instruments.values():
        for px in (0.0123456, 3.14159265, 98765.4321):
            assert obeys_the_rule(instrument.round_px(px, +1), instrument.sz_decimals)


@pytest.mark.parametrize("source", [kept_universe, recorded_universe])
def test_every_row_of_a_real_universe_is_understood(source: Any) -> None:
    rows = source()
    instruments = instruments_from_meta(rows)
    assert len(instruments) == len(rows)
    for index, row in enumerate(rows):
        instrument = instruments[row["name"]]
        assert (instrument.coin, instrument.index) == (row["name"], index)
        assert instrument.sz_decimals == row["szDecimals"]
        assert instrument.max_leverage == row["maxLeverage"]
        assert instrument.is_delisted is bool(row.get("isDelisted", False))


def test_an_order_is_worth_ten_dollars_at_least() -> None:
    assert MIN_NOTIONAL_E6 == 10 * 10**6


def test_junk_rows_are_skipped_and_do_not_shift_the_asset_ids() -> None:
    rows: list[dict[str, object]] = [
        {"szDecimals": 2, "maxLeverage": 3},
        {"name": None, "szDecimals": 2},
        {"name": "TEXT", "szDecimals": "2"},
        {"name": "MANY", "szDecimals": 7},
        {"name": "LESS", "szDecimals": -1},
        {},
        {"name": "GOOD", "szDecimals": 3, "maxLeverage": 20, "isDelisted": True},
        {"name": "BARE", "szDecimals": 0, "maxLeverage": "x", "isDelisted": "no"},
        {"name": "FINE", "szDecimals": 6, "maxLeverage": 3},
    ]
    assert instruments_from_meta(rows) == {
        "GOOD": Instrument("GOOD", 6, 3, 20, True),
        "BARE": Instrument("BARE", 7, 0, 1, False),
        "FINE": Instrument("FINE", 8, 6, 3, False),
    }


@given(st.integers(0, 6), st.integers(0, 10**13))
@example(4, 20_535_833)
@example(2, 29)
@settings(max_examples=300)
def test_lots_survive_being_told_as_a_size(sz_decimals: int, lots: int) -> None:
    instrument = make_instrument("X", sz_decimals)
    assert instrument.lots(instrument.size(lots)) == lots
    text = instrument.format_size(lots)
    assert Decimal(text) == Decimal(lots).scaleb(-sz_decimals)
    assert instrument.lots(float(text)) == lots


@given(st.integers(0, 6), st.integers(0, 10**9), st.integers(1, 999))
def test_a_part_of_a_lot_is_dropped(sz_decimals: int, lots: int, thousandths: int) -> None:
    instrument = make_instrument("X", sz_decimals)
    size = (Decimal(lots) + Decimal(thousandths) / 1000).scaleb(-sz_decimals)
    assert instrument.lots(float(size)) == lots


@given(st.integers(0, 6), st.integers(0, 10**12))
def test_a_size_is_signed_without_exponent_or_trailing_zeros(sz_decimals: int, lots: int) -> None:
    text = make_instrument("X", sz_decimals).format_size(lots)
    assert "e" not in text.lower()
    whole, point, fraction = text.partition(".")
    assert whole.isdigit()
    assert not point or (fraction.isdigit() and not fraction.endswith("0"))
    assert len(fraction) <= sz_decimals


@given(st.integers(0, 6), st.integers(1, 10**12), st.floats(1e-4, 1e5))
def test_lots_for_a_notional_are_the_most_it_pays_for(
    sz_decimals: int, notional_e6: int, px: float
) -> None:
    instrument = make_instrument("X", sz_decimals)
    lots = instrument.lots_for(float(notional_e6), px)
    lot_e6 = px * 1e6 / 10**sz_decimals
    assert lots * lot_e6 <= notional_e6 * (1 + 1e-12) + lot_e6 * 1e-8
    assert (lots + 1) * lot_e6 > notional_e6


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+2", "100"), ("1.500", "1.5"), ("100", "100"), ("0E-5", "0"), ("0.00010", "0.0001")],
)
def test_a_decimal_is_written_the_way_orders_are_signed(value: str, text: str) -> None:
    assert format_decimal(Decimal(value)) == text


@pytest.mark.parametrize("decimals", [True, 7, -1, 2.0, "2", None])
def test_an_instrument_without_a_number_of_decimals_is_none(decimals: Any) -> None:
    assert instruments_from_meta([{"name": "BTC", "szDecimals": decimals}]) == {}


@pytest.mark.parametrize("leverage", [True, 0, -5, 2**70, "40", 2.5, None, 1001])
def test_a_leverage_that_means_nothing_is_one(leverage: Any) -> None:
    row = {"name": "BTC", "szDecimals": 5, "maxLeverage": leverage}
    assert instruments_from_meta([row])["BTC"].max_leverage == 1


@pytest.mark.parametrize("name", ["", "X" * 65])
def test_a_name_is_neither_empty_nor_endless(name: str) -> None:
    assert instruments_from_meta([{"name": name, "szDecimals": 5}]) == {}
