from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.instrument import Instrument
from venue.local.market.ticks import rate_text, text_of, tick_of, ticks_of, units_of

units = st.integers(1, 10**9)
decimals = st.integers(0, 6)


@given(units, decimals)
def test_a_multiple_of_the_tick_is_a_valid_price(amount: int, places: int) -> None:
    instrument = Instrument("X", 0, 6 - places, 10)
    tick = tick_of(amount, places)
    price = Decimal(amount // tick * tick).scaleb(-places)
    assert price == 0 or instrument.is_valid_px(price)


@given(units, decimals)
def test_the_tick_is_the_finest_that_the_venue_allows(amount: int, places: int) -> None:
    instrument = Instrument("X", 0, 6 - places, 10)
    tick = tick_of(amount, places)
    if tick > 1:
        finer = Decimal(amount // tick * tick + tick // 10).scaleb(-places)
        assert not instrument.is_valid_px(finer)


@given(st.lists(units, min_size=1, max_size=20), decimals)
def test_arrays_have_the_same_ticks(amounts: list[int], places: int) -> None:
    expected = [tick_of(amount, places) for amount in amounts]
    assert ticks_of(np.array(amounts), places).tolist() == expected


@given(st.integers(-(10**12), 10**12), st.integers(0, 8))
def test_text_is_the_exact_number_with_a_point(amount: int, places: int) -> None:
    text = text_of(amount, places)
    assert Decimal(text) == Decimal(amount).scaleb(-places)
    assert "e" not in text
    whole, _, fraction = text.partition(".")
    assert whole and fraction and (fraction == "0" or not fraction.endswith("0"))
    assert units_of(text, places) == amount


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0000125, "0.0000125"),
        (-0.00000151861, "-0.0000015186"),
        (-1e-12, "0.0"),
        (0.0, "0.0"),
        (965843.7286, "965843.7286"),
        (-2.5, "-2.5"),
    ],
)
def test_rates_are_written_like_the_venue_does(value: float, text: str) -> None:
    assert rate_text(value) == text
