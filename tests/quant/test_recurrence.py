from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quant.recurrence import (
    _bound,
    _collect,
    _nearest,
    _recurrences_plain,
    _select,
    diagonals,
    distances,
    recurrences,
)
from tests.reference import series as made


@given(
    st.integers(0, 2**32 - 1),
    st.integers(30, 90),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from([0.01, 0.05, 0.3, 0.95]),
    st.sampled_from([0.0, 1e-3, 0.4, 3.0, 1e3]),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.5, 4.0]),
)
@settings(max_examples=120, deadline=None)
def test_loops_and_arrays_agree(
    seed: int,
    n: int,
    dim: int,
    lag: int,
    rate: float,
    threshold: float,
    theiler: int,
    coarse: float,
) -> None:
    series = made.walk(n, seed)
    if coarse:
        series = np.round(series / coarse)
    eps, diagonal, vertical = recurrences(series, dim, lag, rate, threshold, theiler)
    plain, lines, columns = _recurrences_plain(series, dim, lag, rate, threshold, theiler)
    assert eps == plain
    np.testing.assert_array_equal(diagonal, lines)
    np.testing.assert_array_equal(vertical, columns)
    if not threshold:
        alone = diagonals(series, dim, lag, rate, theiler)
        np.testing.assert_array_equal(alone, lines)


def counted_by_hand(near: NDArray[np.bool_], theiler: int) -> tuple[list[int], list[int]]:
    """Return lengths of diagonal lines above the main diagonal and of vertical ones, sorted."""
    n = len(near)
    lines = [["1" if near[i, i + d] else "0" for i in range(n - d)] for d in range(theiler, n)]
    columns = [["1" if near[i, j] else "0" for i in range(n)] for j in range(n)]
    diagonal, vertical = (
        sorted(len(run) for line in side for run in "".join(line).split("0") if run)
        for side in (lines, columns)
    )
    return diagonal, vertical


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 4), st.floats(0.01, 3.0))
@settings(max_examples=30, deadline=None)
def test_lines_are_what_one_sees(seed: int, dim: int, theiler: int, threshold: float) -> None:
    series = made.walk(25, seed)
    _, diagonal, vertical = recurrences(series, dim, 2, 0.1, threshold, theiler)
    lines, columns = counted_by_hand(distances(series, dim, 2) <= threshold, theiler)
    assert np.repeat(np.arange(len(diagonal)), diagonal).tolist() == lines
    assert np.repeat(np.arange(len(vertical)), vertical).tolist() == columns


@pytest.mark.parametrize("theiler", [1, 7])
@pytest.mark.parametrize("rate", [0.001, 0.05, 0.5, 0.999])
def test_the_threshold_is_the_smallest_that_gives_the_rate(rate: float, theiler: int) -> None:
    series = made.heavy(150)
    eps, diagonal, _ = recurrences(series, 3, 1, rate, 0.0, theiler)
    far = distances(series, 3, 1)
    pairs = far[np.triu_indices(len(far), theiler)]
    assert np.mean(pairs <= eps) >= rate > np.mean(pairs < eps - 2e-9 * np.ptp(series))
    assert diagonal @ np.arange(len(diagonal)) == np.sum(pairs <= eps)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_selection_is_the_order_statistic(values: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(values) - 1))
    assert _select(np.array(values, float), k) == sorted(values)[k]


@pytest.mark.parametrize("within", [0.0, 0.05, 0.3, np.inf])
@pytest.mark.parametrize("theiler", [1, 4])
def test_a_bound_that_is_too_low_is_noticed(within: float, theiler: int) -> None:
    series = made.garch(80)
    far = distances(series, 3, 1)
    pairs = np.sort(far[np.triu_indices(78, theiler)])
    eps, found, where = _nearest(series, 3, 1, theiler, 150, within)
    assert eps == pairs[149] + 1e-9 * np.ptp(series)
    near = where[found <= eps]
    assert (np.diff(where) > 0).all()
    assert [far[i, i + by] for by, i in zip(near // 78, near % 78, strict=True)] == found[
        found <= eps
    ].tolist()
    assert len(near) == np.sum(far[np.triu_indices(78, 1)] <= eps)


def test_the_bound_collects_little_more_than_the_rate() -> None:
    series = made.garch(512)
    found, _ = _collect(series, 3, 1, _bound(series, 3, 1, 1, 0.05))
    assert 0.05 < len(found) / (510 * 509 / 2) < 0.11
