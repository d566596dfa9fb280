"""Slices drawn to what all of them say, each by as much as it is uncertain itself.

Given the spread τ of their true values, a slice of variance v keeps τ²/(τ² + v) of its distance to
the mean; sixty values of τ, up to three standard deviations of the estimates, count by how likely
they make what was seen (Gelman et al., "Bayesian Data Analysis", section 5.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, isfinite, log, sqrt
from typing import NamedTuple

NORMAL_95 = 1.959963984540054
SPREADS = 60
FAR = 3.0


class Drawn(NamedTuple):
    """A slice's mean drawn to that of all, with its 95 % interval."""

    value: float
    low: float
    high: float


def drawn(slices: Mapping[str, tuple[float | None, float]], name: str) -> Drawn | None:
    """Return one of the slices, which are given by mean and variance; None where none is known."""
    known = [(d, v) for d, v in slices.values() if d is not None and isfinite(v) and v > 0.0]
    if not known:
        return None
    centre = sum(d for d, _ in known) / len(known)
    far = FAR * sqrt(sum((d - centre) ** 2 for d, _ in known) / len(known))
    spreads = [far * (2 * i + 1) / (2 * SPREADS) for i in range(SPREADS)] if far else [0.0]
    logs, means, variances = [], [], []
    for tau in spreads:
        precision = [1.0 / (v + tau * tau) for _, v in known]
        total = sum(precision)
        mean = sum(p * d for p, (d, _) in zip(precision, known, strict=True)) / total
        fit = sum(
            (log(p) - p * (d - mean) ** 2) / 2.0 for p, (d, _) in zip(precision, known, strict=True)
        )
        logs.append(fit - log(total) / 2.0)
        means.append(mean)
        variances.append(1.0 / total)
    likely = [exp(one - max(logs)) for one in logs]
    d, v = slices[name]
    first = second = 0.0
    for tau, share, mean, unsure in zip(spreads, likely, means, variances, strict=True):
        if d is None or not (isfinite(v) and v > 0.0):
            at, spread = mean, tau * tau + unsure
        else:
            keep = tau * tau / (tau * tau + v)
            at, spread = mean + keep * (d - mean), keep * v + (1.0 - keep) ** 2 * unsure
        first += share * at
        second += share * (at * at + spread)
    first, second = first / sum(likely), second / sum(likely)
    half = NORMAL_95 * sqrt(max(second - first * first, 0.0))
    return Drawn(first, first - half, first + half)
