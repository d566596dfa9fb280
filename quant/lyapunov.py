"""Largest Lyapunov exponent by Rosenstein's method: how fast neighbours drift apart.

Delay vectors X_i = (x_i, x_{i+lag}, …) of dimension `dim`; each takes its nearest neighbour j(i)
by Euclid with |i − j| > min_tsep, among those that can be followed for `trajectory_len` steps;
d(k) = mean_i log‖X_{i+k} − X_{j(i)+k}‖, distances of exactly zero left out; the exponent is the
least-squares slope of d(k), per step (M. Rosenstein, J. Collins and C. De Luca, Physica D 65,
1993). It equals `nolds.lyap_r(fit="poly")` of nolds 0.6.2 with the same explicit lag and min_tsep.

A positive slope is no evidence of chaos: noise has one too, the jump from the distance of the
nearest neighbour to that of any two points. For iid Gauss (N = 512, dim 3, K = 20) it is
0.042 ± 0.002. Only the rank against surrogates of the same window, at the same N, says anything.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel
from quant.lens import Abstain, Array, Lens, enough, varied

Index = NDArray[np.int64]

# Beyond this share of nearest neighbours at distance zero, the curve is that of the exceptions.
ZERO_SHARE_MAX = 0.05
# Values nearer than this share of the standard deviation are one value up to rounding.
SAME = 1e-9


def _squared_distances(series: Array, dim: int, lag: int) -> Array:
    """Return ‖X_i − X_j‖² for all pairs, shape (n, n), added up in the kernel's order."""
    n = len(series) - (dim - 1) * lag
    total = np.zeros((n, n))
    for r in range(dim):
        part = series[r * lag : r * lag + n]
        total += (part[:, None] - part[None, :]) ** 2
    return total


def _neighbours_plain(
    series: Array, dim: int, lag: int, min_tsep: int, n: int
) -> tuple[Index, Array]:
    index = np.arange(n)
    squared = _squared_distances(series, dim, lag)[:n, :n]
    near = np.abs(index[:, None] - index[None, :]) <= min_tsep
    nearest = np.where(near, np.inf, squared).argmin(axis=1)
    return nearest, squared[index, nearest]


@kernel(_neighbours_plain)
def _neighbours(series: Array, dim: int, lag: int, min_tsep: int, n: int) -> tuple[Index, Array]:
    """Return the nearest neighbour of each of the first `n` vectors and its squared distance."""
    # One diagonal of the distance matrix at a time: no matrix is kept, and each of these loops
    # is one vector instruction after the other. A pair serves both of its points; the best
    # earlier and the best later neighbour stand apart so that ties go to the earliest.
    before, after = np.full(n, np.inf), np.full(n, np.inf)
    before_by, after_by = np.zeros(n, np.int64), np.zeros(n, np.int64)
    squares, squared = np.empty(len(series)), np.empty(n)
    for by in range(min_tsep + 1, n):
        size = n - by
        later = series[by:]
        for i in range(size + (dim - 1) * lag):
            step = series[i] - later[i]
            squares[i] = step * step
        for i in range(size):
            squared[i] = squares[i]
        for r in range(1, dim):
            part = squares[r * lag :]
            for i in range(size):
                squared[i] += part[i]
        for i in range(size):
            nearer = squared[i] < after[i]
            after[i] = squared[i] if nearer else after[i]
            after_by[i] = by if nearer else after_by[i]
        best, best_by = before[by:], before_by[by:]
        for i in range(size):
            nearer = squared[i] <= best[i]
            best[i] = squared[i] if nearer else best[i]
            best_by[i] = by if nearer else best_by[i]
    for i in range(n):
        earlier = before[i] <= after[i]
        after[i] = before[i] if earlier else after[i]
        after_by[i] = i - before_by[i] if earlier else i + after_by[i]
    return after_by, after


def _divergence_plain(
    series: Array, dim: int, lag: int, min_tsep: int, trajectory_len: int
) -> tuple[Array, Array]:
    n = len(series) - (dim - 1) * lag - trajectory_len + 1
    curve = np.full(trajectory_len, np.nan)
    if n < 2 * min_tsep + 2:
        return curve, np.zeros(0)
    nearest, least = _neighbours_plain(series, dim, lag, min_tsep, n)
    squared = _squared_distances(series, dim, lag)
    for k in range(trajectory_len):
        at = squared[np.arange(n) + k, nearest + k]
        at = at[at > 0.0]
        if len(at):
            curve[k] = 0.5 * np.log(at).mean()
    return curve, least


