"""Weighting rules compared: the Darwinian rule beside three others.

Every rule sees the same daily returns, in R at unit weight, up to the day before, and is brought
to a mean weight of 1, so that no rule wins by being larger. What counts is the Sharpe ratio of
the desk that it makes, less that of equal weights on the same history.

* `equal`: 1 for everyone.
* `darwin`: the rule of `divisions.weights`.
* `inverse variance`: 1 / rolling variance.
* `hedge`: exponentiated gradient (Freund & Schapire 1997), weights ∝ exp(η Σ unit-spread
  returns), η = √(2 ln n / days).

The last two use the same window and minimum sample, and the same bounds, as the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from divisions.weights import DAYS_MIN, HIGH, LOW, WINDOW_DAYS
from quant.inference.student import quantile
from research.weights.darwin import Bools, Floats, Ints, paths

YEAR = 365
RULES = ("equal", "darwin", "inverse variance", "hedge")
SCENARIOS = ("no edge", "lasting skill", "skill that moves on", "unequal risk")
# Annual Sharpe ratios are spread evenly from minus to plus this, over the names.
SKILL = 2.0
# Skill that moves on changes hands after this many days.
SPELL_DAYS = 60


@dataclass(frozen=True)
class Row:
    """One rule on one kind of history.

    `sharpe` is the desk's annual ratio; `added` is what the rule adds to that of equal weights,
    with a 95 % interval over histories (recorded: R a day, over days); `over_darwin` is the same
    against the Darwinian rule. `on_bounds` is the share of weights on a bound at the end.
    """

    data: str
    names: int
    rule: str
    sharpe: float | None
    added: float
    low: float
    high: float
    over_darwin: float
    over_low: float
    over_high: float
    on_bounds: float
    histories: int
    days: int


def synthetic(
    scenario: str, histories: int, days: int, names: int, rng: np.random.Generator
) -> Floats:
    """Return daily R of shape (histories, days, names).

    They have a common factor, fat tails, volatility that persists, and whatever skill the
    scenario names. There are no costs: at equal size they are the same for every rule, and on a
    desk that loses a ratio would praise whatever makes it wilder.
    """
    common = rng.standard_t(5, (histories, days, 1))
    own = rng.standard_t(5, (histories, days, names))
    moves = 0.2 * rng.standard_normal((histories, days, 1))
    log_vol = np.zeros((histories, 1))
    vol = np.empty((histories, days, 1))
    for day in range(days):
        log_vol = 0.9 * log_vol + moves[:, day]
        vol[:, day] = np.exp(log_vol)
    unit = vol * (sqrt(0.2) * common + sqrt(0.8) * own)
    unit /= unit.std()
    skill = np.linspace(-SKILL, SKILL, names) / sqrt(YEAR)
    scale = np.ones(names)
    if scenario == "lasting skill":
        unit = unit + skill
    elif scenario == "skill that moves on":
        for start in range(0, days, SPELL_DAYS):
            dealt = rng.permuted(np.broadcast_to(skill, (histories, names)), axis=1)
            unit[:, start : start + SPELL_DAYS] += dealt[:, None, :]
    elif scenario == "unequal risk":
        # All are worth the same per unit of their risk, and differ threefold in risk.
        scale = np.geomspace(1.0 / sqrt(3.0), sqrt(3.0), names)
        unit = unit + SKILL / 2 / sqrt(YEAR)
    elif scenario != "no edge":
        raise ValueError(f"no scenario {scenario!r}")
    result: Floats = unit * scale
    return result


def weigh(rule: str, r: Floats, active: Bools, closed: Ints) -> Floats:
    """Return the weights that a rule makes of each day and the days before it."""
    if rule == "equal":
        return np.ones_like(r)
    if rule == "darwin":
        return paths(np.round(r * 1e6).astype(np.int64), active, closed)
    variance = _variance(r, active)
    if rule == "inverse variance":
        return _within(1.0 / variance)
    if rule == "hedge":
        unit = np.where(active, r / np.sqrt(variance), 0.0)
        rate = sqrt(2.0 * log(r.shape[2]) / r.shape[1])
        total = rate * np.cumsum(np.nan_to_num(unit), axis=1)
        return _within(np.exp(total - total.max(axis=2, keepdims=True)))
    raise ValueError(f"no rule {rule!r}")


def applied(weights: Floats) -> Floats:
    """Return what is traded: each day the weights of the day before, at a mean of 1."""
    out = np.ones_like(weights)
    out[:, 1:] = weights[:, :-1]
    result: Floats = out / out.mean(axis=2, keepdims=True)
    return result


def _variance(r: Floats, active: Bools) -> Floats:
    """Return each day's rolling mean square; nan below the minimum sample."""
    square = np.cumsum(np.where(active, r * r, 0.0), axis=1)
    count = np.cumsum(active.astype(np.int64), axis=1)
    for total in (square, count):
        total[:, WINDOW_DAYS:] -= total[:, :-WINDOW_DAYS].copy()
    return np.where(count >= DAYS_MIN, square / np.maximum(count, 1), np.nan)


