from __future__ import annotations

import pytest

from venue.hyperliquid.bounds import is_amount, is_bearable, rate

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("px", "size", "bearable"),
    [
        (1e-6, 1e-6, True),
        (100_000.0, 1e8, True),
        (100_000.0, 1.1e8, False),
        (9.9e-7, 1.0, False),
        (1e9, 1.0, False),
        (1.0, 9e-7, False),
        (1e-2, 1e15, False),
        (NAN, 1.0, False),
        (1.0, NAN, False),
        (INF, 1.0, False),
        (-1.0, 1.0, False),
    ],
)
def test_a_price_and_a_size_have_a_product(px: float, size: float, bearable: bool) -> None:
    assert is_bearable(px, size) is bearable


@pytest.mark.parametrize(
    ("value", "sound"), [(0.0, True), (1e-6, True), (1e-320, False), (1e15, False), (NAN, False)]
)
def test_an_amount_is_none_or_large_enough_to_divide_by(value: float, sound: bool) -> None:
    assert is_amount(value) is sound


@pytest.mark.parametrize(
    ("given", "taken"), [(1e-12, 1e-12), (-1e-12, -1e-12), (9e-13, 0.0), (-1e-320, 0.0)]
)
def test_a_rate_next_to_nothing_is_nothing(given: float, taken: float) -> None:
    assert rate(given) == taken
