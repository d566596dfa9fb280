from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.koopman import (
    LENS,
    _exact,
    _fill,
    _fill_plain,
    decompose,
    products,
    radius,
    radius_residual,
    residual,
)


def spiral(growth: float, angle: float, count: int) -> np.ndarray:
    """Return the first coordinate of a point that is turned and stretched at every step."""
    turn = growth * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = [np.array([1.0, 0.0])]
    for _ in range(count - 1):
        points.append(turn @ points[-1])
    return np.array(points)[:, 0]


def by_svd(series: np.ndarray, dim: int, rank: int) -> tuple[np.ndarray, float]:
    """Return eigenvalues and residual as the definition has them."""
    hankel = np.array([series[i : len(series) - dim + i + 1] for i in range(dim)])
    x, y = hankel[:, :-1], hankel[:, 1:]
    u, s, v = np.linalg.svd(x, full_matrices=False)
    u, s, v = u[:, :rank], s[:rank], v[:rank]
    a = u.T @ y @ v.T @ np.diag(1 / s)
    rest = y - u @ a @ u.T @ x
    return np.linalg.eigvals(a), float(np.linalg.norm(rest) / np.linalg.norm(y))


def complex_values(reading: object) -> list[complex]:
    return [complex(*pair) for pair in reading.measures["eigenvalues"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("params", "count"), [({}, 60), ({}, 512), ({"dim": 2, "rank": 2}, 40)])
def test_a_spiral_gives_its_own_two_modes(params: dict[str, float], count: int) -> None:
    reading = LENS.read(spiral(0.95, 0.3, count), params)
    mode = 0.95 * np.exp(0.3j)
    assert mode == pytest.approx(0.9075697 + 0.2807442j, abs=1e-7)
    assert complex_values(reading) == pytest.approx([mode, mode.conjugate()], abs=1e-9)
    assert reading.value == pytest.approx(0.95, abs=1e-9)
    assert reading.measures["residual"] < 1e-9
    assert reading.flags == (() if params else ("rank 2: there are no more directions",))


def test_digits_lost_in_a_file_make_no_modes() -> None:
    series = np.array([float(f"{x:.10f}") for x in spiral(0.99, 0.3, 200)])
    assert LENS.read(series).value == pytest.approx(0.99, abs=1e-6)


def test_two_spirals_give_four_modes_by_modulus() -> None:
    series = spiral(0.99, 0.3, 300) + 0.5 * spiral(0.97, 1.1, 300)
    found = complex_values(LENS.read(series, {"rank": 4}))
    slow, fast = 0.99 * np.exp(0.3j), 0.97 * np.exp(1.1j)
    wanted = [slow, slow.conjugate(), fast, fast.conjugate()]
    assert found == pytest.approx(wanted, abs=1e-9)
    assert complex_values(LENS.read(series)) == pytest.approx(wanted, abs=1e-9)


def test_a_sine_neither_grows_nor_dies() -> None:
    reading = LENS.read(np.sin(np.arange(500) * 0.7 + 0.2))
    assert np.abs(complex_values(reading)) == pytest.approx([1.0, 1.0], abs=1e-12)
    assert np.angle(complex_values(reading)) == pytest.approx([0.7, -0.7], abs=1e-12)
    assert radius(1.01 ** np.arange(100) * (1 + np.arange(100) % 2)) == pytest.approx(1.01)


SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(2, 20), st.integers(1, 20), st.integers(60, 200))
def test_equals_the_definition(seed: int, dim: int, rank: int, count: int) -> None:
    series = np.random.default_rng(seed).standard_t(3, size=count)
    rank = min(rank, dim)
    reading = LENS.read(series, {"dim": dim, "rank": rank})
    values, left = by_svd(series, dim, rank)
    assert reading.value == pytest.approx(np.abs(values).max(), abs=1e-9)
    moduli = np.abs(complex_values(reading))
    assert moduli == pytest.approx(np.sort(np.abs(values))[::-1], abs=1e-8)
    assert np.prod(complex_values(reading)) == pytest.approx(np.prod(values), abs=1e-9)
    assert reading.measures["residual"] == pytest.approx(left, abs=1e-9)
    assert radius_residual(series, dim, rank) == (reading.value, reading.measures["residual"])
    assert radius(series, dim, rank) == reading.value
    assert residual(series, dim, rank) == reading.measures["residual"]


