from __future__ import annotations

from math import log

import numpy as np
import pytest

from quant.realised import LENS, SPANS, har_forecast, realised_z


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


def log_volatilities(seed: int, n: int, persistence: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    h = np.zeros(n)
    for i in range(1, n):
        h[i] = persistence * h[i - 1] + 0.1 * rng.standard_normal()
    return h


def test_the_forecast_is_least_squares_over_the_spans() -> None:
    returns = np.random.default_rng(4).standard_normal(420)
    rows, targets = [], []
    for t in range(240, 421):
        rows.append([1.0, *(log(np.mean(returns[t - s : t] ** 2)) for s in SPANS)])
        if t <= 400:
            targets.append(log(np.sum(returns[t : t + 20] ** 2)))
    weights = np.linalg.lstsq(np.array(rows[: len(targets)]), np.array(targets), rcond=None)[0]
    expected = np.exp(0.5 * np.dot(rows[-1], weights))
    assert har_forecast(returns) == pytest.approx(expected, rel=1e-9)


def test_the_forecast_beats_the_latest_volatility_and_scales_with_returns() -> None:
    ours, naive = [], []
    for seed in range(60):
        h = log_volatilities(seed, 1020, 0.98)
        returns = np.exp(h) * np.random.default_rng(900 + seed).standard_normal(1020)
        past, truth = returns[:1000], 0.5 * log(np.sum(returns[1000:] ** 2))
        forecast = har_forecast(past)
        assert forecast is not None
        assert har_forecast(past * 1e-4) == pytest.approx(forecast * 1e-4)
        ours.append((log(forecast) - truth) ** 2)
        naive.append((0.5 * log(np.sum(past[-20:] ** 2)) - truth) ** 2)
    assert np.mean(ours) < np.mean(naive)


def test_the_lens_reports_and_abstains() -> None:
    returns = np.random.default_rng(5).standard_normal(400)
    found = LENS.read(returns)
    assert found.value == realised_z(returns)
    assert found.measures["rv"] == pytest.approx(np.sqrt(np.sum(returns[-20:] ** 2)))
    assert found.measures["har_forecast"] == har_forecast(returns) and found.flags == ()
    short = LENS.read(returns[:200])
    assert short.value is not None and short.measures["har_forecast"] is None
    assert "no forecast" in short.flags[0]
    assert "needs 100 values" in LENS.read(returns[:99]).flags[0]
    assert LENS.read(np.zeros(400)).value is None
    flat = np.concatenate([returns, np.zeros(5), returns])
    assert har_forecast(flat) is None
    with pytest.raises(ValueError, match="not positive"):
        LENS.read(returns, {"window": 0})
