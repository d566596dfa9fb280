from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quant.lyapunov import (
    LENS,
    _divergence_plain,
    _neighbours,
    _neighbours_plain,
    divergence,
    exponent,
    reference,
    shortest,
    slope,
)
from tests.reference import series as made

Array = NDArray[np.float64]
DEFAULTS = (3, 1, 20, 10)
SHAPES = [(3, 1, 20, 10), (10, 1, 10, 20), (3, 2, 15, 10), (5, 1, 1, 7), (1, 1, 0, 5), (2, 7, 3, 2)]
SERIES = {
    "gauss": made.normal(300),
    "walk": np.cumsum(made.normal(300)),
    "logistic": made.logistic(300),
    "t3": made.heavy(300),
    "garch": made.garch(300),
}

shapes = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(0, 12), st.integers(2, 12))


def read(series: Array, shape: tuple[int, int, int, int]) -> float:
    names = ("dim", "lag", "min_tsep", "trajectory_len")
    value = LENS.read(series, dict(zip(names, shape, strict=True))).value
    assert value is not None
    return value


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SERIES)
def test_it_equals_nolds(name: str, shape: tuple[int, int, int, int]) -> None:
    assert read(SERIES[name], shape) == pytest.approx(reference(SERIES[name], *shape), abs=1e-12)