def _within(raw: Floats) -> Floats:
    """Return raw weights at a mean of 1 within the bounds; names without one get 1."""
    known = np.isfinite(raw)
    count = known.sum(axis=2, keepdims=True)
    mean = np.where(known, raw, 0.0).sum(axis=2, keepdims=True) / np.maximum(count, 1)
    scaled = np.where(known, raw / np.where(mean > 0.0, mean, 1.0), 1.0)
    result: Floats = np.clip(scaled, LOW, HIGH)
    return result


def _sharpe(daily: Floats) -> Floats:
    """Return annual ratios of histories (histories, days)."""
    result: Floats = daily.mean(axis=1) / daily.std(axis=1, ddof=1) * sqrt(YEAR)
    return result


def _saturated(weights: Floats) -> float:
    """Return the share of the last day's weights that sit on a bound."""
    last = weights[:, -1]
    return float(((last == LOW) | (last == HIGH)).mean())


def _paired(gain: Floats) -> tuple[float, float, float]:
    """Return the mean of paired differences with its 95 % interval."""
    mean = float(gain.mean())
    if len(gain) < 2:
        return mean, mean, mean
    half = quantile(0.975, len(gain) - 1) * float(gain.std(ddof=1)) / sqrt(len(gain))
    return mean, mean - half, mean + half


def simulated(
    *, histories: int, days: int, seed: int, names: tuple[int, ...] = (5, 26)
) -> list[Row]:
    """Return every rule on every scenario, for each number of names."""
    rows = []
    for count in names:
        for number, scenario in enumerate(SCENARIOS):
            rng = np.random.default_rng([seed, count, number])
            r = synthetic(scenario, histories, days, count, rng)
            active = np.ones(r.shape, dtype=bool)
            closed = np.full(r.shape, 3, dtype=np.int64)
            made = {rule: weigh(rule, r, active, closed) for rule in RULES}
            ratios = {rule: _sharpe((applied(w) * r).mean(axis=2)) for rule, w in made.items()}
            for rule in RULES:
                row = Row(
                    scenario,
                    count,
                    rule,
                    float(ratios[rule].mean()),
                    *_paired(ratios[rule] - ratios["equal"]),
                    *_paired(ratios[rule] - ratios["darwin"]),
                    _saturated(made[rule]),
                    histories,
                    days,
                )
                rows.append(row)
    return rows


def recorded(r: Floats, active: Bools, closed: Ints, data: str = "recorded") -> list[Row]:
    """Return every rule on one history (days, names) of what really came in.

    Differences are daily R, each day a unit. Without enough days for any rule to move there is
    nothing to compare, and no row.
    """
    days, names = r.shape
    if days <= DAYS_MIN:
        return []
    one = (r[None], active[None], closed[None])
    made = {rule: weigh(rule, *one) for rule in RULES}
    daily = {rule: (applied(w) * r).sum(axis=2)[0] for rule, w in made.items()}
    rows = []
    for rule in RULES:
        spread = float(daily[rule].std(ddof=1))
        row = Row(
            data,
            names,
            rule,
            float(daily[rule].mean()) / spread * sqrt(YEAR) if spread else None,
            *_paired(daily[rule] - daily["equal"]),
            *_paired(daily[rule] - daily["darwin"]),
            _saturated(made[rule]),
            1,
            days,
        )
        rows.append(row)
    return rows
