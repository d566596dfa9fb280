"""The price path of a day, bridged between levels drawn beforehand.

A path is made from coarse to fine. Where it stands every four days is drawn first. Between,
each day is drafted by itself: its variance is Heston's, by the quadratic-exponential scheme in
steps of ten minutes, times that of the regime; steps of 30 s carry the regime's drift, and move
against the variance as Heston's price does. What the four drafts miss of the level they must
reach is spread over them by their variance, a bridge too long to be felt. Brownian bridges fill
each step with cells, and gaps open between two of them. So a day needs at most three others, and
the last price of one is the first of the next.

Of the variance a day knows the day before: it begins there, at a draw of the stationary law, so
that over a midnight it goes on but for what is left of that draw, about one part in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from quant.heston import Heston, variance_path
from quant.sums import sum_in_order
from venue.local.market.dice import Floats, Singles, generator
from venue.local.market.grid import CELLS, STEP_CELLS, STEPS
from venue.local.world.regimes import VOL_SCALE, Turns, gaps_of, turns_of

# A variance holds for so many steps: ten minutes.
VARIANCE_STEPS = 20
VARIANCES = STEPS // VARIANCE_STEPS
VARIANCE_DT = 1.0 / VARIANCES
# Where a level is pulled over weeks, so that a year's world keeps plausible prices.
LEVEL_DAYS = 4
LEVEL_MEMORY = 0.985**LEVEL_DAYS
LEVEL_BLOCK = 16
TAPER_CELLS = 40
TINY = 1e-30

# A step's last cell stands at its end, so the day's last cell is the next day's beginning.
_FRACTION = (np.arange(1, STEP_CELLS + 1) / STEP_CELLS).astype(np.float32)


class Walk(Struct, frozen=True):
    """A day's path in log price from the day's start.

    `moves` are its steps but for the gaps, `sigma` the volatility of each step, `gaps` the cells
    before which the price jumps and by how much, `rng` the generator that the day's cells will be
    drawn from.
    """

    moves: Floats
    sigma: Floats
    gaps: list[tuple[int, float]]
    turns: Turns
    rng: np.random.Generator

    @property
    def net(self) -> float:
        """Return how far the day leads."""
        return float(np.sum(self.moves)) + sum_in_order(size for _, size in self.gaps)

    @property
    def energy(self) -> float:
        """Return the day's variance."""
        return float(np.dot(self.sigma, self.sigma))

    @property
    def levels(self) -> Floats:
        """Return the STEPS + 1 knots, but for the gaps."""
        return np.concatenate(([0.0], np.cumsum(self.moves)))

    def led(self, missing: float) -> Walk:
        """Return the walk with what is missing added where the price moves anyway, so that a
        large move is no promise of its return."""
        share = missing / max(self.energy, TINY) * self.sigma**2
        return Walk(self.moves + share, self.sigma, self.gaps, self.turns, self.rng)


class Levels:
    """Log price at the start of each day since the epoch; `draft` gives a day's own walk."""

    def __init__(self, *key: int | str, daily_vol: float, draft: Callable[[int], Walk]) -> None:
        self._key = key
        self._vol = daily_vol * LEVEL_DAYS**0.5
        self._draft = draft
        self._anchors = [0.0]
        self._blocks: dict[int, tuple[list[float], list[float]]] = {}
        # Drafts of the newest block, for the days that are usually asked for next.
        self._fresh: dict[int, Walk] = {}

    def start(self, day: int) -> float:
        """Return the level at the start of a day."""
        block, index = divmod(day, LEVEL_DAYS)
        return self._block(block)[0][index]

    def walk(self, day: int) -> Walk:
        """Return the day's walk, which ends where the next day starts."""
        block, index = divmod(day, LEVEL_DAYS)
        missing = self._block(block)[1][index]
        return (self._fresh.pop(day, None) or self._draft(day)).led(missing)

    def _anchor(self, block: int) -> float:
        anchors = self._anchors
        while len(anchors) <= block:
            number, index = divmod(len(anchors), LEVEL_BLOCK)
            draws = generator(*self._key, "levels", number).standard_normal(LEVEL_BLOCK)
            anchors.append(LEVEL_MEMORY * anchors[-1] + self._vol * float(draws[index]))
        return anchors[block]

    def _block(self, block: int) -> tuple[list[float], list[float]]:
        """Return the starts of a block's days, and what each day's draft misses."""
        found = self._blocks.get(block)
        if found is None:
            begin = self._anchor(block)
            days = range(block * LEVEL_DAYS, (block + 1) * LEVEL_DAYS) if self._vol else ()
            self._fresh = {day: self._draft(day) for day in days}
            sums = np.array([(w.net, w.energy) for w in self._fresh.values()]).reshape(-1, 2)
            missing = self._anchor(block + 1) - begin - float(np.sum(sums[:, 0]))
            share = sums[:, 1] * (missing / max(float(np.sum(sums[:, 1])), TINY))
            ends = np.cumsum(sums[:, 0] + share)
            starts = [begin, *(begin + ends[:-1]).tolist()]
            found = (starts, share.tolist()) if self._vol else _STILL
            self._blocks[block] = found
        return found


