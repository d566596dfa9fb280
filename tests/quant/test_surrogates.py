from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.surrogates import ORDER_MAX, autoregression, prewhitened, sign_flip


def autoregressive(seed: int, n: int, *weights: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out, shocks = np.zeros(n), rng.standard_normal(n)
    for t in range(len(weights), n):
        out[t] = shocks[t] + sum(w * out[t - 1 - k] for k, w in enumerate(weights))
    return out


def test_the_coefficients_solve_the_equations_of_yule_and_walker() -> None:
    x = autoregressive(1, 400, 0.5, -0.3)
    x = x - x.mean()
    found = autoregression(x[None])[0]
    order = int(np.flatnonzero(found).max()) + 1
    moments = [float(x[k:] @ x[: len(x) - k]) for k in range(order + 1)]
    table = np.array([[moments[abs(i - j)] for j in range(order)] for i in range(order)])
    assert found[:order] == pytest.approx(np.linalg.solve(table, moments[1:]))


def test_the_order_is_the_one_of_least_aic() -> None:
    long = autoregression(autoregressive(2, 20_000, 0.5, -0.3)[None])[0]
    assert long[:2] == pytest.approx([0.5, -0.3], abs=0.02)
    rows = np.random.default_rng(3).standard_normal((400, 500))
    orders = (autoregression(rows) != 0.0).sum(axis=1)
    assert 0.6 < np.mean(orders == 0) < 0.8, "AIC overfits noise in about three of ten series"


def test_rows_are_fitted_apart() -> None:
    rows = np.vstack([autoregressive(4, 300, 0.6), autoregressive(5, 300)])
    both = prewhitened(rows)
    assert both.shape == (2, 300 - ORDER_MAX)
    assert np.array_equal(both[0], prewhitened(rows[0]))
    assert np.array_equal(both[1], prewhitened(rows[1]))


def test_residuals_are_those_of_the_recursion_and_are_uncorrelated() -> None:
    x = autoregressive(6, 5_000, 0.4, 0.2, 0.0, -0.2)
    left = prewhitened(x)
    away = x - x.mean()
    weights = autoregression(away[None])[0]
    by_hand = away[100] - sum(w * away[99 - k] for k, w in enumerate(weights))
    assert left[100 - ORDER_MAX] == pytest.approx(by_hand)
    apart = [float(np.corrcoef(left[k:], left[:-k])[0, 1]) for k in (1, 2, 3, 4)]
    assert np.abs(apart).max() < 0.04
    assert np.std(left) == pytest.approx(1.0, abs=0.03)


@given(st.floats(0.01, 1e3), st.floats(-10.0, 10.0))
def test_level_and_scale_pass_through(scale: float, level: float) -> None:
    x = autoregressive(7, 200, 0.5)
    assert prewhitened(scale * x + level) == pytest.approx(
        scale * prewhitened(x), rel=1e-6, abs=1e-9 * scale
    )


def test_flips_keep_magnitudes_and_toss_every_sign() -> None:
    residuals = np.random.default_rng(8).standard_normal(300)
    found = sign_flip(residuals, 200, np.random.default_rng(9))
    assert found.shape == (200, 300)
    assert np.array_equal(np.abs(found), np.tile(np.abs(residuals), (200, 1)))
    share = (found > 0.0).mean(axis=0)
    assert abs(share.mean() - 0.5) < 0.01 and share.min() > 0.3 and share.max() < 0.7
    again = sign_flip(residuals, 200, np.random.default_rng(9))
    assert np.array_equal(found, again)
    assert not np.array_equal(found, sign_flip(residuals, 200, np.random.default_rng(10)))
    assert np.array_equal(found, sign_flip(-residuals, 200, np.random.default_rng(9)))
