"""A Gaussian hidden Markov model of a univariate series: a label for people, never a signal.

States are sorted by variance, so state 0 is the calmest whatever order they were found in. What
is told of a moment is its filtered probability, given the series up to it; smoothed ones would
know the future. Estimated by Baum–Welch (Rabiner, "A tutorial on hidden Markov models", 1989)
with scaled recursions, from a start that depends on the data alone, so the same series always
gives the same model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STATES = 3
STEPS_MAX = 200
GAIN_MIN = 1e-6
# A variance below this share of the series' own would let one point own a state.
VARIANCE_SHARE_MIN = 1e-3
STAY = 0.9


@dataclass(frozen=True)
class Hmm:
    """Initial probabilities (k,), transitions (k, k) from row to column, means, variances (k,)."""

    start: Array
    moves: Array
    means: Array
    variances: Array


def densities(model: Hmm, series: Array) -> Array:
    """Return log densities of shape (n, k)."""
    away = series[:, None] - model.means
    logs: Array = -0.5 * (np.log(2.0 * np.pi * model.variances) + away * away / model.variances)
    return logs


def filtered(model: Hmm, series: Array) -> tuple[Array, float]:
    """Return P(state | series up to then), shape (n, k), and the log likelihood."""
    forward, scales, tops = _forward(model, densities(model, series))
    return forward, float(np.log(scales).sum() + tops.sum())


def _forward(model: Hmm, logs: Array) -> tuple[Array, Array, Array]:
    tops = logs.max(axis=1)
    likely = np.exp(logs - tops[:, None])
    forward = np.empty_like(likely)
    scales = np.empty(len(likely))
    expected = model.start
    for t, row in enumerate(likely):
        joint = expected * row
        scales[t] = joint.sum()
        forward[t] = joint / scales[t]
        expected = forward[t] @ model.moves
    return forward, scales, tops


def fit(series: Array, states: int = STATES) -> tuple[Hmm, float, int]:
    """Return the model, its log likelihood and how many steps it took.

    Raises ValueError for a series too short for its parameters, not finite, or without spread.
    """
    if len(series) < 20 * states:
        raise ValueError(f"needs {20 * states} values, got {len(series)}")
    spread = float(np.var(series))
    if not np.isfinite(series).all() or not spread > 0.0:
        raise ValueError("the series is not finite or never moves")
    model = _first(series, states)
    floor = VARIANCE_SHARE_MIN * spread
    best, steps = -np.inf, 0
    for step in range(1, STEPS_MAX + 1):
        new, likelihood = _improve(model, series, floor)
        steps = step
        if likelihood - best < GAIN_MIN * len(series):
            break
        model, best = new, likelihood
    order = np.argsort(model.variances, kind="stable")
    ordered = Hmm(
        model.start[order],
        model.moves[np.ix_(order, order)],
        model.means[order],
        model.variances[order],
    )
    return ordered, filtered(ordered, series)[1], steps


def _first(series: Array, states: int) -> Hmm:
    """Begin with states by the size of moves around the median."""
    away = np.abs(series - np.median(series))
    cuts = np.quantile(away, np.linspace(0.0, 1.0, states + 1)[1:-1])
    group = np.searchsorted(cuts, away)
    spread = float(np.var(series))
    variances = np.array(
        [max(float(np.mean(away[group == k] ** 2)), 1e-2 * spread) for k in range(states)]
    )
    moves = np.full((states, states), (1.0 - STAY) / (states - 1))
    np.fill_diagonal(moves, STAY)
    means = np.full(states, float(np.median(series)))
    return Hmm(np.full(states, 1.0 / states), moves, means, variances)


def _improve(model: Hmm, series: Array, floor: float) -> tuple[Hmm, float]:
    """Return the model after one step of expectation–maximisation, and the likelihood before."""
    logs = densities(model, series)
    forward, scales, tops = _forward(model, logs)
    likely = np.exp(logs - tops[:, None])
    backward = np.ones_like(forward)
    for t in range(len(series) - 2, -1, -1):
        backward[t] = model.moves @ (likely[t + 1] * backward[t + 1]) / scales[t + 1]
    smooth = forward * backward
    smooth /= smooth.sum(axis=1, keepdims=True)
    ahead = likely[1:] * backward[1:] / scales[1:, None]
    counts = model.moves * (forward[:-1].T @ ahead)
    counts = np.maximum(counts, 1e-12)
    mass = np.maximum(smooth.sum(axis=0), 1e-12)
    means = (smooth * series[:, None]).sum(axis=0) / mass
    away = series[:, None] - means
    variances = np.maximum((smooth * away * away).sum(axis=0) / mass, floor)
    new = Hmm(smooth[0], counts / counts.sum(axis=1, keepdims=True), means, variances)
    return new, float(np.log(scales).sum() + tops.sum())
