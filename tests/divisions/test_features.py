from __future__ import annotations

from math import log
from statistics import fmean, pstdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from divisions.features import (
    line_fit,
    log_returns,
    mean_and_deviation,
    root_mean_square,
    true_range_mean,
)
from market.series import Series
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


def test_log_returns_are_the_last_ones_oldest_first() -> None:
    assert log_returns([50.0, 100.0, 200.0, 100.0], 2) == pytest.approx([log(2.0), -log(2.0)])


def test_the_root_mean_square_is_the_deviation_from_zero() -> None:
    assert root_mean_square([3.0, -4.0, 0.0, 0.0]) == pytest.approx(2.5)


def test_a_line_is_fitted_as_numpy_does() -> None:
    rng = np.random.default_rng(1)
    x, noise = rng.normal(5.0, 2.0, 40), rng.normal(0.0, 1.0, 40)
    y = 3.0 - 0.7 * x + noise
    (slope, base), cov = np.polyfit(x, y, 1, cov=True)
    found = line_fit([float(v) for v in x], [float(v) for v in y])
    assert found == pytest.approx((base, slope, slope / np.sqrt(cov[0, 0])))


def test_a_line_without_noise_or_without_width_has_no_t() -> None:
    assert line_fit([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]) == pytest.approx((0.0, 2.0, 0.0))
    assert line_fit([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) == (2.0, 0.0, 0.0)
    assert line_fit([1.0, 2.0, 3.0], [5.0, 5.0, 5.0]) == (5.0, 0.0, 0.0)