def test_products_and_singular_values_are_one_map() -> None:
    rng = np.random.default_rng(5)
    for series in (rng.normal(size=512), rng.normal(size=512).cumsum()):
        fast, slow = decompose(series), _exact(series, 16, 6)
        assert fast.residual == pytest.approx(slow.residual, abs=1e-9)
        assert np.abs(fast.eigenvalues) == pytest.approx(np.abs(slow.eigenvalues), abs=1e-9)


def test_a_level_far_from_zero_goes_the_exact_way() -> None:
    """A price of 60,000 that moves by 1: the weak directions hold what there is to know."""
    series = 60_000.0 + np.random.default_rng(2).normal(size=300).cumsum()
    reading = LENS.read(series)
    values, left = by_svd(series, 16, 6)
    assert reading.value == pytest.approx(np.abs(values).max(), abs=1e-9)
    assert reading.measures["residual"] == pytest.approx(left, rel=1e-6)


@given(SEEDS, st.integers(1, 20), st.integers(40, 150))
def test_the_recursion_and_its_twin_equal_the_sums(seed: int, dim: int, count: int) -> None:
    series = np.random.default_rng(seed).normal(size=count)
    hankel = np.array([series[i : count - dim + i] for i in range(dim + 1)])
    assert products(series, dim) == pytest.approx(hankel @ hankel.T, abs=1e-11)
    first = hankel @ hankel[0]
    assert _fill(first, series) == pytest.approx(_fill_plain(first, series), abs=1e-13)


@given(SEEDS, st.floats(1e-200, 1e200))
def test_the_unit_is_nothing(seed: int, unit: float) -> None:
    series = np.random.default_rng(seed).normal(size=100)
    assert radius_residual(unit * series) == pytest.approx(radius_residual(series), rel=1e-9)
    assert radius_residual(-series) == radius_residual(series)


def test_nulls_of_the_facts() -> None:
    """White noise: radius 0.944 to 0.949, residual 0.77 to 0.80; a walk: 0.987 to 0.997, 0.04."""
    rng = np.random.default_rng(9)
    noise = rng.normal(size=(200, 512))
    radii, residuals = np.array([radius_residual(path) for path in noise]).T
    assert np.median(radii) == pytest.approx(0.947, abs=0.006)
    assert np.quantile(radii, 0.95) == pytest.approx(0.97, abs=0.01)
    assert np.mean(residuals) == pytest.approx(0.785, abs=0.02)
    radii, residuals = np.array([radius_residual(path.cumsum()) for path in noise]).T
    assert 0.985 < np.median(radii) < 1.0
    assert 0.1 < np.mean(radii > 1.0) < 0.35
    assert 0.03 < np.median(residuals) < 0.08


@pytest.mark.parametrize(
    ("series", "why"),
    [
        (np.arange(31.0), "needs 32 values, got 31"),
        (np.full(100, 0.1), "the series is constant"),
        (np.zeros(100), "the series is constant"),
        (np.r_[1.0, np.zeros(99)], "there is nothing but one end of the series"),
        (np.r_[np.zeros(99), 1.0], "there is nothing but one end of the series"),
    ],
)
def test_abstains(series: np.ndarray, why: str) -> None:
    reading = LENS.read(series)
    assert reading.value is None
    assert reading.flags == (why,)
    assert isnan(radius(series))
    assert isnan(residual(series))


@pytest.mark.parametrize("at", [1, 2, 15, 16, 50, 97, 98])
def test_a_jump_out_of_nothing_is_still_the_definition(at: int) -> None:
    series = np.r_[np.zeros(at), np.ones(99 - at), 3.0]
    reading = LENS.read(series)
    values, left = by_svd(series, 16, len(reading.measures["eigenvalues"]))
    assert reading.value == pytest.approx(np.abs(values).max(), abs=1e-9)
    assert reading.measures["residual"] == pytest.approx(left, abs=1e-9)


def test_refuses_parameters() -> None:
    with pytest.raises(ValueError, match="rank=7"):
        LENS.read(np.arange(100.0), {"dim": 6, "rank": 7})
    assert sqrt(0.95**2) == pytest.approx(radius(spiral(0.95, 0.3, 64), 4, 2))
