from __future__ import annotations

import numpy as np
import pytest

from quant.fit.hawkes_likelihood import _plain, _scan, best, likelihood
from quant.hawkes import Hawkes, log_likelihood, simulate

MODEL = Hawkes(0.5, 1.2, 2.0)
TIMES = simulate(MODEL, 300.0, np.random.default_rng(1))


def test_the_value_is_the_likelihood() -> None:
    expected = log_likelihood(MODEL, TIMES, 300.0)
    assert likelihood(*MODEL, TIMES, 300.0)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("model", [MODEL, Hawkes(1.0, 1e-9, 1e-3), Hawkes(0.1, 700.0, 1000.0)])
def test_both_bodies_agree(model: Hawkes) -> None:
    times = np.concatenate([TIMES[:50], TIMES[49:]])  # one tie
    ours = likelihood(*model, times, 300.0)
    assert ours == pytest.approx(_plain(*model, times, 300.0), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("which", range(3), ids=["mu", "alpha", "beta"])
def test_the_slopes_are_those_of_the_value(which: int) -> None:
    at, step = np.array(MODEL), np.zeros(3)
    step[which] = 1e-5
    up, down = (likelihood(*(at + s), TIMES, 300.0)[0] for s in (step, -step))
    slope = likelihood(*MODEL, TIMES, 300.0)[1 + which]
    assert slope == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-4)


def test_the_recursion_by_strides_is_the_recursion() -> None:
    rng = np.random.default_rng(2)
    decay, push = rng.uniform(size=77), rng.standard_normal(77)
    decay[0] = 0.0
    x, expected = 0.0, []
    for d, p in zip(decay, push, strict=True):
        x = d * x + p
        expected.append(x)
    assert _scan(decay, push) == pytest.approx(np.array(expected), rel=1e-10)


def test_the_best_has_no_slope_left() -> None:
    mu, alpha, beta, found = best(TIMES, 300.0, 1000.0)
    value, *slopes = likelihood(mu, alpha, beta, TIMES, 300.0)
    assert value == pytest.approx(found)
    assert slopes == pytest.approx([0.0, 0.0, 0.0], abs=0.5)
    assert found >= log_likelihood(MODEL, TIMES, 300.0)
