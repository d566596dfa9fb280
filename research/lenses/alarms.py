"""Alarms at a fixed rate: how many large falls they precede, beside what chance would give.

An alarm at a point counts for a fall when the fall's peak lies in the `reach` bars after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.rank_skill import distinct_of, exceeded, offsets_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Watch:
    """One path: its points (bars), where the large falls began, the shortest shift in points."""

    at: Ints
    peaks: Ints
    span: str
    margin: int


@dataclass(frozen=True)
class Alarm:
    """Score of a rule's alarms.

    `rate` is their share of points, `precision` the share followed by a fall, `followed` that of
    all points; `recall` the share of falls with an alarm before them, `chance` the same share
    for moments at random; `lead` the median bars from the first such alarm to the peak; `p` how
    often a time-shifted rule recalls as much.
    """

    rate: float
    alarms: int
    events: int
    precision: float
    followed: float
    recall: float
    chance: float
    lead: float
    p: float


def threshold(score: Floats, train: Bools, rate: float) -> float:
    """Return the score that the highest `rate` of the training points reach; inf without any."""
    known = score[train & np.isfinite(score)]
    if not len(known):
        return float("inf")
    return float(np.quantile(known, 1.0 - rate, method="higher"))


def at_rate(score: Floats, rate: float) -> Bools:
    """Return the points of the highest scores, as many as the rate says; none that are nan."""
    count = round(rate * len(score))
    order = np.argsort(np.where(np.isfinite(score), -score, np.inf), kind="stable")[:count]
    out = np.zeros(len(score), dtype=bool)
    out[order] = np.isfinite(score[order])
    return out


def before(at: Ints, peaks: Ints, reach: int) -> Bools:
    """Return, by peak and point, whether the peak lies in (point, point + reach]."""
    ahead = peaks[:, None] - at[None, :]
    inside: Bools = (ahead > 0) & (ahead <= reach)
    return inside


def judge(
    watches: Sequence[Watch],
    alarms: Sequence[Bools],
    *,
    reach: int,
    shifts: int,
    rng: np.random.Generator,
) -> Alarm:
    """Return the figures of all paths together; a rule without alarms recalls nothing."""
    fired = np.concatenate(list(alarms))
    grids = [before(w.at, w.peaks, reach) for w in watches]
    events = sum(len(grid) for grid in grids)
    followed = np.concatenate([grid.any(axis=0) for grid in grids])
    caught = sum(int((g & a).any(axis=1).sum()) for g, a in zip(grids, alarms, strict=True))
    lengths = [len(w.at) for w in watches]
    spans, margins = [w.span for w in watches], [w.margin for w in watches]
    offsets = offsets_of(lengths, spans, margins, shifts, rng)
    null = np.zeros(shifts)
    leads: list[float] = []
    covered = []
    for watch, grid, alarm, moved in zip(watches, grids, alarms, offsets, strict=True):
        n = len(alarm)
        back = (np.arange(n)[:, None] - moved[None, :]) % n
        null += (grid.astype(np.float32) @ alarm[back].astype(np.float32) > 0.0).sum(axis=0)
        for row, peak in zip(grid & alarm, watch.peaks.tolist(), strict=True):
            if row.any():
                leads.append(float(peak - watch.at[row.argmax()]))
        bars = np.arange(watch.at[0], watch.at[-1] + reach + 1)
        ends = np.searchsorted(watch.at[alarm], bars)
        begins = np.searchsorted(watch.at[alarm], bars - reach)
        covered.append(ends > begins)
    return Alarm(
        float(fired.mean()),
        int(fired.sum()),
        events,
        float(followed[fired].mean()) if fired.any() else float("nan"),
        float(followed.mean()),
        caught / events if events else float("nan"),
        float(np.concatenate(covered).mean()),
        float(np.median(leads)) if leads else float("nan"),
        exceeded(float(caught), null, distinct_of(lengths, spans, margins)) if events else 1.0,
    )
