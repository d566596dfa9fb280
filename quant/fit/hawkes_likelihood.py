"""Likelihood of a Hawkes process and its slopes in one pass, for the search of the fit.

With S_i = Σ_{j<i} e^{−β(t_i − t_j)} and R_i = ∂S_i/∂β, both are linear recursions over the events
(Ozaki 1979), and so is the gradient of log L = Σ log(μ + α·S_i) − μT − (α/β)·Σ(1 − e^{−β(T−t_i)}).
"""

from __future__ import annotations

from math import exp, log

import numpy as np
from numpy.typing import NDArray

from quant.fit.descent import descend
from quant.jit import kernel

Array = NDArray[np.float64]

# How far a first step may go in each logarithm.
SCALES = np.full(3, 0.25)


def _scan(decay: Array, push: Array) -> Array:
    """Return x of x_i = decay_i·x_{i−1} + push_i, x_{−1} = 0, by doubling strides."""
    decay, x = decay.copy(), push.copy()
    stride = 1
    while stride < len(x) and decay.any():
        x[stride:] = x[stride:] + decay[stride:] * x[:-stride]
        decay[stride:] = decay[stride:] * decay[:-stride]
        decay[:stride] = 0.0
        stride *= 2
    return x


def _plain(mu: float, alpha: float, beta: float, times: Array, horizon: float) -> Array:
    waits = np.diff(times, prepend=times[0])
    decay = np.exp(-beta * waits)
    decay[0] = 0.0
    excited = _scan(decay, decay)
    slope = _scan(decay, -waits * excited)
    left = horizon - times
    kept = np.exp(-beta * left)
    rate = mu + alpha * excited
    born = float(np.sum(1.0 - kept))
    return np.array(
        [
            np.sum(np.log(rate)) - mu * horizon - alpha / beta * born,
            np.sum(1.0 / rate) - horizon,
            np.sum(excited / rate) - born / beta,
            alpha * (np.sum(slope / rate) + (born / beta - np.sum(left * kept)) / beta),
        ]
    )


@kernel(_plain)
def likelihood(mu: float, alpha: float, beta: float, times: Array, horizon: float) -> Array:
    """Return (log L, ∂/∂μ, ∂/∂α, ∂/∂β) of sorted times (n,), n > 0, on [0, horizon]."""
    out = np.zeros(4)
    excited, slope, born, held = 0.0, 0.0, 0.0, 0.0
    before = times[0]
    for i in range(len(times)):
        wait = times[i] - before
        before = times[i]
        if i > 0:
            decay = exp(-beta * wait)
            excited = decay * (1.0 + excited)
            slope = decay * slope - wait * excited
        left = horizon - times[i]
        kept = exp(-beta * left)
        born += 1.0 - kept
        held += left * kept
        rate = mu + alpha * excited
        out[0] += log(rate)
        out[1] += 1.0 / rate
        out[2] += excited / rate
        out[3] += slope / rate
    out[0] += -mu * horizon - alpha / beta * born
    out[1] -= horizon
    out[2] -= born / beta
    out[3] = alpha * (out[3] + (born / beta - held) / beta)
    return out


def best(times: Array, horizon: float, beta_max: float) -> tuple[float, float, float, float]:
    """Return the likeliest (μ, α, β) and its log L, of several starts (`descent`).

    Searched over log μ, the logit of the branching ratio and log β ≤ log `beta_max`.
    """
    rate = len(times) / horizon

    def loss(x: Array, slopes: Array) -> float:
        mu, beta = exp(x[0]), exp(x[2])
        branching = 1.0 / (1.0 + exp(-x[1]))
        found = likelihood(mu, branching * beta, beta, times, horizon)
        slopes[0] = -found[1] * mu
        slopes[1] = -found[2] * beta * branching * (1.0 - branching)
        slopes[2] = -(found[2] * branching * beta + found[3] * beta)
        return -float(found[0])

    low = np.array([log(rate) - 12.0, -12.0, log(rate) - 9.0])
    high = np.array([log(rate) + 0.1, 7.0, log(beta_max)])
    begins = [
        np.array([log((1.0 - part) * rate), log(part / (1.0 - part)), log(quick * rate)])
        for part, quick in ((0.5, 1.0), (0.3, 10.0), (0.7, 0.1))
    ]
    found = min((descend(loss, x, low, high, SCALES) for x in begins), key=lambda each: each.loss)
    beta = exp(found.at[2])
    return exp(found.at[0]), beta / (1.0 + exp(-found.at[1])), beta, -found.loss
