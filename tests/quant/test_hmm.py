from __future__ import annotations

from itertools import pairwise, product
from math import exp, log, pi, sqrt

import numpy as np
import pytest

from quant.hmm import Hmm, _improve, filtered, fit

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


def test_every_step_makes_the_series_likelier() -> None:
    series = simulate(2, 300)[0]
    model = Hmm(
        np.full(3, 1 / 3), np.full((3, 3), 1 / 3), np.array([-0.1, 0.0, 0.1]), np.array([1, 2, 4.0])
    )
    likelihoods = []
    for _ in range(30):
        model, likelihood = _improve(model, series, 1e-9)
        likelihoods.append(likelihood)
    assert all(b >= a - 1e-9 for a, b in pairwise(likelihoods))
    assert likelihoods[-1] > likelihoods[0] + 10


def test_known_states_are_found_again_calmest_first() -> None:
    series, states = simulate(3, 3000)
    model, likelihood, steps = fit(series)
    assert model.variances == pytest.approx([0.25, 1.0, 16.0], rel=0.3)
    assert np.all(np.diff(model.variances) > 0)
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
    assert small.variances == pytest.approx(model.variances * 1e-8, rel=1e-3)


def test_one_far_value_does_not_own_a_state_of_no_width() -> None:
    series = np.concatenate([simulate(5, 300, (1.0, 1.0, 1.0))[0], [50.0]])
    model, likelihood, _ = fit(series)
    assert model.variances.min() >= 1e-3 * np.var(series) and np.isfinite(likelihood)


@pytest.mark.parametrize("series", [np.ones(100), np.arange(59.0), np.full(100, np.nan)])
def test_what_cannot_be_fitted_is_refused(series: np.ndarray) -> None:
    with pytest.raises(ValueError):
        fit(series)
