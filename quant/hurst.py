"""Hurst exponent, by detrended fluctuations and by rescaled range: does the series remember?

Both ask how a spread grows with the length n of the stretch it is taken over, as the slope of
log spread against log n: 0.5 for steps without memory, more when moves tend to go on, less when
they tend to turn back. Feed returns: of a price the answer is one too high.

DFA-1 (Peng et al. 1994): the profile is the running sum of deviations from the mean; boxes of n
values start at 0, ⌊n/2⌋, 2⌊n/2⌋, … while they start before N − n; in each the profile is taken
about its least-squares line; F(n) is the root of the mean square over all boxes. Sizes are
⌊n_min·1.2^i⌋ from n_min to n_max, here 10 to N/4, where the estimate is nearly free of bias for
fractional Gaussian noise (nolds' default, 4 to N/10, is 0.03 to 0.06 too high). Its standard
error at N = 512 is still 0.04 to 0.07.

R/S (Hurst 1951): over disjoint stretches of n values, the mean of the range of the running sum of
deviations over the standard deviation. Sizes are nolds' default, fifteen in the middle quarter of
the logarithmic scale up to N. Corrected: less its expectation for independent Gaussian steps, plus
0.5 (Anis & Lloyd 1976, Peters 1994). Both equal nolds with `fit="poly"`.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from math import floor, lgamma, log, nan, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel
from quant.lens import Abstain, Lens

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

FACTOR = 1.2
SIZES_MIN = 4
DFA, RS = 0, 1
DEFAULTS = {"n_min": 10, "n_max": 0, "method": DFA}

# Loops that only another kernel calls.


def _squares_plain(profile: Array, sizes: Ints) -> Array:
    """Return the mean square about the boxes' lines, of each size."""
    out = np.empty(len(sizes))
    for i, n in enumerate(sizes.tolist()):
        starts = np.arange(0, len(profile) - n, n // 2)
        boxes = profile[starts[:, None] + np.arange(n)]
        boxes = boxes - boxes.mean(axis=1, keepdims=True)
        along = np.arange(n) - (n - 1) / 2
        slope = boxes @ along / (along @ along)
        rest = boxes - slope[:, None] * along
        out[i] = (rest * rest).sum() / (n * len(starts))
    return out


@kernel()
def _box(values: Array, middle: float, spread: float) -> float:
    """Return the sum of squares of values about their line."""
    mean = slope = total = 0.0
    for k in range(len(values)):
        mean += values[k]
    mean /= len(values)
    for k in range(len(values)):
        slope += (k - middle) * (values[k] - mean)
    slope /= spread
    for k in range(len(values)):
        rest = values[k] - mean - (k - middle) * slope
        total += rest * rest
    return total


@kernel(_squares_plain)
def _squares(profile: Array, sizes: Ints) -> Array:
    # Running sums of y, t·y and y², t counted from the middle, make each box a handful of
    # operations. What is left of them is far smaller than they are: where rounding might reach
    # 1e-9 of it, each box is summed by itself instead.
    count = len(profile)
    sums = np.zeros((count + 1, 3))
    level = weighted = square = reached = 0.0
    for i in range(count):
        y = profile[i]
        level += y
        weighted += (i - count / 2.0) * y
        square += y * y
        sums[i + 1, 0], sums[i + 1, 1], sums[i + 1, 2] = level, weighted, square
        reached = max(reached, abs(weighted), abs(level) * count / 2.0)
    out = np.empty(len(sizes))
    for which in range(len(sizes)):
        n = sizes[which]
        middle = (n - 1) / 2.0
        spread = n * (n * n - 1.0) / 12.0
        total, steep, boxes = 0.0, 0.0, 0
        for start in range(0, count - n, n // 2):
            y = sums[start + n, 0] - sums[start, 0]
            slope = sums[start + n, 1] - sums[start, 1] - (start + middle - count / 2.0) * y
            slope /= spread
            total += sums[start + n, 2] - sums[start, 2] - y * y / n - slope * slope * spread
            steep += abs(slope)
            boxes += 1
        if not total > 2e-7 * (boxes * square + steep * reached):
            total = 0.0
            for start in range(0, count - n, n // 2):
                total += _box(profile[start : start + n], middle, spread)
        out[which] = total / (n * boxes)
    return out


def _ratios_plain(series: Array, sizes: Ints) -> Array:
    """Return the mean rescaled range of each size, nan where every stretch is constant."""
    out = np.full(len(sizes), nan)
    for i, n in enumerate(sizes.tolist()):
        parts = series[: len(series) // n * n].reshape(-1, n)
        parts = parts[parts.max(axis=1) > parts.min(axis=1)]
        if len(parts):
            away = np.cumsum(parts - parts.mean(axis=1, keepdims=True), axis=1)
            out[i] = ((away.max(axis=1) - away.min(axis=1)) / parts.std(axis=1, ddof=1)).mean()
    return out


@kernel(_ratios_plain)
def _ratios(series: Array, sizes: Ints) -> Array:
    out = np.full(len(sizes), np.nan)
    for which in range(len(sizes)):
        n = sizes[which]
        total, parts = 0.0, 0
        for start in range(0, len(series) - n + 1, n):
            mean, varied = 0.0, False
            for k in range(start, start + n):
                mean += series[k]
                varied |= series[k] != series[start]
            if not varied:
                continue
            mean /= n
            away = square = 0.0
            low, high = np.inf, -np.inf
            for k in range(start, start + n):
                step = series[k] - mean
                away += step
                square += step * step
                low, high = min(low, away), max(high, away)
            total += (high - low) / sqrt(square / (n - 1))
            parts += 1
        if parts:
            out[which] = total / parts
    return out


@lru_cache(maxsize=64)
def dfa_sizes(n_min: int, n_max: int) -> Ints:
    """Return the box sizes ⌊n_min·1.2^i⌋, i = 0, 1, …, up to n_max, each once, ascending."""
    if n_max < n_min:
        return np.empty(0, np.int64)
    steps = floor(log(n_max / n_min) / log(FACTOR))
    return np.array(sorted({floor(n_min * FACTOR**i) for i in range(steps + 1)}), np.int64)


@lru_cache(maxsize=64)
def rs_sizes(count: int) -> Ints:
    """Return the stretches of R/S for a series of `count` values, each once, ascending."""
    span = log(count) / 4.0
    middle = 1.5 * span + np.arange(15) / 15 * span
    return np.unique(np.round(np.exp(middle)).astype(np.int64))


def _expected(n: int) -> float:
    """Return E[(R/S)_n] of independent Gaussian steps: Anis and Lloyd, with Peters' factor."""
    i = np.arange(1, n)
    gammas = np.exp(lgamma((n - 1) / 2) - lgamma(n / 2)) / sqrt(pi)
    return float((n - 0.5) / n * gammas * np.sqrt((n - i) / i).sum())


@lru_cache(maxsize=64)
def _fit(sizes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the weights whose product with log spreads is their slope, and E[R/S] in logs."""
    along = np.log(np.array(sizes, np.float64))
    along -= along.mean()
    return along / (along @ along), np.log([_expected(n) for n in sizes])


@lru_cache(maxsize=64)
def _boxes(count: int, n_min: int, n_max: int) -> tuple[Ints, Array]:
    """Return the box sizes for a series of `count` values, and the weights of their slope."""
    if n_min < 4 or (n_max and n_max < n_min):
        raise ValueError(f"n_min={n_min}, n_max={n_max}: a box needs 4 values, n_max more")
    sizes = dfa_sizes(n_min, n_max or count // 4)
    if len(sizes) < SIZES_MIN:
        raise Abstain(f"{count} values leave {len(sizes)} box sizes, needs {SIZES_MIN}")
    if sizes[-1] >= count:
        raise Abstain(f"{count} values do not fill two boxes of {sizes[-1]}")
    return sizes, _fit(tuple(sizes.tolist()))[0]


def _dfa(series: Array, n_min: int, n_max: int) -> float:
    sizes, weights = _boxes(len(series), n_min, n_max)
    away = series - series.mean()
    scale = max(float(away.max()), -float(away.min()))
    if scale <= 1e-12 * abs(float(series[0])):
        raise Abstain("the series is constant")
    # In units of the largest deviation, so that no square over- or underflows.
    profile = (away / scale).cumsum()
    squares = _squares(profile - profile.mean(), sizes)
    if not squares.min() > 1e-24 * len(series):
        raise Abstain("the profile is straight in every box of some size")
    return float(weights @ np.log(squares)) / 2.0


def dfa(window: Array, n_min: int = 10, n_max: int = 0) -> float:
    """Return the DFA-1 exponent of a window (n,), nan where the lens would abstain.

    `n_max` 0 stands for a quarter of the window. Raises ValueError for sizes that make no sense.
    """
    try:
        return _dfa(window, n_min, n_max)
    except Abstain:
        return nan


def rescaled_range(series: Array) -> tuple[float, float]:
    """Return the R/S exponent of a series (n,), raw and corrected; nan for a constant one."""
    sizes = rs_sizes(len(series))
    # A copy, since read-only memory would be another type to compile for.
    ratios = _ratios(np.array(series, dtype=np.float64), sizes)
    known = ratios > 0.0
    if known.sum() < SIZES_MIN:
        return nan, nan
    weights, expected = _fit(tuple(sizes[known].tolist()))
    logs = np.log(ratios[known])
    return float(weights @ logs), float(weights @ (logs - expected)) + 0.5


def measure(
    series: Array, *, n_min: int, n_max: int, method: int
) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the exponent of a series (n,): by DFA-1, or with `method` 1 the corrected R/S."""
    if method not in (DFA, RS):
        raise ValueError(f"method={method}: 0 is DFA, 1 is R/S")
    alpha = _dfa(series, n_min, n_max)
    raw, corrected = rescaled_range(series)
    found = {"dfa": alpha, "rs": raw, "rs_corrected": corrected}
    flags = ("above 1: a walk, not its steps; give it returns",) if alpha > 1.0 else ()
    return (alpha, corrected)[method], found, flags


def reference(series: Array, *, n_min: int, n_max: int, method: int) -> float:
    """Return the same exponent by nolds, given the same sizes."""
    with warnings.catch_warnings():
        # It imports pkg_resources, which announces its own end, and has escapes in its strings that
        # Python 3.12 warns of when it compiles them.
        warnings.simplefilter("ignore")
        import nolds  # noqa: PLC0415 - of the extra `check` only
    if method == RS:
        return float(nolds.hurst_rs(series, fit="poly"))
    sizes = dfa_sizes(n_min, n_max or len(series) // 4)
    return float(nolds.dfa(series, nvals=sizes.tolist(), fit_exp="poly"))


LENS = Lens("hurst", "do its moves go on, or turn back?", DEFAULTS, measure, reference)
