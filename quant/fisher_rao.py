"""Fisher–Rao distance between the halves of a series: how far has the distribution moved?

Two Gaussians are points of a hyperbolic plane; the distance is along its geodesic:
d = √2·arccosh(1 + [(m₁ − m₂)² + 2(s₁ − s₂)²]/(4 s₁ s₂)), a pure number (Costa, Santos &
Strapasson 2015); for neighbours d²/2 is their relative entropy in nats. For equal means it is
√2·|ln(s₁/s₂)|: on minute returns, whose means are next to nothing, a ratio of volatilities. Its
noise for halves of n values with kurtosis κ is about √2·√((κ − 1)/(2n)).

The arc is about shape alone: each half is standardised by itself, both are cut into bins of equal
count of the whole, and 2·arccos Σ√(pᵢqᵢ), the same distance between two histograms, is taken
(Bhattacharyya). It lies between 0 and π.
"""

from __future__ import annotations

from math import asin, isfinite, log, log1p, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.lens import Abstain, Lens, enough

Array = NDArray[np.float64]

DEFAULTS = {"bins": 8}
HALF_MIN = 4
# So that no sum overflows.
LARGEST = 1e290

# Standardised values closer than this are ties: a scale may not decide how they are counted.
DECIMALS = 9


def distance(m1: float, s1: float, m2: float, s2: float) -> float:
    """Return the distance between the Gaussians N(m1, s1²) and N(m2, s2²).

    Raises ValueError unless all are finite and both standard deviations positive.
    """
    if not (s1 > 0.0 and s2 > 0.0 and all(map(isfinite, (m1, s1, m2, s2)))):
        raise ValueError(f"N({m1}, {s1}²), N({m2}, {s2}²): finite, with positive deviations")
    # By ratios, which neither overflow nor vanish before their product does.
    away = ((m1 - m2) / s1) * ((m1 - m2) / s2) + 2.0 * ((s1 - s2) / s1) * ((s1 - s2) / s2)
    away /= 4.0
    # arccosh(1 + away), exact for the smallest.
    return sqrt(2.0) * log1p(away + sqrt(away) * sqrt(away + 2.0))


def _moments(half: Array) -> tuple[float, float]:
    """Return mean and standard deviation, the likeliest; abstain where half is constant."""
    low, high = float(half.min()), float(half.max())
    largest = max(-low, high)
    if high - low <= 1e-12 * largest:
        raise Abstain("half of the series is constant")
    if largest > LARGEST:
        raise Abstain(f"the series holds a number beyond {LARGEST:g}")
    mean = float(half.sum()) / len(half)
    # In units of the range, so that no square over- or underflows.
    away = (half - mean) / (high - low)
    return mean, (high - low) * sqrt(float(away @ away) / len(half))


def _halves(series: Array) -> tuple[Array, Array]:
    """Return the older and the newer half; the newer is one longer if the length is odd."""
    enough(series, 2 * HALF_MIN)
    middle = len(series) // 2
    return series[:middle], series[middle:]


def halves(window: Array) -> float:
    """Return the Gaussian distance of a window's halves, nan where the lens would abstain."""
    try:
        first, second = _halves(window)
        return distance(*_moments(first), *_moments(second))
    except Abstain:
        return nan


def arc(first: Array, second: Array, bins: int = 8) -> float:
    """Return the arc, in [0, π], between the histograms of two standardised samples.

    Bins hold equal counts of both samples together, ties always in one bin. Raises ValueError
    for fewer than two bins.
    """
    if bins < 2:
        raise ValueError(f"bins={bins}: a shape needs two")
    parts = []
    for part in (first, second):
        mean, deviation = _moments(part)
        parts.append(np.round((part - mean) / deviation, DECIMALS))
    together = np.concatenate(parts)
    ranks = np.searchsorted(np.sort(together), together) * bins // len(together)
    split = len(first)
    p = np.bincount(ranks[:split], minlength=bins) / split
    q = np.bincount(ranks[split:], minlength=bins) / (len(together) - split)
    # By the chord, since the cosine of a small angle is 1 to rounding.
    chord = sqrt(float(((np.sqrt(p) - np.sqrt(q)) ** 2).sum()))
    return 4.0 * asin(min(1.0, chord / 2.0))


def measure(series: Array, *, bins: int) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the Gaussian distance of the halves of a series (n,), their moments and arc."""
    first, second = _halves(series)
    m1, s1 = _moments(first)
    m2, s2 = _moments(second)
    found = {
        "mean_1": m1,
        "sd_1": s1,
        "mean_2": m2,
        "sd_2": s2,
        "log_sd_ratio": log(s2 / s1),
        "arc": arc(first, second, bins),
    }
    return distance(m1, s1, m2, s2), found, ()


LENS = Lens("fisher_rao", "has its distribution moved?", DEFAULTS, measure)
