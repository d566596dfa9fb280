from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quant.embedding import (
    LENS,
    average_mutual_information,
    binned,
    cao,
    false_neighbours,
    first_minimum,
    levelled,
    mutual_information,
    neighbours,
)
from tests.reference import series as made

Array = NDArray[np.float64]


@pytest.mark.parametrize(("period", "lag"), [(20, 5), (24, 6), (25, 6), (25.3, 6), (30, 7)])
def test_the_lag_of_a_sine_is_a_quarter_period(period: float, lag: int) -> None:
    reading = LENS.read(np.sin(2 * np.pi * np.arange(600) / period))
    assert reading.measures["lag"] == pytest.approx(lag, abs=1)
    assert reading.value == 2


@pytest.mark.parametrize("n", [512, 2000])
def test_the_henon_map_unfolds_in_two_dimensions(n: int) -> None:
    reading = LENS.read(made.henon(n))
    assert reading.value == 2
    assert reading.measures["lag"] == 1
    assert not reading.measures["stochastic"]
    assert reading.measures["fnn"][0] > 0.5
    assert max(reading.measures["fnn"][1:]) < 0.01


def test_the_logistic_map_needs_one() -> None:
    reading = LENS.read(made.logistic(512))
    assert reading.value == 1
    assert not reading.measures["stochastic"]


