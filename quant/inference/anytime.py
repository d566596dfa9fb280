"""Intervals for a ratio of daily sums that hold whatever day one looks.

A series has a row (U_t, H_t) a UTC day; its estimate is ΣU/ΣH. Every interval is the set of d with

    (ΣU − d ΣH)² ≤ κ c² Σ(U_t − d H_t)²

and only c² differs: Student's for a single look, Robbins' normal mixture for looking every day
(Robbins 1970; self-normalised and asymptotic as in Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas
2024, arXiv 2103.06476). The spread is taken about the value tested, not about the mean, so a run of
equal losses has no zero variance to hide behind and one huge day can never decide. κ widens for
days that remember the day before. A guard widens further: the interval must survive one more row
as good, and one as bad, as a given pair of numbers; without it rare large winners break the
promise.
"""

from __future__ import annotations

from math import ceil, inf, isfinite, log, nan, sqrt
from typing import NamedTuple

from msgspec import Struct

from quant.inference.student import DEGREES_MIN, quantile

SINGLE_LOOK = 0.95
# Standard normal quantile of the probability with which a detection limit is seen.
POWER_Z = 0.8416212335729143
PHI_MAX = 0.6
T_STAR_DAYS = 90.0
# What is further away than this is not promised to any reader.
DAYS_AHEAD_MAX = 36_525


class Bounds(NamedTuple):
    """Ends of an interval, infinite where nothing can be excluded."""

    low: float
    high: float


ANYTHING = Bounds(-inf, inf)


class Guard(NamedTuple):
    """How far one more row could go up and down; both zero or more."""

    up: float = 0.0
    down: float = 0.0


NO_GUARD = Guard()


class Sums(Struct):
    """Running sums of daily rows (u, h): all that an interval needs of them."""

    u: float = 0.0
    h: float = 0.0
    uu: float = 0.0
    uh: float = 0.0
    hh: float = 0.0
    lag_uu: float = 0.0
    lag_uh: float = 0.0
    lag_hh: float = 0.0
    last_u: float = 0.0
    last_h: float = 0.0

    def add(self, u: float, h: float, *, adjacent: bool) -> None:
        """Add the row of a day; `adjacent` when the row before is of the calendar day before.

        Raises ValueError for a number that is not finite; nothing is added then.
        """
        if not (isfinite(u) and isfinite(h)):
            raise ValueError(f"a day's sums must be finite: {u}, {h}")
        if adjacent:
            self.lag_uu += u * self.last_u
            self.lag_uh += u * self.last_h + h * self.last_u
            self.lag_hh += h * self.last_h
        self.u += u
        self.h += h
        self.uu += u * u
        self.uh += u * h
        self.hh += h * h
        self.last_u, self.last_h = u, h

    @property
    def estimate(self) -> float:
        """ΣU/ΣH; nan without weight."""
        return self.u / self.h if self.h else nan

    @property
    def days(self) -> float:
        """Effective number of days: as many equally weighty ones would know as much."""
        return self.h * self.h / self.hh if self.hh else 0.0

    @property
    def spread(self) -> float:
        """Sum of squares about the estimate; zero where only rounding is left of it."""
        if not self.h:
            return 0.0
        d = self.estimate
        found = self.uu - 2.0 * d * self.uh + d * d * self.hh
        return found if found > 1e-12 * self.uu else 0.0

    @property
    def autocorrelation(self) -> float:
        """Correlation of what a day deviates with what the day before did; zero without spread."""
        if not self.spread:
            return 0.0
        d = self.estimate
        return (self.lag_uu - d * self.lag_uh + d * d * self.lag_hh) / self.spread

    def inflation(self, phi_max: float = PHI_MAX) -> float:
        """κ: by how much neighbours that go together inflate the variance; 1 or more."""
        if not self.spread:
            return 1.0
        r = self.autocorrelation
        phi = min(max(r + (1.0 + 3.0 * r) / self.days, 0.0), phi_max)
        return (1.0 + phi) / (1.0 - phi)


def c2_single(days: float) -> float:
    """Return c² of a single look at 95 % with so many effective days."""
    if days - 1.0 < DEGREES_MIN:
        return inf
    q = quantile(0.5 + SINGLE_LOOK / 2.0, days - 1.0)
    return days * q * q / (days - 1.0 + q * q)


def c2_anytime(days: float, alpha: float, t_star: float = T_STAR_DAYS) -> float:
    """Return c² at which one look after another misses with probability `alpha`, both sides.

    Tightest around `t_star` effective days.
    """
    if days <= 0.0:
        return inf
    level = -2.0 * log(alpha)
    r2 = (level + log(level) + 1.0) / t_star
    return (1.0 + 1.0 / (days * r2)) * (level + log(1.0 + days * r2))


def interval(sums: Sums, kc2: float, guard: Guard = NO_GUARD) -> Bounds:
    """Return the d that rows with such sums do not exclude at κ c² = `kc2`."""
    a = sums.h * sums.h - kc2 * sums.hh
    if not a > 0.0 or sums.uu == 0.0:
        return ANYTHING
    return Bounds(_end(sums, kc2, a, -guard.down, -1.0), _end(sums, kc2, a, guard.up, 1.0))


def _end(sums: Sums, kc2: float, a: float, extra: float, side: float) -> float:
    """Return one end when a row of `extra` had come on top, of no weight in H."""
    u = sums.u + extra
    uu = sums.uu + extra * extra
    b = u * sums.h - kc2 * sums.uh
    return (b + side * sqrt(max(b * b - a * (u * u - kc2 * uu), 0.0))) / a


def detection_limit(
    sums: Sums,
    alpha: float,
    guard: Guard = NO_GUARD,
    *,
    times: float = 1.0,
    power_z: float = POWER_Z,
    t_star: float = T_STAR_DAYS,
    phi_max: float = PHI_MAX,
) -> float:
    """Return the smallest |d| that is decided with probability 0.8 in `times` the days.

    Infinite while nothing could be. `power_z` 0 asks for an even chance instead.
    """
    days = sums.days * times
    kappa = sums.inflation(phi_max)
    kc2 = kappa * c2_anytime(days, alpha, t_star)
    if not days > kc2:
        return inf
    d = sums.estimate
    beyond = guard.up if d < 0.0 else guard.down if d > 0.0 else max(guard)
    noise = sqrt(sums.spread / sums.hh) * (sqrt(kc2 / (days - kc2)) + power_z * sqrt(kappa / days))
    return noise + beyond / (sums.h * times)


def days_until_decided(
    sums: Sums,
    days: int,
    alpha: float,
    guard: Guard = NO_GUARD,
    *,
    t_star: float = T_STAR_DAYS,
    phi_max: float = PHI_MAX,
) -> int | None:
    """Return how many days more this effect takes at the pace of the `days` so far.

    0 when it is decided, None when there is no effect or it would take longer than a life.
    """
    kc2 = sums.inflation(phi_max) * c2_anytime(sums.days, alpha, t_star)
    low, high = interval(sums, kc2, guard)
    if low > 0.0 or high < 0.0:
        return 0
    effect = abs(sums.estimate)
    if days <= 0 or not effect > 0.0:
        return None

    def seen(times: float) -> bool:
        limit = detection_limit(
            sums, alpha, guard, times=times, power_z=0.0, t_star=t_star, phi_max=phi_max
        )
        return limit <= effect

    late = DAYS_AHEAD_MAX / days
    if not seen(late):
        return None
    early = 0.0
    while (late - early) * days > 1e-6:
        middle = (early + late) / 2.0
        early, late = (early, middle) if seen(middle) else (middle, late)
    return max(1, ceil(late * days) - days)
