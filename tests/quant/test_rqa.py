from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quant.recurrence import recurrences
from quant.rqa import FIGURES, LENS, _figures, _figures_plain, determinism, quantify
from tests.reference import series as made

Array = NDArray[np.float64]

# What pyunicorn 1.0.0 says of 256 values of each series (`make reference` runs it): series, dim,
# lag, threshold; its measures; how often each length 1, 2, … occurs on the diagonals above the
# main one, and on the verticals.
PYUNICORN = {
    "garch": (
        (made.garch(256), 3, 1, 0.7000732421875),
        [0.160921321843, 0.789494470773, 3.193290734812, 13, 1.507548494670],
        [0.575611635522, 2.954028670277],
        "1066 572 322 160 83 53 25 13 14 5 1 3 1",
        "4406 1033 524 226 102 74 36 25 2 1",
    ),
    "walk": (
        (made.walk(256), 2, 3, 1.5001220703125),
        [0.105750753800, 0.755064456721, 3.182406209553, 20, 1.398308212196],
        [0.863495346431, 3.788075178200],
        "798 478 108 63 44 21 15 10 11 5 3 5 2 2 2 1 1 1 0 1",
        "924 514 326 301 205 67 53 27 23 4 3 9 2 1 0 0 0 1 1 0 0 0 0 0 0 6",
    ),
    "heavy": (
        (made.heavy(256), 1, 1, 0.1002197265625),
        [0.048950195312, 0.084010840108, 1.999999999839, 2, 0.0],
        [0.102244389027, 2.075949366957],
        "1352 62",
        "2880 146 12",
    ),
}


def trimmed(counts: NDArray[np.int64]) -> str:
    return " ".join(map(str, counts[1 : int(np.flatnonzero(counts)[-1]) + 1]))


@pytest.mark.parametrize("name", PYUNICORN)
def test_lines_are_counted_as_pyunicorn_counts_them(name: str) -> None:
    (series, dim, lag, threshold), _, _, diagonal, vertical = PYUNICORN[name]
    eps, ours, columns = recurrences(series, dim, lag, 0.05, threshold, 1)
    assert eps == threshold
    assert trimmed(ours) == diagonal
    assert trimmed(columns) == vertical


@pytest.mark.parametrize("name", PYUNICORN)
def test_the_measures_are_those_of_pyunicorn(name: str) -> None:
    """It adds 1e-8 to its denominators, hence the tolerance."""
    (series, dim, lag, threshold), diagonals, verticals, _, _ = PYUNICORN[name]
    reading = LENS.read(series, {"dim": dim, "lag": lag, "threshold": threshold})
    assert reading.value == reading.measures["det"]
    ours = [reading.measures[measure] for measure in FIGURES]
    assert ours == pytest.approx(diagonals + verticals, abs=5e-9)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.10])
def test_independent_values_have_the_determinism_of_their_rate(rate: float) -> None:
    measures = LENS.read(made.normal(1000), {"dim": 1, "recurrence_rate": rate}).measures
    assert measures["det"] == pytest.approx(1 - (1 - rate) ** 2, rel=0.10)
    assert measures["l_mean"] == pytest.approx((2 - rate) / (1 - rate), rel=0.01)


@pytest.mark.parametrize(("period", "lag"), [(10, 2), (40, 10), (50, 12), (100, 25)])
def test_a_sine_unfolded_is_all_lines(period: int, lag: int) -> None:
    sine = np.sin(2 * np.pi * np.arange(512) / period)
    reading = LENS.read(sine, {"dim": 2, "lag": lag})
    assert reading.value == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("period", [10, 20, 25, 30])
def test_equal_distances_are_not_told_apart_by_their_rounding(period: int) -> None:
    sine = np.sin(2 * np.pi * np.arange(512) / period)
    assert LENS.read(sine).value == 1.0


