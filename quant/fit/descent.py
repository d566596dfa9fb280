"""Quasi-Newton minimisation within a box, for likelihoods of a few parameters.

Broyden, Fletcher, Goldfarb and Shanno's inverse curvature, learnt from step to step; a step stops
at the first wall it meets, and goes on along the walls whose slopes point outwards (Bertsekas
1982, "Projected Newton methods"). Our own, since importing scipy's costs a lens process 22 MB.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel

Array = NDArray[np.float64]
# Takes a point (k,) and slopes (k,) to fill; returns the loss.
Loss = Callable[[Array, Array], float]

STEPS_MAX, HALVINGS_MAX = 200, 40
# A descent ends where the next step promises less than half of this.
GAIN_MIN = 1e-10
ARMIJO = 1e-4


class Bottom(NamedTuple):
    """Where a descent ended, (k,), its loss, and whether nothing more was to be gained there."""

    at: Array
    loss: float
    reached: bool


@kernel()
def _downhill(
    at: Array, slopes: Array, metric: Array, low: Array, high: Array, out: Array
) -> tuple[float, float]:
    """Fill `out` with the step that `metric` promises most of along the walls.

    Returns its slope, and how much of it, at most all, lies within the box.
    """
    n = len(at)
    held = np.zeros(n, dtype=np.bool_)
    for i in range(n):
        held[i] = (at[i] <= low[i] and slopes[i] > 0.0) or (at[i] >= high[i] and slopes[i] < 0.0)
    again = True
    while again:
        again = False
        for i in range(n):
            out[i] = 0.0
            for j in range(n):
                if not (held[i] or held[j]):
                    out[i] -= metric[i, j] * slopes[j]
        for i in range(n):
            # A wall that only the bent step runs into holds as well.
            if (at[i] <= low[i] and out[i] < 0.0) or (at[i] >= high[i] and out[i] > 0.0):
                held[i] = again = True
    along, part = 0.0, 1.0
    for i in range(n):
        along += slopes[i] * out[i]
        if out[i] > 0.0:
            part = min(part, (high[i] - at[i]) / out[i])
        elif out[i] < 0.0:
            part = min(part, (low[i] - at[i]) / out[i])
    return along, part


@kernel()
def _moved(at: Array, step: Array, part: float, low: Array, high: Array) -> Array:
    """Return the point after part of a step, upon a wall where it would be a hair from it."""
    out = at + part * step
    for i in range(len(at)):
        hair = 1e-12 * (high[i] - low[i])
        if out[i] - low[i] < hair:
            out[i] = low[i]
        elif high[i] - out[i] < hair:
            out[i] = high[i]
    return out


@kernel()
def _learn(metric: Array, step: Array, turn: Array, fresh: bool) -> bool:
    """Renew the inverse curvature by a step and the turn of the slopes; say if there was one."""
    n = len(step)
    bend = 0.0
    for i in range(n):
        # What did not move says nothing of the curvature there.
        if step[i] == 0.0:
            turn[i] = 0.0
        bend += step[i] * turn[i]
    if not bend > 1e-14:
        return False
    if fresh:
        size = 0.0
        for i in range(n):
            size += metric[i, i] * turn[i] * turn[i]
        metric *= bend / size
    bent = np.zeros(n)
    whole = 0.0
    for i in range(n):
        for j in range(n):
            bent[i] += metric[i, j] * turn[j]
        whole += turn[i] * bent[i]
    for i in range(n):
        for j in range(n):
            both = bent[i] * step[j] + step[i] * bent[j]
            metric[i, j] += ((1.0 + whole / bend) * step[i] * step[j] - both) / bend
    return True


def descend(loss: Loss, start: Array, low: Array, high: Array, scales: Array) -> Bottom:
    """Return the bottom that a descent from `start` ends on, in the box from `low` to `high`.

    `scales` (k,) are how far a first step may go in each direction. The same arguments give the
    same bottom.
    """
    at, slopes, then, step = start.copy(), np.zeros(len(start)), np.zeros(len(start)), start.copy()
    metric, fresh = np.diag(scales**2), True
    now = loss(at, slopes)
    for _ in range(STEPS_MAX):
        along, part = _downhill(at, slopes, metric, low, high, step)
        if -along < GAIN_MIN:
            return Bottom(at, now, True)
        if fresh:
            part = min(part, 1.0 / sqrt(-along))
        for _ in range(HALVINGS_MAX):
            moved = _moved(at, step, part, low, high)
            less = loss(moved, then)
            if less <= now + ARMIJO * part * along:
                break
            # The lowest point of the parabola through what is known.
            part *= min(max(-0.5 * part * along / (less - now - part * along), 0.1), 0.5)
        else:
            if fresh:
                break
            metric, fresh = np.diag(scales**2), True
            continue
        if _learn(metric, moved - at, then - slopes, fresh):
            fresh = False
        at, now = moved, less
        slopes, then = then, slopes
    return Bottom(at, now, False)
