"""Features shared by several bots, computed from closed bars."""

from __future__ import annotations

from math import log, sqrt
from operator import mul

from market.series import Series
from quant.sums import sum_in_order


def true_range_mean(series: Series, n: int) -> float:
    """Return the mean true range, in USD, of the last `n` bars (needs n + 1)."""
    total = 0.0
    high, low, close = series.high, series.low, series.close
    for i in range(len(close) - n, len(close)):
        previous = close[i - 1]
        total += max(high[i], previous) - min(low[i], previous)
    return total / n


def mean_and_deviation(values: list[float]) -> tuple[float, float]:
    """Return the mean and the population standard deviation."""
    n = len(values)
    mean = sum_in_order(values) / n
    return mean, sqrt(sum_in_order((v - mean) ** 2 for v in values) / n)


def log_returns(close: list[float], n: int) -> list[float]:
    """Return the last `n` log returns, oldest first (needs n + 1 closes)."""
    return [log(b / a) for a, b in zip(close[-n - 1 : -1], close[-n:], strict=True)]


def root_mean_square(values: list[float]) -> float:
    """Return the deviation from zero."""
    return sqrt(sum_in_order(v * v for v in values) / len(values))


def line_fit(x: list[float], y: list[float]) -> tuple[float, float, float]:
    """Return intercept, slope and the slope's t value of y on x by least squares.

    The t value is 0.0 when the points leave no noise to measure it by, or x stands still.
    """
    n = len(x)
    mean_x, mean_y = sum_in_order(x) / n, sum_in_order(y) / n
    dx, dy = [a - mean_x for a in x], [b - mean_y for b in y]
    xx = sum_in_order(map(mul, dx, dx))
    if xx <= 0.0:
        return mean_y, 0.0, 0.0
    yy = sum_in_order(map(mul, dy, dy))
    xy = sum_in_order(map(mul, dx, dy))
    slope = xy / xx
    noise = (yy - slope * xy) / (n - 2)
    # Below this share the difference of two sums is rounding, not noise.
    t = slope / sqrt(noise / xx) if noise > 1e-12 * yy > 0.0 else 0.0
    return mean_y - slope * mean_x, slope, t
