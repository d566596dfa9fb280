"""Student's t in plain Python, for whole and fractional degrees of freedom.

scipy takes a tenth of a second and tens of megabytes to import, and a report needs one number of
it. The tail is ½ I_x(ν/2, ½) with x = ν/(ν + t²), the regularised incomplete beta function by its
continued fraction (Lentz; Press et al., "Numerical Recipes", section 6.4). Its quantile is found by
Newton steps on ln tail over ln t, which is nearly straight for heavy tails and bends one way only.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist

# Below it a quantile can leave the range of floats.
DEGREES_MIN = 0.1
TINY = 1e-300
STEPS_MAX = 10_000
ASYMPTOTIC_FROM = 40.0
EXPANSION_FROM = 1e5


def tail(t: float, degrees: float) -> float:
    """Return how likely Student's t is at least as high as this one."""
    if t < 0.0:
        return 1.0 - tail(-t, degrees)
    a = degrees / 2.0
    ratio = t * t / degrees  # x = 1 / (1 + ratio)
    x = 1.0 / (1.0 + ratio)
    y = ratio / (1.0 + ratio)
    front = exp(_log_gamma_ratio(a) - 0.5 * log(pi) - a * log1p(ratio)) * sqrt(y)
    if x < (a + 1.0) / (a + 2.5):
        return 0.5 * front * _fraction(x, a, 0.5) / a
    return 0.5 * (1.0 - front * _fraction(y, 0.5, a) / 0.5)


@lru_cache(maxsize=4096)
def quantile(p: float, degrees: float) -> float:
    """Return the value below which Student's t lies with probability `p`, for 0.5 < p < 1.

    Raises ValueError for other `p` and for fewer than a tenth of a degree of freedom.
    """
    if not 0.5 < p < 1.0:
        raise ValueError(f"p must lie between 0.5 and 1: {p}")
    if not degrees >= DEGREES_MIN:
        raise ValueError(f"degrees of freedom must be at least {DEGREES_MIN}: {degrees}")
    start = NormalDist().inv_cdf(p)
    if degrees >= EXPANSION_FROM:
        return _expansion(start, degrees)
    target = 1.0 - p
    s, last = log(start), inf
    for _ in range(200):
        t = exp(s)
        beyond = tail(t, degrees)
        step = (log(beyond) - log(target)) * beyond / (_density(t, degrees) * t)
        s += step
        # Near the root every step is far smaller than the one before, until rounding is all.
        if abs(step) < 1e-15 or (abs(step) < 1e-8 and abs(step) >= last):
            break
        last = abs(step)
    return exp(s)


def _expansion(z: float, degrees: float) -> float:
    """Return the quantile as a series in 1/ν about the normal one (Abramowitz & Stegun 26.7.5)."""
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    return z + (first + second / degrees) / degrees


def _density(t: float, degrees: float) -> float:
    a = degrees / 2.0
    return exp(_log_gamma_ratio(a) - 0.5 * log(pi * degrees) - (a + 0.5) * log1p(t * t / degrees))


def _log_gamma_ratio(a: float) -> float:
    """Return ln Γ(a + ½) − ln Γ(a); by its series where the difference would lose its digits."""
    if a < ASYMPTOTIC_FROM:
        return lgamma(a + 0.5) - lgamma(a)
    b = 1.0 / (a * a)
    series = 1.0 / 8.0 - b * (1.0 / 192.0 - b * (1.0 / 640.0 - b * 17.0 / 14336.0))
    return 0.5 * log(a) - series / a


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > TINY else TINY)
    value = d
    for m in range(1, STEPS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > TINY else TINY)
            c = 1.0 + term / c
            c = c if abs(c) > TINY else TINY
            value *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return value
