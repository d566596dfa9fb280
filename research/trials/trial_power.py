"""Size and power of the keep rules: with no edge at all, and with one.

Made-up histories of 26 bots with iid normal daily returns, no mean, unit spread. The worst of the
window is changed. A change that does nothing leaves the challenger with a result of its own (a
change moves entries, and with them luck) that correlates with the control's on the same days.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from msgspec import Struct

from divisions.weights import WINDOW_DAYS
from quant.inference.student import quantile
from research.trials.trial import DAYS_PER_YEAR, TRIAL_DAYS, level

BOTS = 26
WINDOWS = (30, WINDOW_DAYS, 90)
LIFTS = (0.0, 1.0, 2.0, 4.0, 8.0)
CORRELATIONS = (0.5, 0.9, 0.99)
TRIALS = (1, 6, 12)


class Power(Struct, frozen=True):
    """Rate at which the paired rule keeps a change as trial number `trial`.

    `lift` is the annual Sharpe ratio that the change adds, `correlation` that of the two arms.
    """

    lift: float
    correlation: float
    trial: int
    kept: float
    uncorrected: float


def naive_kept(window: int, *, histories: int, seed: int) -> float:
    """Return how often the unpaired rule keeps a change that does nothing.

    It keeps when the next thirty days' Sharpe ratio beats that of the window the bot was picked in.
    """
    rng = np.random.default_rng((seed, window))
    past = rng.standard_normal((histories, BOTS, window))
    before = (past.mean(axis=2) / past.std(axis=2, ddof=1)).min(axis=1)
    after = rng.standard_normal((histories, TRIAL_DAYS))
    ratio = after.mean(axis=1) / after.std(axis=1, ddof=1)
    return float((ratio > before).mean())


def power(lift: float, correlation: float, trial: int, *, histories: int, seed: int) -> Power:
    """Return how often the paired rule keeps a change that adds `lift`."""
    rng = np.random.default_rng((seed, round(lift * 100), round(correlation * 100)))
    shared = rng.standard_normal((histories, TRIAL_DAYS)) * sqrt(correlation)
    own = rng.standard_normal((2, histories, TRIAL_DAYS)) * sqrt(1.0 - correlation)
    challenger = shared + own[0] + lift / sqrt(DAYS_PER_YEAR)
    difference = challenger - (shared + own[1])
    error = difference.std(axis=1, ddof=1) / sqrt(TRIAL_DAYS)
    t = difference.mean(axis=1) / error
    return Power(
        lift,
        correlation,
        trial,
        float((t >= _critical(level(trial))).mean()),
        float((t >= _critical(level(1) * 2.0)).mean()),
    )


def _critical(one_sided: float) -> float:
    return quantile(1.0 - one_sided, TRIAL_DAYS - 1)


def table(*, histories: int, seed: int) -> list[Power]:
    """Return the power of the rule over lifts, correlations and numbers of trials."""
    return [
        power(lift, correlation, trial, histories=histories, seed=seed)
        for lift in LIFTS
        for correlation in CORRELATIONS
        for trial in TRIALS
    ]
