from __future__ import annotations

from itertools import product
from math import exp, log, pi, sqrt

import numpy as np
import pytest

from quant.hmm import LENS, Hmm, advance, filtered, fit, market_features

TINY = Hmm(
    np.array([0.6, 0.4]),
    np.array([[0.7, 0.3], [0.2, 0.8]]),
    np.array([0.0, 1.0]),
    np.array([1.0, 4.0]),
)


def density(x: float, k: int, model: Hmm = TINY) -> float:
    variance = model.variances[k]
    return exp(-((x - model.means[k]) ** 2) / (2 * variance)) / sqrt(2 * pi * variance)


def enumerated(series: list[float], model: Hmm = TINY) -> tuple[float, list[float]]:
    """Return likelihood and the last moment's state probabilities, over every path there is."""
    states = range(len(model.start))
    ends = [0.0 for _ in states]
    for path in product(states, repeat=len(series)):
        p = model.start[path[0]] * density(series[0], path[0], model)
        for before, now, x in zip(path, path[1:], series[1:], strict=False):
            p *= model.moves[before, now] * density(x, now, model)
        ends[path[-1]] += p
    total = sum(ends)
    return log(total), [e / total for e in ends]


def simulate(seed: int, n: int, variances: tuple[float, ...] = (0.25, 1.0, 16.0)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    state, out, states = 0, [], []
    for _ in range(n):
        if rng.random() > 0.97:
            state = int(rng.integers(3))
        states.append(state)
        out.append(rng.normal(0.0, sqrt(variances[state])))
    return np.array([out, states])


def test_by_hand_for_a_single_value() -> None:
    """P(state 0 | x = 0) = 0.6 φ(0) / (0.6 φ(0) + 0.4 φ(−1/2)/2), φ the standard density."""
    probabilities, likelihood = filtered(TINY, np.array([0.0]))
    a, b = 0.6 / sqrt(2 * pi), 0.4 * exp(-1 / 8) / sqrt(8 * pi)
    assert probabilities[0] == pytest.approx([a / (a + b), b / (a + b)])
    assert likelihood == pytest.approx(log(a + b))


def test_filtering_equals_summing_over_every_path() -> None:
    series = [0.3, -1.2, 2.5, 4.0, 0.1, 0.0]
    probabilities, likelihood = filtered(TINY, np.array(series))
    for t in range(1, len(series) + 1):
        total, ends = enumerated(series[:t])
        assert probabilities[t - 1] == pytest.approx(ends)
    assert likelihood == pytest.approx(total)


def test_filtered_means_that_the_future_changes_nothing() -> None:
    series = simulate(1, 300)[0]
    whole = filtered(TINY, series)[0]
    garbage = np.concatenate([series[:200], np.full(100, 1e3)])
    assert np.array_equal(filtered(TINY, garbage)[0][:200], whole[:200])


def test_known_states_are_found_again_calmest_first() -> None:
    series, states = simulate(3, 3000)
    model, likelihood, steps = fit(series)
    assert model.variances[:, 0] == pytest.approx([0.25, 1.0, 16.0], rel=0.3)
    assert np.all(np.diff(model.variances[:, 0]) > 0)
    assert steps < 200 and likelihood > filtered(TINY, series)[1]
    told = filtered(model, series)[0].argmax(axis=1)
    assert np.mean(told[states == 2] == 2) > 0.85 and np.mean(told[states == 0] == 0) > 0.85
    assert np.allclose(model.moves.sum(axis=1), 1.0) and model.start.sum() == pytest.approx(1.0)


def test_the_same_series_gives_the_same_model_and_its_scale_only_the_scale() -> None:
    series = simulate(4, 600)[0]
    model, _, _ = fit(series)
    again, _, _ = fit(series.copy())
    assert np.array_equal(model.variances, again.variances)
    small, _, _ = fit(series * 1e-4)
    assert small.variances == pytest.approx(model.variances * 1e-8, rel=1e-6)


def test_one_far_value_does_not_own_a_state_of_no_width() -> None:
    series = np.concatenate([simulate(5, 300, (1.0, 1.0, 1.0))[0], [50.0]])
    model, likelihood, _ = fit(series)
    assert model.variances.min() >= 1e-3 * np.var(series) and np.isfinite(likelihood)


@pytest.mark.parametrize("series", [np.ones(100), np.arange(59.0), np.full(100, np.nan)])
def test_what_cannot_be_fitted_is_refused(series: np.ndarray) -> None:
    with pytest.raises(ValueError):
        fit(series)


def test_more_starts_are_never_worse_and_a_good_one_may_be_given() -> None:
    series = simulate(6, 800)[0]
    one, five = fit(series, starts=1), fit(series)
    assert five.log_likelihood >= one.log_likelihood - 1e-6
    warm = fit(series, starts=1, warm=five.model)
    assert warm.log_likelihood >= five.log_likelihood - 0.01


def test_the_last_filtered_probability_is_hmmlearns_own() -> None:
    series = simulate(7, 700)[0]
    found = LENS.read(series)
    assert LENS.reference is not None
    assert found.value == pytest.approx(LENS.reference(series, 3), abs=1e-12)
    assert found.measures["state"] == np.argmax(found.measures["probabilities"])
    assert found.measures["sds"] == sorted(found.measures["sds"])


def test_a_step_at_a_time_is_the_batch() -> None:
    features = market_features(simulate(8, 400)[0] * 1e-3)
    model = fit(features).model
    assert model.means.shape == (3, 2) and features.shape == (381, 2)
    belief, whole = None, filtered(model, features)[0]
    for row, expected in zip(features, whole, strict=True):
        belief = advance(model, belief, row)
        assert belief == pytest.approx(expected, abs=1e-12)
    assert advance(TINY, None, 0.3) == pytest.approx(filtered(TINY, np.array([0.3]))[0][0])


def test_what_could_not_happen_is_judged_by_what_it_looks_like() -> None:
    stuck = Hmm(np.array([1.0, 0.0]), np.eye(2), np.array([0.0, 1e3]), np.array([1.0, 1.0]))
    probabilities, _ = filtered(stuck, np.array([0.0, 1e3]))
    assert probabilities[1] == pytest.approx([0.0, 1.0])
    assert advance(stuck, np.array([1.0, 0.0]), 1e3) == pytest.approx([0.0, 1.0])


def test_features_are_the_return_and_the_log_of_recent_volatility() -> None:
    returns = np.arange(1.0, 26.0)
    features = market_features(returns, 5)
    assert features[0] == pytest.approx([5.0, log(sqrt(11.0))])
    assert np.array_equal(features[:, 0], returns[4:])
    with pytest.raises(ValueError, match="zero"):
        market_features(np.zeros(30))


def test_the_lens_abstains() -> None:
    assert "needs 60 values" in LENS.read(np.arange(59.0)).flags[0]
    assert "distinct" in LENS.read(np.ones(100)).flags[0]
    with pytest.raises(ValueError, match="states"):
        LENS.read(np.arange(100.0), {"states": 1})


def test_nothing_is_said_while_fitting(caplog: pytest.LogCaptureFixture) -> None:
    for seed in range(3):
        fit(np.random.default_rng(seed).standard_normal(200), 4)
    assert not caplog.records
