"""Which way does a price wander within one day, when its day's total is already drawn?

A path is made from coarse to fine. Steps of 30 s carry volatility by the hour and drift by turns:
stretches that trend, then stretches that come back to where they began. A straight line makes the
sum equal the day's total. Brownian bridges fill each step with cells. So a day needs no other day,
and yet the last price of one is the first of the next.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from venue.local.dice import Floats, Singles, generator
from venue.local.grid import CELLS, HOURS, STEP_CELLS, STEPS, STEPS_PER_HOUR

# Volatility by the hour, as multiples: calm, usual, active; their mean square is 1.
HOUR_VOLS = np.array([0.55, 0.95, 1.6])
HOUR_ODDS = (0.35, 0.75)
SEGMENT_STEPS = (30, 120)
TREND_ODDS = 0.45
TREND_DRIFT = (0.08, 0.19)
RANGE_RETURN = 0.85
# Where a level is pulled over weeks, so that a year's world keeps plausible prices.
LEVEL_MEMORY = 0.985
LEVEL_BLOCK = 64
TAPER_CELLS = 40

# A step's last cell stands at its end, so the day's last cell is the next day's beginning.
_FRACTION = (np.arange(1, STEP_CELLS + 1) / STEP_CELLS).astype(np.float32)


class Walk(Struct, frozen=True):
    """One day's wandering in log price from the day's start.

    `levels` are the STEPS + 1 knots, `sigma` the volatility of each step, `rng` the generator that
    the day's cells will be drawn from.
    """

    levels: Floats
    sigma: Floats
    rng: np.random.Generator


class Levels:
    """Log price at the start of each day since the epoch, grown as far as it was asked."""

    def __init__(self, *key: int | str, daily_vol: float) -> None:
        self._key = key
        self._vol = daily_vol
        self._starts = [0.0]

    def start(self, day: int) -> float:
        """Return the level at the start of a day."""
        starts = self._starts
        while len(starts) <= day:
            block = len(starts) // LEVEL_BLOCK
            draws = generator(*self._key, "levels", block).standard_normal(LEVEL_BLOCK)
            for index in range(len(starts) % LEVEL_BLOCK, LEVEL_BLOCK):
                starts.append(LEVEL_MEMORY * starts[-1] + self._vol * float(draws[index]))
        return starts[day]

    def total(self, day: int) -> float:
        """Return the day's log return."""
        return self.start(day + 1) - self.start(day)


def walk(*key: int | str, total: float, daily_vol: float) -> Walk:
    """Return the day's steps; `key` names the seed, the series and the day."""
    rng = generator(*key, "walk")
    hour = np.searchsorted(HOUR_ODDS, rng.random(HOURS))
    sigma = daily_vol / STEPS**0.5 * np.repeat(HOUR_VOLS[hour], STEPS_PER_HOUR)
    moves = sigma * rng.standard_normal(STEPS)
    ends = np.cumsum(rng.integers(*SEGMENT_STEPS, STEPS // SEGMENT_STEPS[0]))
    segment = np.searchsorted(ends, np.arange(STEPS), side="right")
    count = int(segment[-1]) + 1
    trending = rng.random(count) < TREND_ODDS
    drift = rng.uniform(*TREND_DRIFT, count) * rng.choice((-1.0, 1.0), count)
    net = np.bincount(segment, moves) / np.bincount(segment)
    moves += np.where(trending[segment], drift[segment] * sigma, -RANGE_RETURN * net[segment])
    moves += (total - float(np.sum(moves))) / STEPS
    levels = np.concatenate(([0.0], np.cumsum(moves)))
    return Walk(levels, sigma, rng)


def cells_of(path: Walk, extra: Floats | None = None) -> Singles:
    """Return the log price of every cell, relative to the day's start.

    `extra` is added to the knots before the cells are filled in.
    """
    levels = path.levels if extra is None else path.levels + extra
    noise = path.rng.standard_normal((STEPS, STEP_CELLS), dtype=np.float32)
    np.cumsum(noise, axis=1, out=noise)
    noise -= noise[:, -1:] * _FRACTION
    noise *= (path.sigma / STEP_CELLS**0.5).astype(np.float32)[:, None]
    noise += np.diff(levels).astype(np.float32)[:, None] * _FRACTION
    noise += levels[:-1].astype(np.float32)[:, None]
    return noise.reshape(CELLS)


def lagged(cells: Singles, lag_cells: int) -> Singles:
    """Return the path some cells late, but in time at both ends of the day."""
    late = np.empty_like(cells)
    edge = TAPER_CELLS * lag_cells
    late[edge : CELLS - edge] = cells[edge - lag_cells : CELLS - edge - lag_cells]
    for lag in range(lag_cells):
        head, tail = TAPER_CELLS * lag, CELLS - TAPER_CELLS * (lag + 1)
        for start in (head, tail):
            late[start : start + TAPER_CELLS] = cells[start - lag : start - lag + TAPER_CELLS]
    return late
