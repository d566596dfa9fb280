"""Maximum likelihood of GARCH(1,1) with Student t innovations: the likelihood and its search.

With e_t = σ_t·z_t and σ²_t = ω + α·e²_{t−1} + β·σ²_{t−1}, z a t of ν degrees and unit variance,
log L = Σ c(ν) − ½ ln σ²_t − ½(ν+1)·ln(1 + e²_t/((ν−2)σ²_t)), and the slopes of σ²_t by ω, α and β
are linear recursions beside its own. Before the first value stand a square and a variance of
`first`.

The search (`descent`) is over ω, α + β, α/(α + β) and 1/ν, which turns the triangle of stationary
models into a box. A likelihood may have several summits, one where volatility clusters, one where
it only decays from how it began; so it climbs from four places.
"""

from __future__ import annotations

from math import lgamma, log, log1p, pi

import numpy as np
from numpy.typing import NDArray

from quant.fit.descent import descend
from quant.jit import kernel

Array = NDArray[np.float64]

# A t of more degrees than this is a normal, and one of fewer has hardly a variance to speak of.
NU_MIN, NU_MAX = 2.05, 500.0
# Of the mean square.
OMEGA_MIN, OMEGA_MAX = 1e-8, 10.0
# ω, α + β, α/(α + β), 1/ν: clusters, a decay from the first variance, hardly any, slow clusters.
STARTS = np.array(
    [
        [0.02, 0.98, 0.1, 0.125],
        [1e-4, 0.997, 0.003, 0.125],
        [0.5, 0.5, 0.2, 0.125],
        [0.05, 0.95, 0.05, 0.125],
    ]
)
# How far a first step may go, of the order of how well real windows tell each of them.
SCALES = np.array([0.055, 0.05, 0.05, 0.05])


@kernel()
def _digamma(x: float) -> float:
    """Return ψ(x) of x > 0 to 1e-13, by its recurrence and its asymptotic series."""
    out = 0.0
    while x < 8.0:
        out -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    tail = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132 - y / 47.4)))))
    return out + log(x) - 0.5 / x - tail


def _scan(decay: float, push: Array) -> Array:
    """Return x (m, n) of x_t = decay·x_{t−1} + push_t along rows, x_{−1} = 0, by doubling."""
    x = push.copy()
    stride = 1
    while stride < x.shape[1] and decay > 0.0:
        x[:, stride:] = x[:, stride:] + decay * x[:, :-stride]
        decay *= decay
        stride *= 2
    return x


def _plain(
    omega: float, alpha: float, beta: float, nu: float, squares: Array, first: float
) -> Array:
    n, left, half = len(squares), nu - 2.0, 0.5 * (nu + 1.0)
    before = np.concatenate([[first], squares[:-1]])
    push = omega + alpha * before
    push[0] += beta * first
    variance = _scan(beta, push[None])[0]
    earlier = np.concatenate([[first], variance[:-1]])
    slopes = _scan(beta, np.vstack([np.ones(n), before, earlier]))
    x = squares / (variance * left)
    far, part = np.log1p(x), x / (1.0 + x)
    scale = lgamma(half) - lgamma(0.5 * nu) - 0.5 * log(pi * left)
    shape = 0.5 * (_digamma(half) - _digamma(0.5 * nu) - 1.0 / left)
    return np.array(
        [
            n * scale - 0.5 * np.sum(np.log(variance)) - half * np.sum(far),
            *(slopes @ ((half * part - 0.5) / variance)),
            n * shape - 0.5 * np.sum(far) + half / left * np.sum(part),
        ]
    )


@kernel(_plain)
def likelihood(
    omega: float, alpha: float, beta: float, nu: float, squares: Array, first: float
) -> Array:
    """Return (log L, ∂/∂ω, ∂/∂α, ∂/∂β, ∂/∂ν) of squared values (n,), in their units."""
    n, left, half = len(squares), nu - 2.0, 0.5 * (nu + 1.0)
    out = np.zeros(5)
    variance = omega + (alpha + beta) * first
    by_omega, by_alpha, by_beta = 1.0, first, first
    for t in range(n):
        if t > 0:
            by_omega = 1.0 + beta * by_omega
            by_alpha = squares[t - 1] + beta * by_alpha
            by_beta = variance + beta * by_beta
            variance = omega + alpha * squares[t - 1] + beta * variance
        x = squares[t] / (variance * left)
        far, part = log1p(x), x / (1.0 + x)
        slope = (half * part - 0.5) / variance
        out[0] -= 0.5 * log(variance) + half * far
        out[1] += slope * by_omega
        out[2] += slope * by_alpha
        out[3] += slope * by_beta
        out[4] += half / left * part - 0.5 * far
    out[0] += n * (lgamma(half) - lgamma(0.5 * nu) - 0.5 * log(pi * left))
    out[4] += n * 0.5 * (_digamma(half) - _digamma(0.5 * nu) - 1.0 / left)
    return out


@kernel()
def _loss(at: Array, squares: Array, first: float, slopes: Array) -> float:
    """Return −log L at a point of the box, and fill `slopes` (4,) with its derivatives."""
    persistence, share, nu = at[1], at[2], 1.0 / at[3]
    found = likelihood(at[0], persistence * share, persistence * (1.0 - share), nu, squares, first)
    slopes[0] = -found[1]
    slopes[1] = -(found[2] * share + found[3] * (1.0 - share))
    slopes[2] = -(found[2] - found[3]) * persistence
    slopes[3] = found[4] * nu * nu
    return -float(found[0])


def best(squares: Array, first: float) -> tuple[Array, float, bool]:
    """Return (ω, α, β, ν) of the highest summit found, its log L, and whether one was reached.

    Of squared values (n,) of a mean near one; `first` is what the variance begins from.
    """
    size = float(squares.mean())
    low = np.array([OMEGA_MIN * size, 0.0, 0.0, 1.0 / NU_MAX])
    high = np.array([OMEGA_MAX * size, 1.0, 1.0, 1.0 / NU_MIN])

    def loss(at: Array, slopes: Array) -> float:
        return float(_loss(at, squares, first, slopes))

    found = [descend(loss, start, low, high, SCALES) for start in STARTS]
    top = min(found, key=lambda each: each.loss if each.reached else np.inf)
    omega, persistence, share, tail = top.at.tolist()
    alpha = persistence * share
    return np.array([omega, alpha, persistence - alpha, 1.0 / tail]), -top.loss, top.reached
