from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from market.instrument import Instrument
from market.money import (
    bearable_e6,
    bps_to_e8,
    decimal_of,
    divide_half_even,
    fee_e6,
    format_usd,
    funding_e6,
    notional_e6,
)
from tests.support.market import make_instrument

lots = st.integers(1, 10**9)
sz_decimals = st.integers(0, 6)


def nearest_even(value: Fraction) -> int:
    """Python's own rounding of an exact fraction: ties to even."""
    return round(value)


def valid_px(instrument: Instrument, rough: float) -> float:
    return float(instrument.round_px(rough, +1))


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(1, 2, 0), (3, 2, 2), (5, 2, 2), (-1, 2, 0), (-3, 2, -2), (-5, 2, -2), (7, 3, 2), (8, 3, 3)],
)
def test_ties_go_to_the_even_neighbour(numerator: int, denominator: int, quotient: int) -> None:
    assert divide_half_even(numerator, denominator) == quotient


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12))
def test_division_rounds_like_an_exact_fraction(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == nearest_even(
        Fraction(numerator, denominator)
    )


@given(sz_decimals, st.floats(1e-6, 1e6), lots)
@example(0, 9999.9, 10**9)
@example(5, 99_999.0, 1)
def test_the_notional_of_a_valid_price_is_exact(decimals: int, rough: float, size: int) -> None:
    px = valid_px(make_instrument("X", decimals), rough)
    exact = decimal_of(px) * size * 10 ** (6 - decimals)
    assert exact == exact.to_integral_value(), "a valid price leaves no part of a micro-dollar"
    assert notional_e6(px, size, decimals) == int(exact)


@given(sz_decimals, st.floats(1e-3, 1e5), st.integers(0, 20), st.integers(1, 10**6))
def test_the_notional_at_a_mid_is_rounded_half_even_once(
    decimals: int, rough: float, steps: int, size: int
) -> None:
    instrument = make_instrument("X", decimals)
    bid = instrument.round_px(rough, +1)
    ask = instrument.round_px(float(bid) * (1.0 + steps * 1e-4), +1)
    mid = (bid + ask) / 2
    assume(decimal_of(float(mid)) == mid)
    with localcontext() as context:
        context.prec = 60
        exact = mid * size * 10 ** (6 - decimals)
        expected = int(exact.to_integral_value(ROUND_HALF_EVEN))
    assert notional_e6(float(mid), size, decimals) == expected


@pytest.mark.parametrize(
    ("px", "size", "decimals", "notional"),
    [
        (1.00005, 10_000, 2, 100_005_000),
        (60_000.004, 1_000_000, 5, 600_000_040_000),
        (0.1234567, 100, 1, 1_234_567),
        (0.12345675, 10, 0, 1_234_568),
        (0.12345665, 10, 0, 1_234_566),
    ],
)
def test_the_notional_of_a_price_off_the_grid_is_rounded_half_even_once(
    px: float, size: int, decimals: int, notional: int
) -> None:
    assert notional_e6(px, size, decimals) == notional


@given(sz_decimals, st.floats(1e-6, 1e6), lots, lots)
def test_notionals_of_parts_add_up(decimals: int, rough: float, first: int, second: int) -> None:
    px = valid_px(make_instrument("X", decimals), rough)
    whole = notional_e6(px, first + second, decimals)
    assert notional_e6(px, first, decimals) + notional_e6(px, second, decimals) == whole


@given(st.integers(0, 10**15), st.integers(-30_000, 100_000))
def test_a_fee_is_the_rate_of_the_notional_rounded_once(notional: int, rate_e8: int) -> None:
    assert fee_e6(notional, rate_e8) == nearest_even(Fraction(notional * rate_e8, 10**8))


def test_the_default_taker_fee_on_a_thousand_dollars() -> None:
    assert fee_e6(1_000_000_000, bps_to_e8(4.5)) == 450_000
    assert fee_e6(1_000_000_000, bps_to_e8(1.5)) == 150_000


def test_a_rebate_is_a_negative_fee() -> None:
    assert fee_e6(1_000_000_000, bps_to_e8(-0.1)) == -10_000


@pytest.mark.parametrize(
    ("bps", "rate_e8"), [(4.5, 45_000), (1.5, 15_000), (-0.3, -3_000), (0.0, 0), (0.57, 5_700)]
)
def test_basis_points_become_whole_units(bps: float, rate_e8: int) -> None:
    assert bps_to_e8(bps) == rate_e8


@pytest.mark.parametrize(
    ("side", "rate", "paid_e6"),
    [
        (1, 0.0000125, 1_250_000),
        (-1, 0.0000125, -1_250_000),
        (1, -0.0000125, -1_250_000),
        (-1, -0.0000125, 1_250_000),
    ],
)
def test_longs_pay_a_positive_rate_and_shorts_receive_it(
    side: int, rate: float, paid_e6: int
) -> None:
    # One BTC at an oracle of 100,000 USD.
    assert funding_e6(side, 100_000.0, 10**5, 5, rate) == paid_e6


@given(
    st.sampled_from([1, -1]),
    st.decimals("0.0001", "200000", places=4),
    lots,
    sz_decimals,
    st.decimals("-0.04", "0.04", places=10),
)
def test_funding_is_rounded_half_even_once(
    side: int, oracle: Decimal, size: int, decimals: int, rate: Decimal
) -> None:
    exact = side * Fraction(oracle) * Fraction(size, 10**decimals) * Fraction(rate) * 10**6
    paid = funding_e6(side, float(oracle), size, decimals, float(rate))
    assert paid == nearest_even(exact)
    assert funding_e6(-side, float(oracle), size, decimals, float(rate)) == -paid


@given(
    sz_decimals,
    st.floats(1e-3, 1e5),
    st.floats(0.5, 2.0),
    st.lists(st.integers(1, 10**6), min_size=1, max_size=6),
    st.integers(0, 100_000),
)
def test_net_is_gross_less_fees_exactly_however_a_trade_is_split(
    decimals: int, rough: float, change: float, parts: list[int], rate_e8: int
) -> None:
    instrument = make_instrument("X", decimals)
    entry, leave = valid_px(instrument, rough), valid_px(instrument, rough * change)
    net = 0
    for size in parts:
        bought, sold = notional_e6(entry, size, decimals), notional_e6(leave, size, decimals)
        net += sold - bought - fee_e6(bought, rate_e8) - fee_e6(sold, rate_e8)
    gross = Fraction(decimal_of(leave) - decimal_of(entry)) * sum(parts) * 10 ** (6 - decimals)
    turnover = Fraction(decimal_of(leave) + decimal_of(entry)) * sum(parts) * 10 ** (6 - decimals)
    # One rounding a fee, two fees a part, and nothing else.
    assert abs(gross - turnover * rate_e8 / 10**8 - net) <= len(parts)


@pytest.mark.parametrize(
    ("amount_e6", "text"),
    [(-1_234_560_000, "-1,234.56"), (0, "0.00"), (10_000_000, "10.00"), (1_999_999, "2.00")],
)
def test_an_amount_is_shown_in_dollars_and_cents(amount_e6: int, text: str) -> None:
    assert format_usd(amount_e6) == text


@pytest.mark.parametrize(
    ("amount", "bearable"),
    [(0, 0), (-5, -5), (10**16, 10**16), (10**16 + 1, 10**16), (-(10**30), -(10**16))],
)
def test_an_amount_saturates_before_it_leaves_64_bits(amount: int, bearable: int) -> None:
    assert bearable_e6(amount) == bearable
