"""The rule of the verdict for thousands of series at once.

The formulas are those of `quant/inference/` (`anytime.py`, `selection.py`) and of
`shadow/report/verdict.py`; arrays go over days, histories and limits, and every day is a look. A
test holds both to each other on random histories.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from quant.inference.anytime import SINGLE_LOOK
from quant.inference.selection import ODDS_MIN
from shadow.report.terms import Terms

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]

UNDETERMINED, PROTECTIVE, RESTRICTIVE, COIN, VALUE = range(5)


@dataclass(frozen=True)
class DayRows:
    """Rows as the database keeps them, (days, histories, limits, bots) or without bots.

    `judged` and `judged_r` may have one limit for all. `division` numbers each bot's, in order.
    `value` is of days that were `run` (days, histories).
    """

    judged: Floats
    judged_r: Floats
    blocked: Floats
    blocked_r: Floats
    best: Floats
    worst: Floats
    value: Floats
    run: Bools
    division: NDArray[np.int64]


@dataclass(frozen=True)
class Known:
    """Block rate and mean R of a bot by earlier days; where `known` is false it adds nothing."""

    rate: Floats
    mean: Floats
    known: Bools


@dataclass(frozen=True)
class Running:
    """Running sums of daily rows, (days, histories, limits)."""

    u: Floats
    h: Floats
    uu: Floats
    uh: Floats
    hh: Floats
    lag_uu: Floats
    lag_uh: Floats
    lag_hh: Floats

    @property
    def estimate(self) -> Floats:
        """ΣU/ΣH; 0 without weight."""
        return _over(self.u, self.h)

    @property
    def days(self) -> Floats:
        """Effective number of days."""
        return _over(self.h * self.h, self.hh)


def before(totals: Floats) -> Floats:
    """Return the sums of earlier days along the first axis."""
    found = np.zeros_like(totals)
    np.cumsum(totals[:-1], axis=0, out=found[1:])
    return found


def known(rows: DayRows, terms: Terms) -> Known:
    """Return what earlier days tell of each bot, or of its division where it is new."""
    judged, judged_r, blocked = (before(x) for x in (rows.judged, rows.judged_r, rows.blocked))
    starts = np.flatnonzero(np.diff(rows.division, prepend=-1))
    sizes = np.diff(np.append(starts, len(rows.division)))
    own = judged >= terms.seen_min

    def chosen(totals: Floats) -> Floats:
        shared: Floats = np.repeat(np.add.reduceat(totals, starts, axis=-1), sizes, axis=-1)
        return np.where(own, totals, shared)

    base = chosen(judged)
    enough = base >= terms.seen_min
    return Known(
        _over(chosen(blocked), np.where(enough, base, 0.0)),
        _over(chosen(judged_r), np.where(enough, base, 0.0)),
        enough,
    )


def odds(rows: DayRows, found: Known, terms: Terms) -> Floats:
    """Return the odds factor of each day: the block rate of late against that of all days."""
    judged = np.where(found.known, rows.judged, 0.0)
    expected = (judged * found.rate).sum(axis=-1)
    blocked = np.where(found.known, rows.blocked, 0.0).sum(axis=-1)
    judged = np.broadcast_to(judged.sum(axis=-1), expected.shape)
    fade = 0.5 ** (1.0 / terms.odds_half_life_days)
    factor: Floats = np.ones_like(expected)
    wa, we, wn = (np.zeros(expected.shape[1:]) for _ in range(3))
    for day in range(len(expected)):
        rate = _over(we, wa)
        seen = _over(wn + terms.odds_prior * rate, wa + terms.odds_prior)
        rate, seen = np.clip(rate, ODDS_MIN, 1 - ODDS_MIN), np.clip(seen, ODDS_MIN, 1 - ODDS_MIN)
        factor[day] = np.where(we > 0.0, seen * (1.0 - rate) / (rate * (1.0 - seen)), 1.0)
        wa = wa * fade + judged[day]
        we = we * fade + expected[day]
        wn = wn * fade + blocked[day]
    return factor


def choice(rows: DayRows, terms: Terms) -> Running:
    """Return the running sums of selection."""
    found = known(rows, terms)
    factor = odds(rows, found, terms)[..., None]
    p = found.rate * factor / (1.0 - found.rate + found.rate * factor)
    a, n = rows.judged, rows.blocked
    u = (rows.blocked_r - n * found.mean) - p * (rows.judged_r - a * found.mean)
    h = n - 2.0 * n * p + a * p * p
    return running(
        np.where(found.known, u, 0.0).sum(axis=-1),
        np.where(found.known, h, 0.0).sum(axis=-1),
    )


def worth(rows: DayRows) -> Running:
    """Return the running sums of value."""
    there = np.broadcast_to(rows.run[..., None], rows.value.shape)
    return running(np.where(there, rows.value, 0.0), there.astype(np.float64))


def running(u: Floats, h: Floats) -> Running:
    """Return running sums of rows; a day without one is a row of zeros, and adds to nothing."""
    lag = np.zeros((3, *u.shape))
    lag[0, 1:] = u[1:] * u[:-1]
    lag[1, 1:] = u[1:] * h[:-1] + h[1:] * u[:-1]
    lag[2, 1:] = h[1:] * h[:-1]
    sums = (np.cumsum(x, axis=0) for x in (u, h, u * u, u * h, h * h, *lag))
    return Running(*sums)


def inflation(sums: Running, terms: Terms) -> Floats:
    """Return κ of each day."""
    d = sums.estimate
    spread = sums.uu - 2.0 * d * sums.uh + d * d * sums.hh
    sound = (spread > 1e-12 * sums.uu) & (sums.h != 0.0)
    lagged = sums.lag_uu - d * sums.lag_uh + d * d * sums.lag_hh
    r = _over(lagged, np.where(sound, spread, 0.0))
    phi = np.clip(r + _over(1.0 + 3.0 * r, sums.days), 0.0, terms.phi_max)
    return np.where(sound, (1.0 + phi) / (1.0 - phi), 1.0)


def c2_anytime(days: Floats, alpha: float, terms: Terms) -> Floats:
    """Return c² of looking every day; infinite without days."""
    level = -2.0 * np.log(alpha)
    r2 = (level + np.log(level) + 1.0) / terms.t_star_days
    some = np.where(days > 0.0, days, 1.0)
    c2 = (1.0 + 1.0 / (some * r2)) * (level + np.log1p(some * r2))
    return np.where(days > 0.0, c2, np.inf)


def c2_single(days: Floats) -> Floats:
    """Return c² of one look at 95 %; infinite with a day or less."""
    some = np.where(days > 1.001, days, 2.0)
    q = stdtrit(some - 1.0, 0.5 + SINGLE_LOOK / 2.0)
    return np.where(days > 1.001, some * q * q / (some - 1.0 + q * q), np.inf)


def interval(sums: Running, kc2: Floats, up: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Return both ends of the interval that survives a row of +up and one of −down."""
    a = sums.h * sums.h - np.where(np.isfinite(kc2), kc2, 0.0) * sums.hh
    sound = np.isfinite(kc2) & (a > 0.0) & (sums.uu != 0.0)
    a = np.where(sound, a, 1.0)
    kc2 = np.where(sound, kc2, 0.0)

    def end(extra: Floats, side: float) -> Floats:
        u = sums.u + extra
        uu = sums.uu + extra * extra
        b = u * sums.h - kc2 * sums.uh
        found = (b + side * np.sqrt(np.maximum(b * b - a * (u * u - kc2 * uu), 0.0))) / a
        return np.where(sound, found, side * np.inf)

    return end(-down, -1.0), end(up, 1.0)


