"""Descents end at the bottom, on walls or between them, beside scipy's."""

from __future__ import annotations

from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.fit.descent import Array, descend

SCALES = np.full(3, 0.1)


def bowl(seed: int) -> tuple[Array, Array]:
    """Return a positive definite matrix (3, 3) and the bottom of its bowl (3,)."""
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((3, 3)) * np.array([1.0, 10.0, 0.2])
    return half @ half.T + 1e-2 * np.eye(3), rng.uniform(-2.0, 2.0, 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_bowl_within_walls_has_scipys_bottom(seed: int) -> None:
    from scipy.optimize import minimize  # noqa: PLC0415 - heavy

    matrix, middle = bowl(seed)

    def loss(at: Array, slopes: Array) -> float:
        slopes[:] = matrix @ (at - middle)
        return 0.5 * float((at - middle) @ slopes)

    def theirs(at: Array) -> tuple[float, Array]:
        slopes = np.zeros(3)
        return loss(at, slopes), slopes

    low, high = np.full(3, -1.0), np.full(3, 1.0)
    found = descend(loss, np.zeros(3), low, high, SCALES)
    assert found.reached and (found.at >= low).all() and (found.at <= high).all()
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1_000}
    expected = minimize(
        theirs, np.zeros(3), jac=True, method="L-BFGS-B", bounds=[(-1, 1)] * 3, options=options
    )
    assert found.loss <= float(expected.fun) + 1e-6
    again = descend(loss, np.zeros(3), low, high, SCALES)
    assert np.array_equal(found.at, again.at)


def rosenbrock(at: Array, slopes: Array) -> float:
    x, y = at.tolist()
    slopes[:] = -400.0 * x * (y - x * x) - 2.0 * (1.0 - x), 200.0 * (y - x * x)
    return float(100.0 * (y - x * x) ** 2 + (1.0 - x) ** 2)


@pytest.mark.parametrize(
    ("high", "bottom"), [((3.0, 3.0), (1.0, 1.0)), ((0.5, 3.0), (0.5, 0.25))], ids=["free", "wall"]
)
def test_a_bent_valley_is_followed_to_its_end(
    high: tuple[float, float], bottom: tuple[float, float]
) -> None:
    start, low = np.array([-1.2, 1.0]), np.full(2, -3.0)
    before = start.copy()
    found = descend(rosenbrock, start, low, np.array(high), np.full(2, 0.1))
    assert found.reached
    assert found.at == pytest.approx(bottom, abs=1e-3)
    assert np.array_equal(start, before)


def test_slopes_that_lie_end_in_no_bottom() -> None:
    def loss(at: Array, slopes: Array) -> float:
        slopes[:] = 1.0
        return -float(at.sum())

    found = descend(loss, np.zeros(3), np.full(3, -9.0), np.full(3, 9.0), SCALES)
    assert not found.reached and isfinite(found.loss)
    assert np.array_equal(found.at, np.zeros(3))