@given(st.integers(0, 2**32 - 1), shapes, st.booleans())
@settings(max_examples=40, deadline=None)
def test_loops_and_arrays_agree(seed: int, shape: tuple[int, int, int, int], coarse: bool) -> None:
    series = made.normal(120, seed)
    if coarse:
        series = np.round(series)
    curve, nearest = divergence(series, *shape)
    plain_curve, plain_nearest = _divergence_plain(series, *shape)
    np.testing.assert_array_equal(nearest, plain_nearest)
    np.testing.assert_allclose(curve, plain_curve, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("series", [np.round(made.normal(90)), np.zeros(90)])
def test_of_equally_near_neighbours_the_earliest_is_taken(series: Array) -> None:
    for found, plain in zip(
        _neighbours(series, 2, 1, 3, 80), _neighbours_plain(series, 2, 1, 3, 80), strict=True
    ):
        np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("size", [1e-145, 1e-90, 1e90, 1e150])
def test_distances_at_the_ends_of_the_range_do_not_overflow(size: float) -> None:
    series = made.normal(200)
    curve, _ = divergence(series * size, *DEFAULTS)
    plain, _ = _divergence_plain(series * size, *DEFAULTS)
    np.testing.assert_allclose(curve, plain, rtol=1e-9)


def test_the_logistic_map_has_the_logarithm_of_two() -> None:
    found = [read(made.logistic(512, 0.1 + 0.037 * s), (2, 1, 1, 6)) for s in range(20)]
    assert np.mean(found) == pytest.approx(math.log(2), abs=0.003)
    assert np.std(found) < 0.01


def test_the_henon_map() -> None:
    found = [read(made.henon(512, 0.01 + 0.013 * s), (2, 1, 10, 8)) for s in range(20)]
    assert np.mean(found) == pytest.approx(0.403, abs=0.015)
    assert np.std(found) == pytest.approx(0.020, abs=0.015)


def test_lorenz_within_a_wide_tolerance() -> None:
    assert read(made.lorenz(2000), (5, 10, 100, 300)) / 0.01 == pytest.approx(0.9056, rel=0.3)


def test_a_sine_does_not_diverge() -> None:
    sine = np.sin(2 * np.pi * np.arange(1024) / 25.3)
    assert abs(read(sine, (5, 6, 30, 20))) < 0.005


def test_noise_diverges_as_the_facts_have_it() -> None:
    """A positive exponent is what noise has: it is no sign of chaos."""
    found = [read(made.normal(512, 100 + s), (3, 1, 20, 20)) for s in range(20)]
    assert min(found) > 0.0
    assert np.mean(found) == pytest.approx(0.042, abs=0.002)


def test_the_slope_is_that_of_least_squares() -> None:
    curve = np.array([0.1, 0.7, 0.4, 1.9, 1.2])
    assert slope(curve) == pytest.approx(tuple(np.polyfit(np.arange(5), curve, 1)), abs=1e-12)


@pytest.mark.parametrize(
    ("series", "why"),
    [
        (np.full(200, 3.0), "only 1 distinct"),
        (np.arange(200.0), "straight line"),
        (np.arange(200.0) * 0.1 + 60_000.0, "straight line"),
        (np.round(made.normal(200) * 2), "distinct values"),
        (np.sin(2 * np.pi * np.arange(512) / 25), "only 25 distinct"),
        (np.concatenate([np.zeros(150), made.normal(60)]), "at distance zero"),
        (made.normal(51), "needs 53 values, got 51"),
        (np.array([]), "empty"),
        (np.where(np.arange(200) == 70, np.nan, made.normal(200)), "not finite"),
    ],
)
def test_it_abstains_and_says_why(series: Array, why: str) -> None:
    reading = LENS.read(series)
    assert reading.value is None
    assert why in reading.flags[0]


def test_repeats_up_to_rounding_are_flagged() -> None:
    reading = LENS.read(np.sin(2 * np.pi * np.arange(512) / 25.3))
    assert reading.value is not None
    assert "periodic" in reading.flags[0]


@pytest.mark.parametrize("shape", [(0, 1, 1, 5), (2, 0, 1, 5), (2, 1, -1, 5), (2, 1, 1, 1)])
def test_parameters_without_sense_are_refused(shape: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="lyapunov needs"):
        shortest(*shape)


def test_one_value_less_than_needed_is_too_few() -> None:
    needed = shortest(*DEFAULTS)
    assert LENS.read(made.normal(needed - 1)).value is None
    with pytest.warns(RuntimeWarning, match=f"{needed} data"), pytest.raises(ValueError):
        reference(made.normal(needed - 1), *DEFAULTS)


def test_the_shortest_series_is_what_nolds_accepts() -> None:
    few = made.normal(shortest(3, 1, 25, 10))
    assert read(few, (3, 1, 25, 10)) == pytest.approx(reference(few, 3, 1, 25, 10), abs=1e-12)


@given(st.integers(0, 10**6), st.integers(-30, 30), st.integers(-1000, 1000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_unit_level_and_sign_do_not_matter(
    seed: int, power: int, level: int, flipped: bool
) -> None:
    """On the grid of the series all three are exact, and so are the distances."""
    series = made.garch(150, seed)
    moved = (-series if flipped else series) * 2.0**power + level * 2.0**power
    assert exponent(moved, *DEFAULTS) == pytest.approx(exponent(series, *DEFAULTS), abs=1e-9)


@given(st.integers(60, 200), st.floats(-1e9, 1e9))
@settings(max_examples=30, deadline=None)
def test_what_comes_after_the_window_is_not_seen(size: int, later: float) -> None:
    series = made.garch(200, 5)
    longer = np.full(300, later)
    longer[:size] = series[:size]
    assert exponent(longer[:size], *DEFAULTS) == exponent(series[:size].copy(), *DEFAULTS)


def test_the_exponent_for_surrogates_is_that_of_the_lens() -> None:
    series = made.garch(256)
    assert exponent(series, *DEFAULTS) == LENS.read(series).value
    assert math.isnan(exponent(np.zeros(256), *DEFAULTS))
    assert math.isnan(exponent(np.arange(256.0), *DEFAULTS))
    assert math.isnan(exponent(series[:40], *DEFAULTS))


def test_the_curve_begins_at_its_intercept() -> None:
    measures = LENS.read(
        made.logistic(512), {"dim": 2, "min_tsep": 1, "trajectory_len": 6}
    ).measures
    assert len(measures["curve"]) == 6
    assert measures["curve"][0] == pytest.approx(measures["intercept"], abs=0.1)
