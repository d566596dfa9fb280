"""Tails and path of a desk by days: what the mean of a year does not tell.

Made for the two desks of a limit, with it and without it, and whatever else has a result a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from msgspec import Struct

from quant.sums import sum_in_order

TAIL_SHARE = 0.05


class Tails(Struct, frozen=True):
    """Worst day, mean of the worst twentieth of the days (CVaR 5 %), and the deepest drawdown.

    In the units of the days; losses are negative, the drawdown is not. `under_water_days` is the
    longest stretch of days that closed below an earlier high, `under_water_now` the one that still
    lasts.
    """

    days: int
    worst: float
    cvar: float
    drawdown: float
    under_water_days: int
    under_water_now: int


def tails(results: Sequence[float]) -> Tails | None:
    """Return the tails of results by day, in order; None without days.

    The path begins at zero, which is its first high. Raises ValueError for what is no number.
    """
    if not results:
        return None
    if not all(isfinite(result) for result in results):
        raise ValueError("a day's result must be finite")
    total = high = drawdown = 0.0
    under = longest = 0
    for result in results:
        total += result
        under = 0 if total >= high else under + 1
        high = max(high, total)
        drawdown = max(drawdown, high - total)
        longest = max(longest, under)
    return Tails(len(results), min(results), _cvar(results), drawdown, longest, under)


def _cvar(results: Sequence[float]) -> float:
    """Return the mean of the worst share of days, the last of them in part."""
    share = len(results) * TAIL_SHARE
    worst = sorted(results)
    if share <= 1.0:
        return worst[0]
    whole = int(share)
    beyond = (share - whole) * worst[whole] if whole < len(worst) else 0.0
    return (sum_in_order(worst[:whole]) + beyond) / share
