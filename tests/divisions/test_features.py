from __future__ import annotations

from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divisions.features import mean_and_deviation, true_range_mean
from market.bars import Series
from tests.support.market import MINUTE_MS, START_MS, candle


def series_of(*bars: tuple[float, float, float]) -> Series:
    """Return a series from (high, low, close)."""
    series = Series(MINUTE_MS)
    for i, (high, low, close) in enumerate(bars):
        series.append(candle(START_MS + i * MINUTE_MS, close, high=high, low=low))
    return series


def test_the_true_range_reaches_back_to_the_close_before() -> None:
    # Within its own bar 2; from a gap up 12 - 8; from a gap down 11 - 4.
    series = series_of((9, 7, 8), (9, 7, 8), (12, 10, 11), (6, 4, 5))
    assert true_range_mean(series, 1) == 7.0
    assert true_range_mean(series, 2) == 5.5
    assert true_range_mean(series, 3) == pytest.approx(13 / 3)


def test_bars_that_do_not_move_have_no_range() -> None:
    assert true_range_mean(series_of(*[(5.0, 5.0, 5.0)] * 9), 8) == 0.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_the_deviation_is_that_of_a_population(values: list[float]) -> None:
    mean, deviation = mean_and_deviation(values)
    assert mean == pytest.approx(fmean(values), abs=1e-6)
    assert deviation == pytest.approx(pstdev(values), abs=1e-6)
