"""Shrinkage of several estimates towards their common mean, by how little each is known.

Of many slices the best and the worst are mostly luck. Their true values are taken to be spread
about a mean with standard deviation τ; given τ, each estimate of variance s² is drawn to the mean
and keeps τ²/(τ² + s²) of itself. How far they are spread is learned from how much they differ, and
what remains unknown of it is averaged over (Gelman et al., "Bayesian Data Analysis", section 5.4, τ
uniform): a single best τ would often be zero, and the intervals far too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isfinite, log, sqrt
from typing import NamedTuple

from quant.sums import sum_in_order

NORMAL_95 = 1.959963984540054
GRID = 60
# The highest τ that is thought of, in standard deviations of the estimates.
SPREAD_MAX = 3.0


class Shrunken(NamedTuple):
    """An estimate drawn to the mean, with a 95 % interval; `kept` is what it kept of itself."""

    value: float
    low: float
    high: float
    kept: float


class _Level(NamedTuple):
    """One τ²: how likely it is, and the mean with its variance under it."""

    likely: float
    tau2: float
    mean: float
    variance: float


def shrink(estimates: Sequence[tuple[float, float]]) -> list[Shrunken | None]:
    """Return each estimate, given with its variance, drawn to what all have in common.

    One without a finite variance above zero takes what the others say; all are None when none has.
    """
    known = [(d, v) for d, v in estimates if _is_known(d, v)]
    if not known:
        return [None] * len(estimates)
    levels = _levels(known)
    return [_drawn(d, v, levels) for d, v in estimates]


def _is_known(estimate: float, variance: float) -> bool:
    return isfinite(estimate) and isfinite(variance) and variance > 0.0


def _levels(known: Sequence[tuple[float, float]]) -> list[_Level]:
    middle = sum_in_order(d for d, _ in known) / len(known)
    apart = sum_in_order((d - middle) ** 2 for d, _ in known) / len(known)
    top = SPREAD_MAX * sqrt(apart)
    # Middles of equal steps; where nothing differs, τ is zero.
    taus = [top * (i + 0.5) / GRID for i in range(GRID)] if top else [0.0]
    levels = [_level(known, tau * tau) for tau in taus]
    most = max(level.likely for level in levels)
    weights = [exp(level.likely - most) for level in levels]
    total = sum_in_order(weights)
    return [
        level._replace(likely=weight / total) for level, weight in zip(levels, weights, strict=True)
    ]


def _level(known: Sequence[tuple[float, float]], tau2: float) -> _Level:
    """Return mean and variance under τ², and the logarithm of how likely it is."""
    weights = [1.0 / (v + tau2) for _, v in known]
    total = sum_in_order(weights)
    mean = sum_in_order(w * d for w, (d, _) in zip(weights, known, strict=True)) / total
    likely = sum_in_order(
        0.5 * log(w) - 0.5 * w * (d - mean) ** 2 for w, (d, _) in zip(weights, known, strict=True)
    )
    return _Level(likely - 0.5 * log(total), tau2, mean, 1.0 / total)


def _drawn(estimate: float, variance: float, levels: Sequence[_Level]) -> Shrunken:
    known = _is_known(estimate, variance)
    value = square = kept = 0.0
    for level in levels:
        weight = level.tau2 / (level.tau2 + variance) if known else 0.0
        at = level.mean + (weight * (estimate - level.mean) if known else 0.0)
        own = weight * variance if known else level.tau2
        spread = own + (1.0 - weight) ** 2 * level.variance
        value += level.likely * at
        square += level.likely * (at * at + spread)
        kept += level.likely * weight
    half = NORMAL_95 * sqrt(max(square - value * value, 0.0))
    return Shrunken(value, value - half, value + half, kept)
