"""Regime labels day by day, each from what was known at that day's last hour.

Labels of turbulence say 1 (wild) or 0; labels of direction 1 (up), −1 (down) or 0. A label that
cannot speak says nan. Nothing is fitted to anything later than the day it speaks of: quantiles and
z-scores trail, the hidden Markov model is refitted on the days before and then only filtered.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from quant import hmm
from quant.kaufman import efficiency_ratio
from quant.realised import realised_z
from research.lenses.panel import Read, Spread, read_all
from research.regimes.known import Settings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Days = NDArray[np.datetime64]

HOUR_MS = 3_600_000
HOURS = 24
WILD = ("threshold", "rv_z", "hmm", "composite")
DIRECTION = ("momentum", "efficiency_ratio", "hmm drift")


@dataclass(frozen=True)
class Hourly:
    """Whole UTC days of consecutive hourly closes, (days * 24,); missing hours carry the last."""

    days: Days
    closes: Floats
    filled: int

    @property
    def returns(self) -> Floats:
        """Return hourly log returns, that of the first hour 0."""
        logs = np.log(self.closes)
        return np.diff(logs, prepend=logs[0])


def hourly(times_ms: Ints, closes: Floats) -> Hourly:
    """Return whole days of opening times (n,) in order and their closes; ValueError without two."""
    first = -(-int(times_ms[0]) // (HOURS * HOUR_MS)) * HOURS
    end = (int(times_ms[-1]) // HOUR_MS + 1) // HOURS * HOURS
    if end - first < 2 * HOURS:
        raise ValueError("holds fewer than two whole days")
    hours = np.arange(first, end)
    found = np.searchsorted(times_ms // HOUR_MS, hours, side="right") - 1
    missing = int((times_ms[found] // HOUR_MS != hours).sum())
    days = (hours[::HOURS] // HOURS).astype("datetime64[D]")
    return Hourly(days, closes[found], missing)


def _trailing(values: Floats, span: int, quantile: float) -> Floats:
    """Return 1 where a value exceeds the quantile of the `span` before it, nan without those."""
    out = np.full(len(values), np.nan)
    views = np.lib.stride_tricks.sliding_window_view(values, span)[:-1]
    out[span:] = values[span:] > np.quantile(views, quantile, axis=1)
    return out


def threshold(data: Hourly, settings: Settings) -> Floats:
    """Return whether the day's realised volatility is high among the trailing year's."""
    daily = np.sqrt((data.returns.reshape(-1, HOURS) ** 2).sum(axis=1))
    return _trailing(daily, settings.train_days, settings.quantile)


def rv_z(data: Hourly, settings: Settings) -> Floats:
    """Return whether the z-score of the day's log realised volatility is high."""
    out = np.full(len(data.days), np.nan)
    span = settings.train_days * HOURS
    returns = data.returns
    for day in range(settings.train_days, len(out)):
        z = realised_z(returns[(day + 1) * HOURS - span : (day + 1) * HOURS], HOURS)
        out[day] = np.nan if z is None else float(z > settings.rv_z)
    return out


def hidden(data: Hourly, settings: Settings) -> tuple[Floats, Floats]:
    """Return (wild, direction) of a hidden Markov model on returns and log realised volatility.

    Refitted every `refit_days` on the trailing year, from the last fit among other starts. Wild is
    a filtered probability of the most turbulent state above the bound; the direction is the sign
    of the filtered mean return.
    """
    per_day = HOURS // settings.hmm_hours
    logs = np.log(data.closes)[settings.hmm_hours - 1 :: settings.hmm_hours]
    returns = np.diff(logs, prepend=logs[0])
    square = np.convolve(returns**2, np.ones(hmm.VOLATILITY_WINDOW))[: len(returns)]
    # The floor keeps hours in which nothing traded from having no logarithm.
    level = 0.5 * np.log(np.maximum(square / hmm.VOLATILITY_WINDOW, 1e-10))
    features = np.column_stack([returns, level])
    wild, direction = np.full((2, len(data.days)), np.nan)
    model: hmm.Hmm | None = None
    for day in range(settings.train_days, len(data.days), settings.refit_days):
        begin = (day - settings.train_days) * per_day
        end = min(day + settings.refit_days, len(data.days))
        train = features[begin : day * per_day]
        model = hmm.fit(train, settings.hmm_states, starts=settings.hmm_starts, warm=model).model
        beliefs, _ = hmm.filtered(model, features[begin : end * per_day])
        closing = beliefs[settings.train_days * per_day + per_day - 1 :: per_day]
        wild[day:end] = closing[:, -1] > settings.hmm_probability
        direction[day:end] = np.sign(closing @ np.reshape(model.means, (len(closing[0]), -1))[:, 0])
    return wild, direction


def composite(
    data: Hourly, settings: Settings, *, read: Read, seed: int, spread: Spread
) -> tuple[Floats, Floats]:
    """Return whether the set's composite is high at each day's end, and the score itself."""
    first = -(-settings.window // HOURS)
    out, score = np.full((2, len(data.days)), np.nan)
    days = np.arange(max(first, settings.train_days), len(data.days))
    if len(days):
        ends = (days + 1) * HOURS - 1
        seen = read_all(data.returns, ends, settings.window, read, seed, spread)
        score[days] = seen.composite
        known = np.isfinite(score)
        out[known] = score[known] >= settings.composite - 1e-9
    return out, score


def efficiency(data: Hourly, settings: Settings) -> Floats:
    """Return the sign of the efficiency ratio of daily closes where it is more than chance's."""
    closes = data.closes[HOURS - 1 :: HOURS].tolist()
    n = settings.trend_days
    out = np.full(len(closes), np.nan)
    for day in range(max(n, settings.train_days), len(closes)):
        z = efficiency_ratio(closes[: day + 1], n) * sqrt(n)
        out[day] = float(np.sign(z)) if abs(z) >= settings.trend_z else 0.0
    return out


def momentum(data: Hourly, settings: Settings) -> Floats:
    """Return the sign of the last days' move, the plainest direction there is."""
    closes = data.closes[HOURS - 1 :: HOURS]
    n = settings.trend_days
    out = np.full(len(closes), np.nan)
    out[n:] = np.sign(closes[n:] - closes[:-n])
    out[: settings.train_days] = np.nan
    return out


def labels(
    data: Hourly, settings: Settings, *, read: Read, seed: int, spread: Spread
) -> dict[str, Floats]:
    """Return every label by day; raises ValueError for a history without a year before it."""
    if len(data.days) <= settings.train_days + settings.refit_days:
        raise ValueError(f"holds {len(data.days)} days; labels begin after {settings.train_days}")
    wild, drift = hidden(data, settings)
    found, _ = composite(data, settings, read=read, seed=seed, spread=spread)
    return {
        "threshold": threshold(data, settings),
        "rv_z": rv_z(data, settings),
        "hmm": wild,
        "composite": found,
        "momentum": momentum(data, settings),
        "efficiency_ratio": efficiency(data, settings),
        "hmm drift": drift,
    }
