"""Small figures several bots need, computed from closed bars."""

from __future__ import annotations

from math import sqrt

from market.bars import Series


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
    mean = sum(values) / n
    return mean, sqrt(sum((v - mean) ** 2 for v in values) / n)