@pytest.mark.parametrize("every", [1, 2])
def test_lorenz_unfolds_in_three_dimensions(every: int) -> None:
    reading = LENS.read(made.lorenz(2000 // every, every))
    assert reading.value == 3
    assert reading.measures["lag"] * every == pytest.approx(17, abs=1)
    assert reading.measures["fnn"][2] == 0.0
    assert not reading.measures["stochastic"]


@pytest.mark.parametrize("n", [512, 1200])
@pytest.mark.parametrize("make", [made.normal, made.heavy, made.garch])
def test_of_noise_it_says_that_nothing_unfolds_it(make: object, n: int) -> None:
    assert callable(make)
    reading = LENS.read(make(n, 3))
    assert reading.measures["lag"] == 1
    assert reading.measures["stochastic"]
    assert any("stochastic" in flag for flag in reading.flags)
    assert np.array(reading.measures["e2"]) == pytest.approx(1.0, abs=0.2)


def test_noise_inflates_false_neighbours() -> None:
    clean = made.henon(1000)
    noisy = clean + 0.1 * clean.std() * made.normal(1000)
    assert LENS.read(clean).measures["fnn"][2] == 0.0
    assert LENS.read(noisy).measures["fnn"][2] > 0.0
    assert LENS.read(noisy).measures["fnn"][1] > 0.05


def test_the_information_of_independent_values_is_its_bias() -> None:
    """About (bins − 1)²/(2n) where every bin is filled."""
    found = [
        mutual_information(
            (made.uniform(1000, s) * 8).astype(int), (made.uniform(1000, s + 99) * 8).astype(int), 8
        )
        for s in range(30)
    ]
    assert np.mean(found) == pytest.approx(49 / 2000, rel=0.1)


def test_a_series_knows_itself_by_its_entropy() -> None:
    boxes = np.arange(64) % 16
    assert mutual_information(boxes, boxes, 16) == pytest.approx(np.log(16), abs=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.integers(2, 20))
@settings(deadline=None)
def test_bins_are_of_equal_width_and_hold_everything(values: list[float], bins: int) -> None:
    series = np.array(values)
    boxes = binned(series, bins)
    assert boxes.min() == 0
    assert boxes.max() <= bins - 1
    order = np.argsort(series)
    assert (np.diff(boxes[order]) >= 0).all()


def test_shuffles_are_the_same_every_time() -> None:
    series = made.garch(300)
    first, again = (average_mutual_information(series, 5, 16) for _ in range(2))
    assert (first[1] == again[1]).all()
    assert (first[0] == again[0]).all()


@pytest.mark.parametrize(
    ("information", "noise", "lag"),
    [
        ([1.0, 0.6, 0.4, 0.7], 0.1, 3),
        ([1.0, 0.6, 0.61, 0.4, 0.7], 0.1, 4),
        ([1.0, 0.4, 0.4, 0.4, 0.4, 0.4, 0.7], 0.1, 4),
        ([1.0, 0.6, 0.4, 0.7], 0.5, 0),
        ([1.0, 0.6, 0.4, 0.3], 0.1, 0),
        ([0.5, 0.9, 0.4, 0.9], 0.1, 0),
        ([0.15, 0.09, 0.08, 0.15], 0.06, 0),
    ],
    ids=["clear", "wiggle", "flat", "within noise", "still falling", "rises at once", "weak"],
)
def test_the_first_minimum(information: list[float], noise: float, lag: int) -> None:
    assert first_minimum(np.array(information), noise, 0.01) == lag


@pytest.mark.parametrize(
    ("e1", "dim"),
    [([0.1, 0.9, 1.0], 2), ([0.9, 1.0, 1.0], 1), ([0.9, 0.5, 0.95], 3), ([0.1, 0.5, 0.7], 0)],
)
def test_where_e1_has_levelled_off(e1: list[float], dim: int) -> None:
    assert levelled(np.array(e1)) == dim


def by_definition(series: Array, lag: int, d: int) -> tuple[list[float], list[float]]:
    """Return distances to the nearest neighbour in d dimensions and of what follows, by loops."""
    n = len(series) - d * lag
    vectors = np.array([series[i : i + d * lag : lag] for i in range(n)])
    near, step = [], []
    for i in range(n):
        far = np.abs(vectors - vectors[i]).max(axis=1)
        far[far == 0.0] = np.inf
        j = int(far.argmin())
        near.append(float(far[j]))
        step.append(abs(float(series[i + d * lag] - series[j + d * lag])))
    return near, step


@pytest.mark.parametrize("lag", [1, 3])
def test_neighbours_are_those_of_the_definition(lag: int) -> None:
    series = made.walk(600)
    near, step = neighbours(series, lag, 4)
    for d in range(1, 5):
        n = len(series) - d * lag
        found = near[d - 1, :n].tolist(), step[d - 1, :n].tolist()
        assert found == by_definition(series, lag, d)
        assert np.isnan(near[d - 1, n:]).all()


def test_cao_and_kennel_by_hand() -> None:
    near = np.array([[1.0, 2.0], [4.0, 2.0], [4.0, 2.0]])
    step = np.array([[4.0, 1.0], [2.0, 40.0], [1.0, 2.0]])
    e1, e2 = cao(near, step)
    assert e1 == pytest.approx([10.5 / 2.5, 1.0 / 10.5])
    assert e2 == pytest.approx([21.0 / 2.5, 1.5 / 21.0])
    assert false_neighbours(near, step, 10.0).tolist() == [0.0, 0.5, 0.0]
    assert false_neighbours(near, step, 1.9).tolist() == [0.5, 1.0, 0.5]


@pytest.mark.parametrize(
    ("series", "given_", "why"),
    [
        (np.full(300, 2.0), {}, "only 1 distinct"),
        (np.round(made.normal(300)), {}, "distinct"),
        (made.normal(90), {}, "needs 128 values"),
        (np.sin(np.arange(140) / 8), {}, "at lag"),
        (np.where(np.arange(300) == 9, np.nan, made.normal(300)), {}, "not finite"),
    ],
)
def test_it_abstains_and_says_why(series: Array, given_: dict[str, float], why: str) -> None:
    reading = LENS.read(series, given_)
    assert reading.value is None
    assert why in reading.flags[0]


@pytest.mark.parametrize("wrong", [{"lag_max": 0}, {"bins": 1}, {"dim_max": 2}])
def test_parameters_without_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="embedding needs"):
        LENS.read(made.normal(300), wrong)


def test_a_dimension_that_never_levels_off_is_flagged() -> None:
    reading = LENS.read(made.normal(2000), {"dim_max": 3})
    assert reading.value == 3
    assert any("not levelled off" in flag for flag in reading.flags)


@given(st.integers(0, 10**6), st.integers(-30, 30), st.integers(-100, 100))
@settings(max_examples=10, deadline=None)
def test_unit_and_level_do_not_matter(seed: int, power: int, level: int) -> None:
    series = made.garch(200, seed)
    here = LENS.read(series)
    moved = LENS.read(series * 2.0**power + level * 2.0**power)
    assert moved.value == here.value
    assert moved.measures["e1"] == pytest.approx(here.measures["e1"], rel=1e-6)
    assert moved.measures["lag"] == here.measures["lag"]
