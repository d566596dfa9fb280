"""The Darwinian rule on many histories at once, for null bands and studies.

`paths` must say exactly what `divisions.weights.step` says, day after day; a test holds it to
that. Arrays are (histories, days, names), consecutive UTC days along the second axis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from divisions.weights import (
    CLOSED_MIN,
    DAYS_MIN,
    DOWN,
    HIGH,
    LOW,
    START,
    UP,
    WINDOW_DAYS,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def _windowed(values: Ints) -> Ints:
    """Return sums over the window that ends with each day."""
    total = np.cumsum(values, axis=1)
    out = total.copy()
    out[:, WINDOW_DAYS:] -= total[:, :-WINDOW_DAYS]
    return out


def ratios(r_e6: Ints, active: Bools) -> tuple[Floats, Ints]:
    """Return each day's rolling Sharpe (nan where undefined) and the active days behind it."""
    r = np.where(active, r_e6, 0).astype(np.int64)
    n = _windowed(active.astype(np.int64))
    total, square = _windowed(r), _windowed(r * r)
    spread = n * square - total * total
    with np.errstate(divide="ignore", invalid="ignore"):
        found = total * np.sqrt((n - 1.0) / (n * spread.astype(np.float64)))
    return np.where((n >= 2) & (spread > 0), found, np.nan), n


def paths(r_e6: Ints, active: Bools, closed: Ints) -> Floats:
    """Return the weights after each day's step, from the start weight on.

    `active` says on which days a name had a return, `closed` how many trades it closed then.
    """
    sharpe, n = ratios(r_e6, active)
    enough = (n >= DAYS_MIN) & (_windowed(np.where(active, closed, 0)) >= CLOSED_MIN)
    ranked = active & enough & np.isfinite(sharpe)
    weights = np.full(r_e6.shape[::2], START)
    out = np.empty(r_e6.shape)
    for day in range(r_e6.shape[1]):
        among = ranked[:, day]
        value = np.where(among, sharpe[:, day], np.nan)
        pairs = among[:, :, None] & among[:, None, :]
        above = (pairs & (value[:, None, :] > value[:, :, None])).sum(axis=2)
        below = (pairs & (value[:, None, :] < value[:, :, None])).sum(axis=2)
        count = among.sum(axis=1, keepdims=True)
        ties = count - above - below - 1
        size = count // 4
        up = among & (above + ties < size)
        down = among & ~up & (below + ties < size)
        factor = np.where(up, UP, np.where(down, DOWN, 1.0))
        weights = np.clip(weights * factor, LOW, HIGH)
        out[:, day] = weights
    return out


def standing_out(weights: Floats) -> Floats:
    """Return how far the highest of the weights stands above the others, in log weight.

    The last axis holds the names; the figure is the highest log weight less the others' mean.
    """
    logs = np.log(weights)
    highest = logs.max(axis=-1)
    rest = (logs.sum(axis=-1) - highest) / (weights.shape[-1] - 1)
    result: Floats = highest - rest
    return result


def shuffled(
    r: Floats, active: Bools, closed: Ints, histories: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Return (returns in millionths, closed) of histories in which no name is anyone.

    Each day's results are dealt anew among the names that had one, after each name's returns
    were brought to unit spread (which leaves every Sharpe ratio as it is). What the days did to
    everyone stays, and so does who was idle when; what goes is that a name had an edge.
    """
    days, names = r.shape
    spread = np.array(
        [r[active[:, k], k].std() if active[:, k].any() else 1.0 for k in range(names)]
    )
    unit = np.round(r / np.where(spread > 0.0, spread, 1.0) * 1e6).astype(np.int64)
    out = np.zeros((histories, days, names), dtype=np.int64)
    ends = np.zeros((histories, days, names), dtype=np.int64)
    for day in range(days):
        here = np.flatnonzero(active[day])
        if not len(here):
            continue
        dealt = here[rng.random((histories, len(here))).argsort(axis=1)]
        out[:, day, here] = unit[day, dealt]
        ends[:, day, here] = closed[day, dealt]
    return out, ends
