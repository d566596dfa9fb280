from __future__ import annotations

from math import log

import numpy as np
import pytest

from quant.realised import realised_z


def test_the_score_by_hand() -> None:
    """Windows of one return: log |r| of 1, 2, 4, 8 has mean 1.5 ln 2; the newest is 16."""
    returns = np.array([1.0, -2.0, 4.0, -8.0, 16.0])
    spread = np.std([0, 1, 2, 3], ddof=1) * log(2)
    assert realised_z(returns, 1) == pytest.approx((4 - 1.5) * log(2) / spread)


def test_the_scale_of_returns_does_not_matter() -> None:
    returns = np.random.default_rng(1).standard_normal(400)
    assert realised_z(returns) == pytest.approx(realised_z(returns * 1e-4))


def test_a_wild_end_stands_out_and_a_calm_one_too() -> None:
    returns = np.random.default_rng(2).standard_normal(400)
    wild, calm = returns.copy(), returns.copy()
    wild[-20:] *= 4.0
    calm[-20:] /= 4.0
    found = [realised_z(r) for r in (wild, returns, calm)]
    assert found[0] > 4 and abs(found[1]) < 3 and found[2] < -4  # type: ignore[operator,arg-type]


def test_only_the_past_is_its_history() -> None:
    returns = np.random.default_rng(3).standard_normal(200)
    longer = np.concatenate([returns, np.full(20, 50.0)])
    assert realised_z(longer[:200]) == realised_z(returns)


@pytest.mark.parametrize("returns", [np.ones(99), np.zeros(400), np.ones(400), np.array([])])
def test_too_little_or_too_flat_says_nothing(returns: np.ndarray) -> None:
    assert realised_z(returns) is None
