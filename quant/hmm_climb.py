"""Expectation-maximisation for a Gaussian hidden Markov model, as hmmlearn 0.3.3 does it.

One step: the states' probabilities given all rows, forwards and backwards, then the parameters
that are likeliest given those (Rabiner, "A tutorial on hidden Markov models", 1989). The loops
here are hmmlearn's arithmetic with scaled probabilities in place of logarithms, thirty times as
fast on a few hundred rows; where nothing compiles, hmmlearn itself climbs.
"""

from __future__ import annotations

from math import exp, log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel

Array = NDArray[np.float64]
Climbed = tuple[Array, Array, Array, Array, float, int]

STEPS_MAX = 200
GAIN_MIN = 1e-3
# Added to each state's sum of squares, so that no variance can vanish.
SQUARES = 1e-3


def learner(start: Array, moves: Array, means: Array, variances: Array) -> Any:
    """Return hmmlearn's model with these parameters, means and variances of shape (k, d)."""
    from hmmlearn import base  # noqa: PLC0415 - 145 MB, for a lens process only
    from hmmlearn.hmm import GaussianHMM  # noqa: PLC0415 - the same

    # It logs when a step gains nothing, which the choice among starts takes care of.
    base._log.disabled = True
    found = GaussianHMM(
        len(start),
        "diag",
        covars_prior=SQUARES,
        n_iter=STEPS_MAX,
        tol=GAIN_MIN,
        init_params="",
    )
    found.startprob_, found.transmat_ = start, moves
    found.n_features = means.shape[1]
    found.means_, found.covars_ = means, variances
    return found


def _plain(rows: Array, start: Array, moves: Array, means: Array, variances: Array) -> Climbed:
    found = learner(start, moves, means, variances).fit(rows)
    variances = np.array([np.diag(each) for each in found.covars_])
    history = found.monitor_.history
    likelihood, steps = float(history[-1]), int(found.monitor_.iter)
    return found.startprob_, found.transmat_, found.means_, variances, likelihood, steps


@kernel()
def _likely(rows: Array, means: Array, variances: Array, out: Array) -> float:
    """Fill `out` (n, k) with densities over each row's largest; return the largest ones' logs."""
    n, states = out.shape
    total = 0.0
    for t in range(n):
        top = -np.inf
        for k in range(states):
            found = 0.0
            for d in range(rows.shape[1]):
                away = rows[t, d] - means[k, d]
                found -= 0.5 * (log(2.0 * pi * variances[k, d]) + away * away / variances[k, d])
            out[t, k] = found
            top = max(top, found)
        for k in range(states):
            out[t, k] = exp(out[t, k] - top)
        total += top
    return total


@kernel()
def _smooth(likely: Array, start: Array, moves: Array, ahead: Array, sums: Array) -> float:
    """Fill `ahead` (n, k) with P(state | all rows), `sums` (k, k) with expected moves.

    Returns the log likelihood over the product of each row's largest density.
    """
    n, states = likely.shape
    scales, after, before = np.empty(n), np.ones(states), np.empty(states)
    total = 0.0
    for t in range(n):
        scale = 0.0
        for k in range(states):
            prior = start[k]
            if t:
                prior = 0.0
                for j in range(states):
                    prior += ahead[t - 1, j] * moves[j, k]
            ahead[t, k] = prior * likely[t, k]
            scale += ahead[t, k]
        scales[t] = max(scale, 1e-300)
        total += log(scales[t])
        for k in range(states):
            ahead[t, k] /= scales[t]
    sums[:] = 0.0
    for t in range(n - 2, -1, -1):
        for j in range(states):
            before[j] = 0.0
            for k in range(states):
                flow = moves[j, k] * likely[t + 1, k] * after[k] / scales[t + 1]
                before[j] += flow
                sums[j, k] += ahead[t, j] * flow
        for j in range(states):
            # What was looked at from the past only is known from both sides now.
            ahead[t + 1, j] *= after[j]
            after[j] = before[j]
    for j in range(states):
        ahead[0, j] *= after[j]
    return total


@kernel(_plain)
def climb(rows: Array, start: Array, moves: Array, means: Array, variances: Array) -> Climbed:
    """Return start (k,), moves (k, k), means and variances (k, d), log likelihood and steps.

    Of rows (n, d), from the parameters given, until a step gains less than `GAIN_MIN` or there
    were `STEPS_MAX`. The likelihood is that before the last step.
    """
    n, states = len(rows), len(start)
    start, moves, means, variances = start.copy(), moves.copy(), means.copy(), variances.copy()
    likely, ahead, sums = np.empty((n, states)), np.empty((n, states)), np.empty((states, states))
    likelihood, steps = -np.inf, 0
    while steps < STEPS_MAX:
        found = _likely(rows, means, variances, likely)
        found += _smooth(likely, start, moves, ahead, sums)
        for k in range(states):
            start[k] = ahead[0, k]
            total = sums[k].sum()
            if total > 0.0:
                moves[k] = sums[k] / total
            weight = ahead[:, k].sum()
            for d in range(rows.shape[1]):
                mean = square = 0.0
                for t in range(n):
                    mean += ahead[t, k] * rows[t, d]
                mean /= max(weight, 1e-300)
                for t in range(n):
                    away = rows[t, d] - mean
                    square += ahead[t, k] * (away * away)
                means[k, d] = mean
                variances[k, d] = (SQUARES + square) / max(weight, 1e-5)
        start /= start.sum()
        steps += 1
        gain, likelihood = found - likelihood, found
        if gain < GAIN_MIN:
            break
    return start, moves, means, variances, likelihood, steps
