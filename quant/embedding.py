"""Delay embedding of a series: its lag, its dimension, or the finding that none helps.

Lag: the first local minimum of the average mutual information
I(L) = Σ p_ij log(p_ij / (p_i p_j)) of x_t and x_{t+L}, in nats, on bins of equal width (A. Fraser
and H. Swinney, Physical Review A 33, 1986; equiprobable bins would turn a sine into a triangle
wave, whose information is the same at every lag). The plug-in estimate is up to (bins − 1)²/(2n)
too high, and so is that of a shuffled series: a minimum counts only above the 95 % of shuffles,
else the lag is 1, which is what returns get.

Dimension: with E(d) the mean growth of the distance to the nearest neighbour (max norm) from d to
d + 1 dimensions, E1(d) = E(d + 1)/E(d) levels off at 1 from the dimension on that unfolds the
series; E*(d) is the mean distance of what follows two neighbours, and E2(d) = E*(d + 1)/E*(d) is
about 1 at every d when the past tells nothing about the future (L. Cao, Physica D 110, 1997).
False neighbours (M. Kennel, R. Brown and H. Abarbanel, Physical Review A 45, 1992) are given too;
noise inflates them. All this is a diagnosis for now and then (milliseconds to seconds), not for
every bar: a lens whose lag and dimension change with the window cannot be compared with itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.lens import Abstain, Array, Lens, enough, varied

SHUFFLES = 199
# Kennel's tolerances: growth of the distance in one step, and its size in standard deviations.
GROWTH_MAX, SIZE_MAX = 15.0, 2.0
# A minimum of the information is followed by a rise of this share of I(1).
RISE = 0.03
# Nats above the noise that the last value must tell of the next for a lag to be worth choosing.
WEAK = 0.1
# E1 has levelled off where it is within this of 1 and stays so.
LEVEL = 0.2
# Distances below this share of the range are repeats up to rounding, not neighbours.
SAME = 1e-9
# Rows of the distance matrix at a time, to bound the memory of long series.
BLOCK = 256


def binned(series: Array, bins: int) -> NDArray[np.int64]:
    """Return the bin of equal width, 0 … bins − 1, of each value between least and greatest."""
    low, high = float(series.min()), float(series.max())
    place = (series - low) * (bins / ((high - low) or 1.0))
    return np.minimum(place.astype(np.int64), bins - 1)


def mutual_information(first: NDArray[np.int64], second: NDArray[np.int64], bins: int) -> float:
    """Return the mutual information in nats of two series of bins, both of shape (n,)."""
    joint = np.bincount(first * bins + second, minlength=bins * bins).reshape(bins, bins)
    share = joint / len(first)
    alone = share.sum(axis=1)[:, None] * share.sum(axis=0)[None, :]
    seen = joint > 0
    return float((share[seen] * np.log(share[seen] / alone[seen])).sum())


def average_mutual_information(series: Array, lag_max: int, bins: int) -> tuple[Array, Array]:
    """Return I(1) … I(lag_max) in nats, and I(1) of each of SHUFFLES shuffles of the series."""
    boxes = binned(series, bins)
    information = np.array(
        [mutual_information(boxes[:-lag], boxes[lag:], bins) for lag in range(1, lag_max + 1)]
    )
    draws = np.random.default_rng(0)
    shuffled = np.empty(SHUFFLES)
    for s in range(SHUFFLES):
        mixed = draws.permutation(boxes)
        shuffled[s] = mutual_information(mixed[:-1], mixed[1:], bins)
    return information, shuffled


def first_minimum(information: Array, noise: float, spread: float) -> int:
    """Return the lag of the first minimum of I above `noise`, 0 when there is none.

    Bins make I jump a little from lag to lag: a minimum is one once I has risen by RISE·I(1)
    after it, and by four times the standard deviation `spread` of the estimate. Of a flat bottom
    it is the middle. Where I(1) itself is weak, as under clustered volatility, there is none.
    """
    if information[0] < noise + WEAK:
        return 0
    rise = max(RISE * information[0], 4.0 * spread)
    least = 0
    for lag in range(1, len(information)):
        if information[lag] < information[least]:
            least = lag
        elif information[lag] > information[least] + rise:
            bottom = np.flatnonzero(information[:lag] <= information[least] + rise / 5)
            return int(bottom.mean()) + 1 if least and information[least] > noise else 0
    return 0


def neighbours(series: Array, lag: int, dim_max: int) -> tuple[Array, Array]:
    """Return distance to the nearest neighbour and distance of what follows, (dim_max, n) each.

    Row d − 1: vectors of dimension d in the max norm, the first N − d·lag of them; what follows is
    |x_{i+d·lag} − x_{j+d·lag}|. Repeats are passed over; nan past the end of the series.
    """
    same = SAME * float(np.ptp(series))
    count = len(series) - lag
    near = np.full((dim_max, count), np.nan)
    step = np.full((dim_max, count), np.nan)
    for start in range(0, count, BLOCK):
        far = np.zeros((min(BLOCK, count - start), len(series)))
        for d in range(1, dim_max + 1):
            n = len(series) - d * lag
            rows = min(BLOCK, n - start)
            if rows <= 0:
                break
            ahead = (d - 1) * lag
            far = far[:rows, :n]
            part = series[ahead : ahead + n]
            np.maximum(far, np.abs(part[start : start + rows, None] - part[None, :]), out=far)
            index = np.arange(rows)
            other = np.where(far > same, far, np.inf).argmin(axis=1)
            near[d - 1, start : start + rows] = far[index, other]
            follow = series[d * lag : d * lag + n]
            step[d - 1, start : start + rows] = np.abs(follow[start : start + rows] - follow[other])
    return near, step


def false_neighbours(near: Array, step: Array, spread: float) -> Array:
    """Return Kennel's share of false neighbours at each dimension; `spread` is the sd."""
    grown = np.maximum(near, step)
    false = (step > GROWTH_MAX * near) | (grown > SIZE_MAX * spread)
    known = ~np.isnan(near)
    return np.asarray((false & known).sum(axis=1) / known.sum(axis=1))


