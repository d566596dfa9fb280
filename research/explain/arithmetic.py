"""Estimates and intervals of daily rows (U, H), from their formulas alone.

All d with (ΣU − dΣH)² ≤ κ c² Σ(U − dH)² are in an interval; a guard moves its ends by one more
signal as good, or as bad, as any before.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, log, sqrt
from typing import NamedTuple

# The standard normal at 0.8.
POWER = 0.8416212335729143
# Nothing is promised for longer than a life.
AHEAD_DAYS = 36_525


class DayRow(NamedTuple):
    """A day, as its ordinal, with its U and H."""

    day: int
    u: float
    h: float


class Moments(NamedTuple):
    """Sums over days; `l…` are those of products with the day before, where there was one."""

    u: float
    h: float
    uu: float
    uh: float
    hh: float
    luu: float
    luh: float
    lhh: float


def moments(rows: Sequence[DayRow]) -> Moments:
    """Return the sums of days in order."""
    pairs = [(a, b) for a, b in pairwise(rows) if b.day == a.day + 1]
    return Moments(
        sum(r.u for r in rows),
        sum(r.h for r in rows),
        sum(r.u * r.u for r in rows),
        sum(r.u * r.h for r in rows),
        sum(r.h * r.h for r in rows),
        sum(a.u * b.u for a, b in pairs),
        sum(b.u * a.h + b.h * a.u for a, b in pairs),
        sum(a.h * b.h for a, b in pairs),
    )


def estimate(m: Moments) -> float | None:
    """Return d = ΣU/ΣH, None where nothing weighs."""
    return m.u / m.h if m.hh else None


def effective_days(m: Moments) -> float:
    """Return n = (ΣH)²/ΣH²."""
    return m.h**2 / m.hh if m.hh else 0.0


def inflation(m: Moments, phi_max: float) -> float:
    """Return κ, by how much days that follow one another widen the interval."""
    d = estimate(m)
    if d is None:
        return 1.0
    e0 = m.uu - 2.0 * d * m.uh + d * d * m.hh
    if e0 <= 1e-12 * m.uu:
        return 1.0
    r = (m.luu - d * m.luh + d * d * m.lhh) / e0
    phi = min(max(r + (1.0 + 3.0 * r) / effective_days(m), 0.0), phi_max)
    return (1.0 + phi) / (1.0 - phi)


def c2_any_day(n: float, alpha: float, t_star: float) -> float:
    """Return c² of an interval that holds on whatever day somebody looks."""
    if n <= 0.0:
        return float("inf")
    level = -2.0 * log(alpha)
    rate = (level + log(level) + 1.0) / t_star
    return (1.0 + 1.0 / (n * rate)) * (level + log(1.0 + n * rate))


def c2_one_look(n: float) -> float:
    """Return c² of one look at 95 %."""
    if n <= 1.0:
        return float("inf")
    from scipy.special import stdtrit  # noqa: PLC0415 - half a second that only these ends cost

    q = float(stdtrit(n - 1.0, 0.975))
    return n * q * q / (n - 1.0 + q * q)


def ends(
    m: Moments, c2: float, up: float = 0.0, down: float = 0.0
) -> tuple[float, float] | tuple[None, None]:
    """Return the ends of an interval at κc², none where nothing can be excluded."""
    a = m.h**2 - c2 * m.hh if c2 != float("inf") else -1.0
    if a <= 0.0 or m.uu == 0.0:
        return None, None

    def end(w: float, sign: float) -> float:
        u, uu = m.u + w, m.uu + w * w
        b = u * m.h - c2 * m.uh
        return (b + sign * sqrt(max(b * b - a * (u * u - c2 * uu), 0.0))) / a

    return end(-down, -1.0), end(up, 1.0)


def variance(m: Moments, phi_max: float) -> float:
    """Return the variance of an estimate over days, infinite where nothing tells it."""
    n, d = effective_days(m), estimate(m)
    if d is None or n <= 1.0 or not m.h:
        return float("inf")
    left = m.uu - 2.0 * d * m.uh + d * d * m.hh
    if left <= 1e-12 * m.uu:
        return float("inf")
    return inflation(m, phi_max) * left / (m.h * m.h) * n / (n - 1.0)


def detection_limit(
    m: Moments,
    kappa: float,
    c: float,
    up: float,
    down: float,
    *,
    times: float = 1.0,
    power: float = POWER,
) -> float | None:
    """Return the smallest effect seen with probability 0.8 in `times` the days, at κc² there.

    None for none; a `power` of 0 asks for an even chance.
    """
    n, d = effective_days(m) * times, estimate(m)
    if d is None or n <= c:
        return None
    spread = max(m.uu - 2.0 * d * m.uh + d * d * m.hh, 0.0)
    guard = up if d < 0.0 else down if d > 0.0 else max(up, down)
    noise = sqrt(spread / m.hh) * (sqrt(c / (n - c)) + power * sqrt(kappa / n))
    return noise + guard / (m.h * times)


def days_to_go(m: Moments, days: int, rule: dict[str, float], up: float, down: float) -> int | None:
    """Return how many days more this effect takes to be decided, at the pace of the `days` so far.

    0 when it is decided, None when it never would be.
    """
    kappa, n, d = inflation(m, rule["phi_max"]), effective_days(m), estimate(m)

    def at(times: float) -> float:
        return kappa * c2_any_day(n * times, rule["alpha_s"], rule["t_star_days"])

    low, high = ends(m, at(1.0), up, down)
    if low is not None and high is not None and (low > 0.0 or high < 0.0):
        return 0
    if not d or days <= 0:
        return None

    def decided(after: float) -> bool:
        times = after / days
        least = detection_limit(m, kappa, at(times), up, down, times=times, power=0.0)
        return least is not None and least <= abs(d)

    early, late = 0.0, float(AHEAD_DAYS)
    if not decided(late):
        return None
    for _ in range(60):
        middle = (early + late) / 2.0
        early, late = (early, middle) if decided(middle) else (middle, late)
    return max(1, ceil(late) - days)
