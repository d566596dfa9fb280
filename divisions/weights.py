"""Darwinian rule of weights: more for whoever earned more per unit of risk.

Once a day, at 00:00 UTC, names of one scope (the divisions, or the bots) are ranked by their
60-day Sharpe ratio. The top quartile's weights grow by ×1.05, the bottom quartile's shrink by
×0.95, within 0.3 and 2.5. A quartile of n ranked names is floor(n / 4): one of five divisions,
six of 26 bots. The numbers are those of ATLAS-GIC (github.com/chrisworsey55/atlas); the minimum
sample, the ties and the idle are stated here because there they are not.

What is ranked is the daily net R of everything a name signalled, each trade in units of its own
risk, so a weight never feeds back into the figure that moves it. R are integer millionths, so
sums, and with them ranks, are the same in whatever order they are made.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from math import sqrt

from msgspec import Struct

from market.events import MS_PER_DAY

START = 1.0
LOW, HIGH = 0.3, 2.5
UP, DOWN = 1.05, 0.95
WINDOW_DAYS = 60
DAYS_MIN = 20
CLOSED_MIN = 30

# By UTC day (its first millisecond): net R in millionths, and trades closed.
Series = Mapping[int, tuple[int, int]]


class Standing(Struct, frozen=True):
    """One name after a step: its new weight, what it rests on, and why it moved or stayed.

    `sharpe` is per day, not annualised, and None where there is nothing to divide by. `days` and
    `closed` count what the window holds.
    """

    weight: float
    sharpe: float | None
    days: int
    closed: int
    reason: str


def sharpe(returns_e6: list[int]) -> float | None:
    """Return mean over sample standard deviation; None below two values or without spread.

    Everything before the root is integer arithmetic, so equal series compare equal.
    """
    n = len(returns_e6)
    total = sum(returns_e6)
    spread = n * sum(r * r for r in returns_e6) - total * total
    if n < 2 or spread <= 0:
        return None
    return total * sqrt((n - 1) / (n * spread))


def step(
    weights: Mapping[str, float], series: Mapping[str, Series], ended_ms: int
) -> dict[str, Standing]:
    """Return every name's standing after the UTC day that began at `ended_ms` has ended.

    Only days of the window that ends with that day count. Ranked are names with the minimum
    sample that have a return on the day itself; the others are idle or too young, and stay.
    """
    windows = {name: _window(series.get(name, {}), ended_ms) for name in weights}
    ratios = {name: sharpe([r for r, _ in window]) for name, window in windows.items()}
    standing: dict[str, str] = {}
    ranked: dict[str, float] = {}
    for name, window in windows.items():
        ratio = ratios[name]
        closed = sum(c for _, c in window)
        if ended_ms not in series.get(name, {}):
            standing[name] = "idle: no return on the day"
        elif len(window) < DAYS_MIN:
            standing[name] = f"too young: {len(window)} of {DAYS_MIN} days"
        elif closed < CLOSED_MIN:
            standing[name] = f"too young: {closed} of {CLOSED_MIN} closed trades"
        elif ratio is None:
            standing[name] = "no spread to divide by"
        else:
            ranked[name] = ratio
    moves = quartiles(ranked)
    found = {}
    for name, weight in weights.items():
        window = windows[name]
        factor, reason = moves.get(name, (1.0, standing.get(name, "")))
        closed = sum(c for _, c in window)
        moved = clip(weight * factor)
        if factor != 1.0 and moved == weight:
            reason += ", already at the bound"
        found[name] = Standing(moved, ratios[name], len(window), closed, reason)
    return found


def _window(series: Series, ended_ms: int) -> list[tuple[int, int]]:
    first = ended_ms - (WINDOW_DAYS - 1) * MS_PER_DAY
    return [series[day] for day in sorted(series) if first <= day <= ended_ms]


def quartiles(ranked: Mapping[str, float]) -> dict[str, tuple[float, str]]:
    """Return each name's factor and the reason for it.

    Names that tie across a quartile's edge all stay: none of them is in it for certain.
    """
    n = len(ranked)
    size = n // 4
    ratios = sorted(ranked.values())
    moves = {}
    for name, ratio in ranked.items():
        below = bisect_left(ratios, ratio)
        above = n - bisect_right(ratios, ratio)
        ties = n - above - below - 1
        if above + ties < size:
            moves[name] = (UP, f"top quartile: {size} of {n}")
        elif below + ties < size:
            moves[name] = (DOWN, f"bottom quartile: {size} of {n}")
        elif ties and (above < size or below < size):
            moves[name] = (1.0, f"tied with {ties} at a quartile's edge")
        else:
            moves[name] = (1.0, f"middle: {above + 1} of {n}")
    return moves


def clip(weight: float) -> float:
    """Return a weight within its bounds."""
    return min(max(weight, LOW), HIGH)


def combined(division: float, bot: float) -> float:
    """Return the weight that sizes a bot's signal: its division's times its own, clipped."""
    return clip(division * bot)


def on_bounds(weights: Mapping[str, float]) -> list[str]:
    """Return the names whose weight sits on a bound."""
    return [name for name, weight in weights.items() if weight in (LOW, HIGH)]


def saturated(weights: Mapping[str, float]) -> bool:
    """Say whether more than a quarter of the weights sit on a bound."""
    return 4 * len(on_bounds(weights)) > len(weights)