@kernel(_divergence_plain)
def divergence(
    series: Array, dim: int, lag: int, min_tsep: int, trajectory_len: int
) -> tuple[Array, Array]:
    """Return d(k), shape (trajectory_len,), and the squared nearest distances, shape (n,).

    n = N − (dim − 1)·lag − trajectory_len + 1 trajectories; d(k) is nan where all distances are
    zero, and everywhere when there are fewer than 2·min_tsep + 2 trajectories (no distances
    then). Of equally near neighbours the earliest is taken.
    """
    n = len(series) - (dim - 1) * lag - trajectory_len + 1
    curve = np.full(trajectory_len, np.nan)
    if n < 2 * min_tsep + 2:
        return curve, np.zeros(0)
    nearest, squared = _neighbours(series, dim, lag, min_tsep, n)
    # The logarithm of a product is the sum of the logarithms, at the price of one: products are
    # kept within the range of a float64 and logged when they are about to leave it.
    product, logs = np.ones(trajectory_len), np.zeros(trajectory_len)
    counted, squares = np.zeros(trajectory_len), np.empty(trajectory_len + (dim - 1) * lag)
    for i in range(n):
        other = series[nearest[i] :]
        for k in range(len(squares)):
            step = series[i + k] - other[k]
            squares[k] = step * step
        for k in range(trajectory_len):
            distance = squares[k]
            for r in range(1, dim):
                distance += squares[k + r * lag]
            if distance > 0.0:
                counted[k] += 1.0
                ahead = product[k] * distance
                if ahead < 1e-200 or ahead > 1e200:
                    logs[k] += math.log(product[k]) + math.log(distance)
                    ahead = 1.0
                product[k] = ahead
    for k in range(trajectory_len):
        if counted[k]:
            curve[k] = 0.5 * (logs[k] + math.log(product[k])) / counted[k]
    return curve, squared


def slope(curve: Array) -> tuple[float, float]:
    """Return the least-squares slope and intercept of curve[k] over k = 0, 1, …"""
    steps = np.arange(len(curve)) - (len(curve) - 1) / 2
    mean = float(curve.mean())
    tilt = float(steps @ (curve - mean)) / float(steps @ steps)
    return tilt, mean - tilt * (len(curve) - 1) / 2


def shortest(dim: int, lag: int, min_tsep: int, trajectory_len: int) -> int:
    """Return how many values a series needs; raises ValueError for parameters without sense."""
    if dim < 1 or lag < 1 or min_tsep < 0 or trajectory_len < 2:
        raise ValueError("lyapunov needs dim, lag >= 1, min_tsep >= 0 and trajectory_len >= 2")
    return (dim - 1) * lag + trajectory_len + 2 * min_tsep + 1


def _doubt(nearest: Array) -> str:
    """Return why the squared distances `nearest` allow no exponent, "" when they do."""
    share = float((nearest == 0.0).mean()) if len(nearest) else 1.0
    if share >= ZERO_SHARE_MAX:
        return f"{share:.0%} of the nearest neighbours are at distance zero: values too coarse"
    if np.ptp(nearest) <= 1e-6 * nearest.max():
        return "every nearest neighbour is equally far: a straight line"
    return ""


def exponent(window: Array, dim: int, lag: int, min_tsep: int, trajectory_len: int) -> float:
    """Return the exponent per step of a finite window, shape (n,); nan where it has none.

    For surrogates: without the count of distinct values, which they share with their window.
    """
    curve, nearest = divergence(window, dim, lag, min_tsep, trajectory_len)
    if not np.isfinite(curve).all() or _doubt(nearest):
        return math.nan
    return slope(curve)[0]


def measure(
    series: Array, dim: int, lag: int, min_tsep: int, trajectory_len: int
) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the exponent per step, the divergence curve d(k) in nats and its intercept."""
    enough(series, shortest(dim, lag, min_tsep, trajectory_len))
    spread = float(series.std())
    varied(np.round((series - series.mean()) / (SAME * (spread or 1.0))))
    curve, nearest = divergence(series, dim, lag, min_tsep, trajectory_len)
    doubt = _doubt(nearest)
    if doubt:
        raise Abstain(doubt)
    repeats = float((nearest < (SAME * spread) ** 2).mean())
    flags: tuple[str, ...] = ()
    if repeats >= ZERO_SHARE_MAX:
        flags = (f"{repeats:.0%} of the neighbours are repeats up to rounding: periodic",)
    value, intercept = slope(curve)
    return value, {"curve": curve.tolist(), "intercept": intercept}, flags


def reference(series: Array, dim: int, lag: int, min_tsep: int, trajectory_len: int) -> float:
    """Return the same exponent by nolds; raises ImportError without the extra `check`."""
    with warnings.catch_warnings():
        # nolds 0.6.2 asks pkg_resources for its data, which announces its own end.
        warnings.simplefilter("ignore")
        import nolds  # noqa: PLC0415 - only for --check, and not installed with the daemon
    return float(
        nolds.lyap_r(
            series,
            emb_dim=dim,
            lag=lag,
            min_tsep=min_tsep,
            trajectory_len=trajectory_len,
            fit="poly",
        )
    )


LENS = Lens(
    "lyapunov",
    "how fast do neighbouring stretches of it drift apart?",
    {"dim": 3, "lag": 1, "min_tsep": 20, "trajectory_len": 10},
    measure,
    reference,
)