def guards(rows: DayRows) -> tuple[Floats, Floats]:
    """Return how far the best and the worst R so far lie from zero, day by day."""
    best = np.maximum(np.maximum.accumulate(rows.best, axis=0), 0.0)
    worst = np.maximum(np.maximum.accumulate(-rows.worst, axis=0), 0.0)
    return best, worst


@dataclass(frozen=True)
class Looks:
    """Both series with their guards and what every daily look at them says."""

    choice: Running
    value: Running
    up: Floats
    down: Floats
    shown: Bools
    choice_sign: Codes
    value_sign: Codes
    verdict: Codes


def look(rows: DayRows, terms: Terms) -> Looks:
    """Judge every series on every day."""
    s, v = choice(rows, terms), worth(rows)
    best, worst = guards(rows)
    per_day = rows.blocked.sum(axis=-1)
    blocked = np.cumsum(per_day, axis=0)
    blocked_days = _over(blocked * blocked, np.cumsum(per_day * per_day, axis=0))
    enough = blocked >= terms.blocked_min
    shown = (s.days >= terms.n_eff_min) & (blocked_days >= terms.n_eff_min) & enough
    s_sign = _sign(*anytime(s, terms.alpha_s, best, worst, terms))
    v_sign = _sign(*anytime(v, terms.alpha_v, worst, best, terms))
    s_low, s_high = anytime(s, terms.alpha_eq, best, worst, terms)
    v_low, v_high = anytime(v, terms.alpha_eq, worst, best, terms)
    coin = shown & (s_low > -terms.margin_s_r) & (s_high < terms.margin_s_r)
    value = (v.h >= terms.value_days_min) & enough
    value &= (v_low > -terms.margin_v_r) & (v_high < terms.margin_v_r)
    verdict = np.select(
        [
            shown & (s_sign < 0) & (v_sign > 0),
            shown & (s_sign > 0) & (v_sign < 0),
            coin,
            value,
        ],
        [np.int8(PROTECTIVE), np.int8(RESTRICTIVE), np.int8(COIN), np.int8(VALUE)],
        np.int8(UNDETERMINED),
    )
    return Looks(s, v, best, worst, shown, s_sign, v_sign, verdict)


def anytime(
    sums: Running, alpha: float, up: Floats, down: Floats, terms: Terms
) -> tuple[Floats, Floats]:
    """Return the intervals that hold whatever day one looks."""
    kc2 = inflation(sums, terms) * c2_anytime(sums.days, alpha, terms)
    return interval(sums, kc2, up, down)


def single(sums: Running, terms: Terms) -> tuple[Floats, Floats]:
    """Return the 95 % intervals of one look."""
    nothing = np.zeros(())
    return interval(sums, inflation(sums, terms) * c2_single(sums.days), nothing, nothing)


def _sign(low: Floats, high: Floats) -> Codes:
    return (low > 0.0).astype(np.int8) - (high < 0.0).astype(np.int8)


def _over(above: Floats, below: Floats) -> Floats:
    """Divide, 0 where there is nothing to divide by."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.zeros(above.shape), where=below != 0.0)