def cao(near: Array, step: Array) -> tuple[Array, Array]:
    """Return E1(d) and E2(d) for d = 1 … dim_max − 1."""
    growth = np.nanmean(np.maximum(near, step) / near, axis=1)
    follow = np.nanmean(step, axis=1)
    return growth[1:] / growth[:-1], follow[1:] / follow[:-1]


def levelled(e1: Array) -> int:
    """Return the first dimension from which on E1 stays level, 0 when it never does."""
    level = np.abs(e1 - 1.0) <= LEVEL
    if not level[-1]:
        return 0
    uneven = np.flatnonzero(~level)
    return int(uneven[-1]) + 2 if len(uneven) else 1


def measure(
    series: Array, lag_max: int, bins: int, dim_max: int
) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the dimension by Cao, with the lag and the curves behind both."""
    if lag_max < 1 or bins < 2 or dim_max < 3:
        raise ValueError("embedding needs lag_max >= 1, bins >= 2 and dim_max >= 3")
    enough(series, max(8 * bins, lag_max + 2 * bins, 100))
    varied(series, 10)
    information, shuffled = average_mutual_information(series, lag_max, bins)
    noise = float(np.quantile(shuffled, 0.95))
    flags: list[str] = []
    lag = first_minimum(information, noise, float(shuffled.std()))
    if not lag:
        lag = 1
        flags.append("no minimum of the mutual information above that of shuffles: lag 1")
    if len(series) - dim_max * lag < 50:
        raise Abstain(f"needs {dim_max * lag + 50} values at lag {lag}, got {len(series)}")
    near, step = neighbours(series, lag, dim_max)
    if not np.isfinite(near[:, 0]).all():
        raise Abstain("all vectors are the same")
    e1, e2 = cao(near, step)
    # Distances to a stranger vary by about 0.75 of their mean, and E2 is the ratio of two means.
    tolerance = 0.05 + 3.0 * 0.75 * (2.0 / near.shape[1]) ** 0.5
    stochastic = bool((np.abs(e2 - 1.0) < tolerance).all())
    if stochastic:
        flags.append("stochastic: E2 is about 1 at every dimension, so none unfolds the series")
    dim = levelled(e1)
    if not dim:
        dim = dim_max
        flags.append(f"E1 has not levelled off by dimension {dim_max}")
    return (
        float(dim),
        {
            "lag": lag,
            "ami": information.tolist(),
            "ami_noise": noise,
            "fnn": false_neighbours(near, step, float(series.std())).tolist(),
            "e1": e1.tolist(),
            "e2": e2.tolist(),
            "stochastic": stochastic,
        },
        tuple(flags),
    )


LENS = Lens(
    "embedding",
    "which lag and dimension unfold it, if any do?",
    {"lag_max": 31, "bins": 16, "dim_max": 8},
    measure,
)
