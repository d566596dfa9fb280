"""Day rows from signals, booked as the daemon books them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.calibration.limits import DELAY_SD, Asked, Limit, blocks
from research.calibration.rule import DayRows
from research.calibration.signals import Bools, Floats, Ints, Signals, World
from research.calibration.slots import admit

DELAY_DAYS = 14
PATH_SD = 0.3


@dataclass(frozen=True)
class Booked:
    """Rows of histories with the truth of each limit's value, (histories, limits) in R a day."""

    rows: DayRows
    value_truth: Floats


def book(
    world: World,
    signals: Signals,
    limits: Sequence[Limit],
    histories: int,
    rng: np.random.Generator,
    *,
    delay_days: int = DELAY_DAYS,
) -> Booked:
    """Return the day rows of every limit over the world's days."""
    asked = Asked(world, signals, histories, rng)
    failed = blocks(asked, limits)
    offsets = np.stack([limit.offset(asked) for limit in limits])
    judged = np.ones((1, asked.size), dtype=np.bool_)
    admitted: Bools | None = None
    if world.joint:
        judged = failed.sum(axis=0) - failed == 0
    if world.slots:
        room, admitted = admit(signals, failed, world.slots, histories)
        judged = judged & room[:-1]
    due = np.maximum(signals.close, signals.day + delay_days)
    booked = _run_day(signals, signals.history, due)
    cell = _Cell(world, booked, signals, histories)
    alike = len(judged) == 1 and not offsets.any()
    best, worst = _extremes(cell, signals.r, judged, failed, offsets, alike=alike)
    by_limit = [
        (one, fails & one, signals.r + offset * fails)
        for one, fails, offset in zip(
            np.broadcast_to(judged, failed.shape), failed, offsets, strict=True
        )
    ]
    common = by_limit[:1] if alike else by_limit
    value, truth = _value(asked, limits, by_limit, offsets, admitted)
    rows = DayRows(
        judged=np.stack([cell.count(one) for one, _, _ in common], axis=2),
        judged_r=np.stack([cell.total(r * one) for one, _, r in common], axis=2),
        blocked=np.stack([cell.count(fails) for _, fails, _ in by_limit], axis=2),
        blocked_r=np.stack([cell.total(r * fails) for _, fails, r in by_limit], axis=2),
        best=best,
        worst=worst,
        value=value,
        run=signals.run,
        division=world.division,
    )
    return Booked(rows, truth)


class _Cell:
    """Sums of signals by day, history and bot; what is due after the last day is left out."""

    def __init__(self, world: World, day: Ints, signals: Signals, histories: int) -> None:
        self.shape = (world.days, histories, world.bots)
        self.history_day = day * histories + signals.history
        self.within = day < world.days
        self._at = (self.history_day * world.bots + signals.bot)[self.within]

    def total(self, weights: Floats) -> Floats:
        """Return the sums of weights, (days, histories, bots)."""
        size = int(np.prod(self.shape))
        found = np.bincount(self._at, weights[self.within], size).astype(np.float64, copy=False)
        return found.reshape(self.shape)

    def count(self, chosen: Bools) -> Floats:
        """Return how many were chosen, (days, histories, bots)."""
        size = int(np.prod(self.shape))
        found = np.bincount(self._at[chosen[self.within]], minlength=size)
        return found.astype(np.float64).reshape(self.shape)


def _extremes(
    cell: _Cell, r: Floats, judged: Bools, failed: Bools, offsets: Floats, *, alike: bool
) -> tuple[Floats, Floats]:
    """Return the best and the worst R by day, history and limit; 0 where there is neither."""
    days, histories, _ = cell.shape
    order = np.argsort(cell.history_day[cell.within], kind="stable")
    at = cell.history_day[cell.within][order]
    starts = np.flatnonzero(np.diff(at, prepend=-1))
    limits = 1 if alike else len(failed)
    found = np.zeros((2, days * histories, limits))
    for k in range(limits):
        one = judged[min(k, len(judged) - 1)]
        of = np.where(one, r if alike else r + offsets[k] * failed[k], 0.0)[cell.within][order]
        if len(of):
            found[0, at[starts], k] = np.maximum.reduceat(of, starts)
            found[1, at[starts], k] = np.minimum.reduceat(of, starts)
    best, worst = found.reshape(2, days, histories, limits)
    return best, worst


def _value(
    asked: Asked,
    limits: Sequence[Limit],
    by_limit: Sequence[tuple[Bools, Bools, Floats]],
    offsets: Floats,
    admitted: Bools | None,
) -> tuple[Floats, Floats]:
    """Return value by day, history and limit, and its truth by history and limit."""
    world, s, histories = asked.world, asked.signals, asked.histories
    index, share = _path(asked)
    day = _run_day(s, s.history[index], s.day[index] + _steps(index))
    at = day * histories + s.history[index]
    within = day < world.days
    at, index, share = at[within], index[within], share[within]
    size = world.days * histories
    run = np.maximum(s.run.sum(axis=0), 1)
    values, truths = [], []
    for k, (limit, (_, fails, _)) in enumerate(zip(limits, by_limit, strict=True)):
        if admitted is not None:
            weight = admitted[k].astype(np.float64) - admitted[-1]
            earned = weight * s.r
            expected = weight * s.mean
        elif limit.delay_r:
            earned = fails * (limit.delay_r + DELAY_SD * asked.rng.standard_normal(asked.size))
            expected = fails * limit.delay_r
        else:
            earned = -(fails * (s.r + offsets[k]))
            expected = -(fails * (s.mean + offsets[k]))
        values.append(np.bincount(at, earned[index] * share, size).reshape(world.days, histories))
        truths.append(np.bincount(s.history, expected, histories) / run)
    return np.stack(values, axis=2), np.stack(truths, axis=1)


def _path(asked: Asked) -> tuple[Ints, Floats]:
    """Return each signal once a day that it was open, with the share of its R of that day."""
    s = asked.signals
    lasts = np.minimum(s.close, asked.world.days) - s.day + 1
    index = np.repeat(np.arange(asked.size), lasts)
    steps = asked.rng.standard_normal(len(index)) * PATH_SD
    starts = np.cumsum(lasts) - lasts
    if asked.size:
        bridge = np.add.reduceat(steps, starts) / lasts
        steps = (steps - bridge[index]) * np.sign(lasts - 1)[index]
    return index, steps + 1.0 / lasts[index]


def _steps(index: Ints) -> Ints:
    """Return 0, 1, 2, … within each run of equal numbers."""
    if not len(index):
        return index
    first = np.flatnonzero(np.diff(index, prepend=-1))
    sizes: NDArray[np.int64] = np.diff(np.append(first, len(index)))
    return np.arange(len(index)) - np.repeat(first, sizes)


def _run_day(signals: Signals, history: Ints, day: Ints) -> Ints:
    """Return the first day from `day` on that the desk ran; the number of days if none is."""
    days, histories = signals.run.shape
    later = np.where(signals.run, np.arange(days)[:, None], days)
    following = np.minimum.accumulate(later[::-1], axis=0)[::-1]
    padded = np.concatenate([following, np.full((1, histories), days)])
    return padded[np.minimum(day, days), history]