def test_a_sine_not_unfolded_crosses_itself() -> None:
    """Near its crests a rising and a falling stretch meet for one step."""
    sine = np.sin(2 * np.pi * np.arange(512) / 25.3)
    assert LENS.read(sine).value == pytest.approx(0.950, abs=0.001)


def test_repeats_raise_the_threshold_to_where_rounding_ends() -> None:
    reading = LENS.read(np.sin(2 * np.pi * np.arange(512) / 10))
    assert reading.measures["threshold"] == pytest.approx(2e-9, rel=0.1)
    assert reading.measures["recurrence_rate"] == pytest.approx(0.1, abs=0.002)
    assert "repeats" in reading.flags[0]


def test_returns_with_clustered_volatility_look_deterministic_at_dimension_three() -> None:
    """The level of noise: only surrogates of the same window say more."""
    found = [determinism(made.garch(512, s), 3, 1, 0.05, 1, 2) for s in range(20)]
    assert np.mean(found) == pytest.approx(0.62, abs=0.02)


@pytest.mark.parametrize(
    ("series", "given_", "why"),
    [
        (np.full(200, 3.0), {}, "never moves"),
        (made.normal(22), {}, "needs 23 values"),
        (np.array([]), {}, "empty"),
        (np.where(np.arange(200) == 70, np.inf, made.normal(200)), {}, "not finite"),
        (np.arange(200.0), {"threshold": 0.5}, "no two stretches"),
    ],
)
def test_it_abstains_and_says_why(series: Array, given_: dict[str, float], why: str) -> None:
    reading = LENS.read(series, given_)
    assert reading.value is None
    assert why in reading.flags[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"dim": 0},
        {"lag": 0},
        {"theiler": 0},
        {"line_min": 0},
        {"recurrence_rate": 0.0},
        {"recurrence_rate": 1.0},
        {"threshold": -1.0},
    ],
)
def test_parameters_without_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="rqa needs"):
        LENS.read(made.normal(200), wrong)


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=30).map(lambda counts: [0, *counts]),
    st.integers(1, 35),
)
@settings(deadline=None)
def test_loops_and_arrays_measure_alike(counts: list[int], line_min: int) -> None:
    diagonal, vertical = np.array(counts), np.array([0, *counts[:0:-1]])
    np.testing.assert_allclose(
        _figures(diagonal, vertical, line_min),
        _figures_plain(diagonal, vertical, line_min),
        rtol=1e-12,
        atol=1e-12,
    )


def test_lines_that_are_not_there_measure_nothing() -> None:
    none = np.zeros(11, np.int64)
    alone = none.copy()
    alone[1] = 10
    measures = quantify(none, alone, 2)
    assert math.isnan(measures.pop("det"))
    assert measures == {
        "recurrence_rate": 0.1,
        "l_mean": 0.0,
        "l_max": 0.0,
        "entropy": 0.0,
        "lam": 0.0,
        "tt": 0.0,
    }


@given(st.integers(0, 10**6), st.integers(-30, 30), st.integers(-1000, 1000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_unit_level_and_sign_do_not_matter(
    seed: int, power: int, level: int, flipped: bool
) -> None:
    """On the grid of the series all three are exact, and so are the distances."""
    series = made.garch(120, seed)
    moved = (-series if flipped else series) * 2.0**power + level * 2.0**power
    assert determinism(moved, 3, 1, 0.05, 1, 2) == determinism(series, 3, 1, 0.05, 1, 2)


@given(st.integers(40, 120), st.floats(-1e9, 1e9))
@settings(max_examples=30, deadline=None)
def test_what_comes_after_the_window_is_not_seen(size: int, later: float) -> None:
    series = made.garch(120, 5)
    longer = np.full(200, later)
    longer[:size] = series[:size]
    assert LENS.read(longer[:size]) == LENS.read(series[:size])


def test_determinism_for_surrogates_is_that_of_the_lens() -> None:
    series = made.garch(256)
    assert determinism(series, 3, 1, 0.05, 1, 2) == LENS.read(series).value
