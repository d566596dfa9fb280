from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.local.exchange.state.decimals import TOO_FINE, halved, read, text, usd


@given(st.integers(0, 10**30), st.integers(0, 8))
def test_what_is_written_reads_the_same(units: int, decimals: int) -> None:
    assert read(text(units, decimals), decimals) == units


@pytest.mark.parametrize(
    ("given_text", "found"),
    [("1", 100), ("1.", 100), (".5", 50), ("1.250", 125), ("01.20", 120), ("1.255", TOO_FINE),
     ("", None), (".", None), ("-1", None), ("1e3", None), ("٣", None), ("1" * 41, None),
     ("1_0", None), (" 1", None), ("nan", None)],
)  # fmt: skip
def test_only_plain_decimals_are_read(given_text: str, found: int | None) -> None:
    assert read(given_text, 2) == found


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**9))
def test_halves_go_to_the_even_side(top: int, bottom: int) -> None:
    assert halved(top, bottom) == round(Fraction(top, bottom))


def test_money_is_written_without_needless_zeros() -> None:
    assert [usd(n) for n in (0, 1, -1, 1_500_000, -23_641_650)] == [
        "0.0", "0.000001", "-0.000001", "1.5", "-23.64165",
    ]  # fmt: skip