# Of a series that never moves.
_STILL = [0.0] * LEVEL_DAYS, [0.0] * LEVEL_DAYS


def variances(*key: int | str, day: int, model: Heston) -> Floats:
    """Return the variance at the day's VARIANCES + 1 marks; `key` names seed and series.

    The model's time is in days and its mean is usually 1; its v0 is not used.
    """
    shape = 2.0 * model.kappa * model.theta / model.sigma**2
    before, today = (generator(*key, "variance", d) for d in (day - 1, day))
    normals = np.concatenate([rng.standard_normal(VARIANCES) for rng in (before, today)])
    uniforms = np.concatenate([rng.random(VARIANCES) for rng in (before, today)])
    begun = model._replace(v0=float(before.standard_gamma(shape)) * model.theta / shape)
    path = variance_path(begun, VARIANCE_DT, normals.tolist(), uniforms.tolist())
    return np.array(path[VARIANCES:])


def draft(*key: int | str, day: int, daily_vol: float, model: Heston) -> Walk:
    """Return a day's walk by itself; `key` names the seed and the series."""
    rng = generator(*key, day, "walk")
    turns = turns_of(rng)
    variance = variances(*key, day=day, model=model)
    ends = np.arange(1, STEPS + 1) / VARIANCE_STEPS
    usual = daily_vol / STEPS**0.5 * VOL_SCALE * turns.column("vol")
    sigma = usual * np.sqrt(
        np.interp(ends - 0.5 / VARIANCE_STEPS, np.arange(len(variance)), variance)
    )
    moves = (1.0 - model.rho**2) ** 0.5 * sigma * rng.standard_normal(STEPS)
    # Andersen's price step: what the variance did beyond its mean return, the price does too.
    mean = 0.5 * (variance[1:] + variance[:-1])
    beyond = np.diff(variance) - model.kappa * (model.theta - mean) * VARIANCE_DT
    shared = model.rho / model.sigma * beyond * (STEPS**0.5 / VARIANCE_STEPS)
    moves += usual * np.repeat(shared, VARIANCE_STEPS)
    net = np.bincount(turns.stretch, moves) / np.maximum(np.bincount(turns.stretch), 1)
    moves += turns.drift * sigma - turns.column("back") * net[turns.stretch]
    gaps = [
        (step * STEP_CELLS + int(rng.integers(1, STEP_CELLS)), size)
        for step, size in gaps_of(turns, rng, daily_vol)
    ]
    return Walk(moves, sigma, gaps, turns, rng)


def cells_of(path: Walk, extra: Floats | None = None) -> Singles:
    """Return the log price of every cell, relative to the day's start, but for the gaps.

    `extra` is added to the knots before the cells are filled in.
    """
    levels = path.levels
    if extra is not None:
        levels += extra
    noise = path.rng.standard_normal((STEPS, STEP_CELLS), dtype=np.float32)
    np.cumsum(noise, axis=1, out=noise)
    noise *= (path.sigma / STEP_CELLS**0.5).astype(np.float32)[:, None]
    # Where the noise ends is taken off on a straight line, and where the step ends is put on.
    noise += (np.diff(levels).astype(np.float32) - noise[:, -1])[:, None] * _FRACTION
    noise += levels[:-1].astype(np.float32)[:, None]
    return noise.reshape(CELLS)


def open_gaps(cells: Singles, path: Walk, beta: float = 1.0) -> None:
    """Let the walk's gaps happen to a coin's cells, `beta` times as large."""
    for cell, size in path.gaps:
        cells[cell:] += np.float32(beta * size)


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
