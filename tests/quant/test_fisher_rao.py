from __future__ import annotations

from itertools import pairwise
from math import acosh, isnan, log, pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.fisher_rao import LENS, arc, distance, halves

MEANS = st.floats(-100.0, 100.0)
DEVIATIONS = st.floats(1e-3, 1e3)
GAUSSIANS = st.tuples(MEANS, DEVIATIONS)


def test_reference_values() -> None:
    """√2·ln 2 and √2·arccosh(5/4) are one number."""
    assert distance(0, 1, 0, 2) == pytest.approx(sqrt(2) * log(2), abs=1e-15)
    assert distance(0, 1, 1, 1) == pytest.approx(sqrt(2) * acosh(1.25), abs=1e-15)
    assert distance(0, 1, 0, 2) == pytest.approx(0.980258, abs=1e-6)
    assert distance(3, 2, 3, 2) == 0.0


def test_close_by_it_is_the_length_of_a_step() -> None:
    """ds² = (dm² + 2 ds²)/s², where arccosh by itself would lose every digit."""
    assert distance(0, 1, 1e-10, 1) == pytest.approx(1e-10, rel=1e-9)
    assert distance(0, 1, 0, 1 + 2.0**-40) == pytest.approx(sqrt(2) * 2.0**-40, rel=1e-9)
    assert distance(0, 1e-140, 0, 1e140) == pytest.approx(sqrt(2) * 280 * log(10))


def test_is_the_length_of_the_geodesic() -> None:
    """Between (−1, s) and (1, s) it is a half circle in (m/√2, s) about the axis."""
    radius = sqrt(0.5 + 0.8**2)
    angles = np.linspace(np.arctan2(0.8, sqrt(0.5)), pi / 2, 4001)
    points = [(sqrt(2) * radius * np.cos(a), radius * np.sin(a)) for a in angles]
    steps = sum(
        sqrt((m - n) ** 2 + 2 * (s - t) ** 2) / ((s + t) / 2) for (m, s), (n, t) in pairwise(points)
    )
    assert distance(-1, 0.8, 1, 0.8) == pytest.approx(2 * steps, rel=1e-6)


@given(GAUSSIANS, GAUSSIANS, GAUSSIANS)
def test_is_a_metric(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]
) -> None:
    assert distance(*a, *b) == pytest.approx(distance(*b, *a), rel=1e-12)
    assert distance(*a, *b) >= 0.0
    assert distance(*a, *c) <= distance(*a, *b) + distance(*b, *c) + 1e-9


@given(GAUSSIANS, GAUSSIANS, st.floats(1e-3, 1e3), MEANS)
def test_the_unit_and_the_zero_are_nothing(
    a: tuple[float, float], b: tuple[float, float], unit: float, zero: float
) -> None:
    moved = [(unit * m + zero, unit * s) for m, s in (a, b)]
    apart = abs(a[0] - b[0]) / min(a[1], b[1])
    slack = 1e-9 + 1e-13 * abs(zero) / (unit * min(a[1], b[1])) * (1 + apart)
    assert distance(*moved[0], *moved[1]) == pytest.approx(distance(*a, *b), rel=1e-6, abs=slack)


@pytest.mark.parametrize("bad", [(0, 0, 0, 1), (0, 1, 0, -1), (float("nan"), 1, 0, 1)])
def test_refuses_what_is_no_gaussian(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="positive deviations"):
        distance(*bad)


def test_lens_reads_two_halves() -> None:
    unit = np.tile([-1.0, 1.0], 50)
    reading = LENS.read(np.concatenate([unit, 2 * unit]))
    assert reading.value == pytest.approx(sqrt(2) * log(2))
    assert reading.measures == pytest.approx(
        {"mean_1": 0, "sd_1": 1, "mean_2": 0, "sd_2": 2, "log_sd_ratio": log(2), "arc": 0}
    )
    moved = LENS.read(np.concatenate([unit, unit + 1.0]))
    assert moved.value == pytest.approx(sqrt(2) * acosh(1.25))
    assert halves(np.concatenate([unit, unit + 1.0])) == moved.value


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3), st.integers(8, 101))
def test_readings_do_not_depend_on_the_unit(seed: int, unit: float, count: int) -> None:
    values = np.random.default_rng(seed).standard_t(3, size=count)
    here, there = LENS.read(values), LENS.read(unit * values)
    assert there.value == pytest.approx(here.value, rel=1e-9)
    assert there.measures["arc"] == here.measures["arc"]
    assert here.value == halves(values)


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e200, 1e280])
def test_the_smallest_and_largest_units(unit: float) -> None:
    values = np.random.default_rng(2).normal(size=100)
    assert halves(unit * values) == pytest.approx(halves(values), rel=1e-9)


def test_arc_by_hand() -> None:
    """Standardised −1 −1 1 1 and −.58 −.58 −.58 1.73: the lower bin holds two and three."""
    first, second = np.array([-1.0, -1.0, 1.0, 1.0]), np.array([-1.0, -1.0, -1.0, 3.0])
    p, q = np.array([2, 2]) / 4, np.array([3, 1]) / 4
    assert arc(first, second, 2) == pytest.approx(2 * np.arccos(np.sqrt(p * q).sum()))
    assert arc(first, 10 * first - 3, 2) == 0.0
    crossed = arc(np.array([-1.0, 1.0] * 8), np.array([-2.0, -0.1, 0.1, 2.0] * 4), 16)
    assert crossed == pytest.approx(pi)


def test_arc_sees_shape_where_moments_agree() -> None:
    rng = np.random.default_rng(1)
    normal, wild = rng.normal(size=500), rng.standard_t(2, size=500)
    wild = (wild - wild.mean()) / wild.std() * normal.std() + normal.mean()
    mixed = LENS.read(np.concatenate([normal, wild]))
    same = LENS.read(np.concatenate([normal, rng.normal(size=500)]))
    assert mixed.value < 1e-6
    assert mixed.measures["arc"] > 2 * same.measures["arc"]


def test_noise_of_the_distance() -> None:
    """Equal halves of n Gaussian values: ln(s₁/s₂) has variance 1/n, the means add a little."""
    windows = np.random.default_rng(3).normal(size=(2000, 512))
    found = [log(window[256:].std() / window[:256].std()) for window in windows]
    assert np.std(found) == pytest.approx(sqrt(1 / 256), rel=0.06)
    squares = np.mean([halves(window) ** 2 for window in windows])
    # Two squared standard normals: 2·(1/n) of the deviations, 2·(1/n) of the means.
    assert squares == pytest.approx(4 / 256, rel=0.06)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.arange(7.0), "needs 8 values, got 7"),
        (np.r_[np.full(50, 0.1), np.arange(50.0)], "half of the series is constant"),
        (np.r_[np.arange(50.0), np.zeros(50)], "half of the series is constant"),
        (np.tile([-1e308, 1e308], 50), "the series holds a number beyond 1e+290"),
    ],
)
def test_abstains(values: np.ndarray, why: str) -> None:
    reading = LENS.read(values)
    assert reading.value is None
    assert reading.flags == (why,)
    assert isnan(halves(values))


def test_refuses_one_bin() -> None:
    with pytest.raises(ValueError, match="bins=1"):
        LENS.read(np.arange(20.0), {"bins": 1})
