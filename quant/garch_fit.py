"""Maximum likelihood of GARCH(1,1) with Student t innovations: the likelihood and its search.

With e_t = σ_t·z_t and σ²_t = ω + α·e²_{t−1} + β·σ²_{t−1}, z a t of ν degrees and unit variance,
log L = Σ c(ν) − ½ ln σ²_t − ½(ν+1)·ln(1 + e²_t/((ν−2)σ²_t)), and the slopes of σ²_t by ω, α and β
are linear recursions beside its own. Before the first value stand a square and a variance of
`first`.

The search climbs over ω, α + β, α/(α + β) and 1/ν, which turns the triangle of stationary models
into a box, by quasi-Newton steps that stop at its walls (Broyden, Fletcher, Goldfarb and Shanno;
walls as in Bertsekas 1982). A likelihood may have several summits: one where volatility clusters,
one where it only decays from how it began; so the climb begins in four places.
"""

from __future__ import annotations

from math import lgamma, log, log1p, pi, sqrt

import numpy as np
from numpy.typing import NDArray

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
# Inverse curvature at the outset, of the order that real windows have.
METRIC = np.array([0.003, 0.0025, 0.0025, 0.0025])
STEPS_MAX, HALVINGS_MAX = 200, 40
# The climb ends where the next step promises less than half of this.
GAIN_MIN = 1e-8
ARMIJO = 1e-4


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


@kernel()
def _downhill(
    at: Array, slopes: Array, metric: Array, low: Array, high: Array, out: Array
) -> float:
    """Fill `out` with the step along the walls that `metric` promises most of; return its slope."""
    n = len(at)
    held = np.zeros(n, dtype=np.bool_)
    for i in range(n):
        held[i] = (at[i] <= low[i] and slopes[i] > 0.0) or (at[i] >= high[i] and slopes[i] < 0.0)
    again = True
    while again:
        again = False
        for i in range(n):
            out[i] = 0.0
            for j in range(n):
                if not (held[i] or held[j]):
                    out[i] -= metric[i, j] * slopes[j]
        for i in range(n):
            # A wall that only the bent step runs into holds as well.
            if (at[i] <= low[i] and out[i] < 0.0) or (at[i] >= high[i] and out[i] > 0.0):
                held[i] = again = True
    along = 0.0
    for i in range(n):
        along += slopes[i] * out[i]
    return along


@kernel()
def _reach(at: Array, step: Array, low: Array, high: Array) -> float:
    """Return how much of a step, at most all of it, lies within the box."""
    part = 1.0
    for i in range(len(at)):
        if step[i] > 0.0:
            part = min(part, (high[i] - at[i]) / step[i])
        elif step[i] < 0.0:
            part = min(part, (low[i] - at[i]) / step[i])
    return part


@kernel()
def _moved(at: Array, step: Array, part: float, low: Array, high: Array) -> Array:
    """Return the point after part of a step, upon a wall where it would be a hair from it."""
    out = at + part * step
    for i in range(len(at)):
        hair = 1e-12 * (high[i] - low[i])
        if out[i] - low[i] < hair:
            out[i] = low[i]
        elif high[i] - out[i] < hair:
            out[i] = high[i]
    return out


@kernel()
def _learn(metric: Array, step: Array, turn: Array, fresh: bool) -> bool:
    """Renew the inverse curvature by a step and the turn of the slopes; say if there was one."""
    n = len(step)
    bend = 0.0
    for i in range(n):
        # What did not move says nothing of the curvature there.
        if step[i] == 0.0:
            turn[i] = 0.0
        bend += step[i] * turn[i]
    if not bend > 1e-14:
        return False
    if fresh:
        size = 0.0
        for i in range(n):
            size += metric[i, i] * turn[i] * turn[i]
        metric *= bend / size
    bent = np.zeros(n)
    whole = 0.0
    for i in range(n):
        for j in range(n):
            bent[i] += metric[i, j] * turn[j]
        whole += turn[i] * bent[i]
    for i in range(n):
        for j in range(n):
            both = bent[i] * step[j] + step[i] * bent[j]
            metric[i, j] += ((1.0 + whole / bend) * step[i] * step[j] - both) / bend
    return True


@kernel()
def climb(
    start: Array, low: Array, high: Array, squares: Array, first: float
) -> tuple[Array, float, bool]:
    """Return the summit (4,) of the box that a climb from `start` ends on, log L, and if it did."""
    at, slopes, then, step = start.copy(), np.zeros(4), np.zeros(4), np.zeros(4)
    metric, fresh = np.diag(METRIC), True
    loss = _loss(at, squares, first, slopes)
    for _ in range(STEPS_MAX):
        along = _downhill(at, slopes, metric, low, high, step)
        if -along < GAIN_MIN:
            return at, -loss, True
        part = _reach(at, step, low, high)
        if fresh:
            part = min(part, 1.0 / sqrt(-along))
        moved, less = at, loss
        for _ in range(HALVINGS_MAX):
            moved = _moved(at, step, part, low, high)
            less = _loss(moved, squares, first, then)
            rise = less - loss - part * along
            if less <= loss + ARMIJO * part * along:
                break
            # The lowest point of the parabola through what is known.
            part *= min(max(-0.5 * part * along / rise, 0.1), 0.5)
        else:
            if fresh:
                return at, -loss, False
            metric, fresh = np.diag(METRIC), True
            continue
        if _learn(metric, moved - at, then - slopes, fresh):
            fresh = False
        at, loss = moved, less
        slopes[:] = then
    return at, -loss, False


@kernel()
def best(squares: Array, first: float) -> tuple[Array, float, bool]:
    """Return (ω, α, β, ν) of the highest summit found, its log L, and whether one was reached.

    Of squared values (n,) of a mean near one; `first` is what the variance begins from.
    """
    size = squares.mean()
    low = np.array([OMEGA_MIN * size, 0.0, 0.0, 1.0 / NU_MAX])
    high = np.array([OMEGA_MAX * size, 1.0, 1.0, 1.0 / NU_MIN])
    top, most, settled = STARTS[0], -np.inf, False
    for k in range(len(STARTS)):
        at, found, reached = climb(STARTS[k], low, high, squares, first)
        if reached and found > most:
            top, most, settled = at, found, True
    alpha = top[1] * top[2]
    return np.array([top[0], alpha, top[1] - alpha, 1.0 / top[3]]), most, settled
