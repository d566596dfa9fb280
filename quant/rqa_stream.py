"""Recurrence quantification of a sliding window, one value at a time, at a fixed threshold.

The matrix of recurrences stays, as a ring. A new vector adds one row: it lengthens or ends the
line at the new end of every diagonal and column. The oldest one goes: each of its recurrences
shortens the line it began. Both touch the counts of line lengths only where they change, so a
step costs O(n) and the counts are those of `quant.recurrence.recurrences` over the window, exactly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel
from quant.lens import Array
from quant.recurrence import Counts, recurrences
from quant.rqa import quantify

# What `state` holds: values seen, vectors held, and the slot of the oldest vector.
SEEN, HELD, HEAD = 0, 1, 2


@kernel()
def _shorten(counts: Counts, length: int) -> None:
    counts[length] -= 1
    if length > 1:
        counts[length - 1] += 1


@kernel()
def _lengthen(counts: Counts, length: int) -> None:
    if length > 0:
        counts[length] -= 1
    counts[length + 1] += 1


@kernel()
def _drop(
    near: NDArray[np.uint8],
    ends: Counts,
    diagonal: Counts,
    vertical: Counts,
    state: Counts,
    theiler: int,
) -> None:
    """Take the oldest vector out of the counts."""
    slots, held, head = len(near), state[HELD], state[HEAD]
    run = 0
    for t in range(held):
        slot = (head + t) % slots
        if not near[head, slot]:
            if run:
                vertical[run] -= 1
            run = 0
            continue
        run += 1
        if t == 0:
            continue
        length = 1
        while t + length < held and near[(head + length) % slots, (slot + length) % slots]:
            length += 1
        if t >= theiler:
            _shorten(diagonal, length)
        if length == held - t:
            ends[0, t] -= 1
        length = 1
        while length < held and near[slot, (head + length) % slots]:
            length += 1
        _shorten(vertical, length)
        if length == held:
            ends[1, slot] -= 1
    if run:
        vertical[run] -= 1
    state[HEAD] = (head + 1) % slots
    state[HELD] = held - 1


@kernel()
def _add(
    near: NDArray[np.uint8],
    row: NDArray[np.uint8],
    ends: Counts,
    diagonal: Counts,
    vertical: Counts,
    state: Counts,
    theiler: int,
) -> None:
    """Add a vector whose recurrences with the held ones, oldest first, are `row`."""
    slots, held, head = len(near), state[HELD], state[HEAD]
    new = (head + held) % slots
    run = 0
    for t in range(held):
        slot = (head + t) % slots
        by = held - t
        near[new, slot] = row[t]
        near[slot, new] = row[t]
        if row[t]:
            run += 1
            if by >= theiler:
                _lengthen(diagonal, ends[0, by])
            _lengthen(vertical, ends[1, slot])
            ends[0, by] += 1
            ends[1, slot] += 1
        else:
            if run:
                vertical[run] += 1
            run = 0
            ends[0, by] = 0
            ends[1, slot] = 0
    near[new, new] = 1
    vertical[run + 1] += 1
    ends[1, new] = run + 1
    state[HELD] = held + 1


def _advance_plain(
    fresh: Array,
    values: Array,
    near: NDArray[np.uint8],
    ends: Counts,
    diagonal: Counts,
    vertical: Counts,
    state: Counts,
    dim: int,
    lag: int,
    threshold: float,
    theiler: int,
) -> None:
    window = len(values) // 2
    kept = min(int(state[SEEN]), window)
    joined = np.concatenate([values[:kept], fresh])[-window:]
    values[: len(joined)] = joined
    state[SEEN] += len(fresh)
    state[HELD] = max(0, len(joined) - (dim - 1) * lag)
    diagonal[:], vertical[:] = 0, 0
    held = int(state[HELD])
    if held > theiler:
        _, lines, columns = recurrences(joined, dim, lag, 0.5, threshold, theiler)
        diagonal[: held + 1], vertical[: held + 1] = lines, columns
    elif held:
        _, _, columns = recurrences(joined, dim, lag, 0.5, threshold, 1)
        vertical[: held + 1] = columns


@kernel(_advance_plain)
def _advance(
    fresh: Array,
    values: Array,
    near: NDArray[np.uint8],
    ends: Counts,
    diagonal: Counts,
    vertical: Counts,
    state: Counts,
    dim: int,
    lag: int,
    threshold: float,
    theiler: int,
) -> None:
    """Take the values `fresh` into the window, one after the other.

    `values`, twice as long as the window, holds it at positions SEEN modulo its length and once
    more half a length away, so that the window always stands in one piece somewhere.
    """
    window, slots = len(values) // 2, len(near)
    row, far = np.empty(slots, np.uint8), np.empty(slots)
    for x in fresh:
        at = state[SEEN] % window
        values[at] = x
        values[at + window] = x
        state[SEEN] += 1
        if state[HELD] == slots:
            _drop(near, ends, diagonal, vertical, state, theiler)
        if state[SEEN] < (dim - 1) * lag + 1:
            continue
        held = state[HELD]
        newest = at + window
        oldest = newest - (dim - 1) * lag - held
        for t in range(held):
            far[t] = 0.0
        for r in range(dim):
            part = values[oldest + r * lag :]
            here = values[newest - (dim - 1 - r) * lag]
            for t in range(held):
                off = abs(part[t] - here)
                far[t] = off if off > far[t] else far[t]
        for t in range(held):
            row[t] = far[t] <= threshold
        _add(near, row, ends, diagonal, vertical, state, theiler)


class Recurrence:
    """The line counts of the last `window` values, exact at every step.

    Memory is n² bytes, n = window − (dim − 1)·lag (0.26 MB at 512). Without compiled kernels every
    step counts the whole window again. Raises ValueError for a window too short, parameters
    without sense and values that are not finite.
    """

    def __init__(
        self,
        window: int,
        dim: int = 3,
        lag: int = 1,
        threshold: float = 1.0,
        theiler: int = 1,
        line_min: int = 2,
    ) -> None:
        slots = window - (dim - 1) * lag
        if min(dim, lag, theiler, line_min) < 1 or slots <= theiler:
            raise ValueError(
                "Recurrence needs dim, lag, theiler and line_min >= 1 and a longer window"
            )
        self.window, self.dim, self.lag = window, dim, lag
        self.theiler, self.line_min = theiler, line_min
        self._values = np.zeros(2 * window)
        self._near = np.zeros((slots, slots), np.uint8)
        # Lengths of the lines that touch the newest vector: by diagonal, and by slot of a column.
        self._ends = np.zeros((2, slots), np.int64)
        self._diagonal, self._vertical = np.zeros((2, slots + 1), np.int64)
        self._state = np.zeros(3, np.int64)
        self._fresh = np.zeros(1)
        self.rebuild(np.zeros(0), threshold)

    def rebuild(self, series: Array, threshold: float) -> None:
        """Start over at another threshold with the last `window` values of a series."""
        if not (math.isfinite(threshold) and threshold > 0.0):
            raise ValueError(f"threshold {threshold!r}: a positive number is needed")
        if not np.isfinite(series).all():
            raise ValueError("the series holds a number that is not finite")
        self.threshold = float(threshold)
        for state in (self._ends, self._diagonal, self._vertical, self._state):
            state[:] = 0
        self._take(np.ascontiguousarray(series[-self.window :], dtype=np.float64))

    def push(self, value: float) -> None:
        """Take in the next value; the oldest one leaves once the window is full."""
        if not math.isfinite(value):
            raise ValueError(f"{value!r} is not finite")
        self._fresh[0] = value
        self._take(self._fresh)

    def _take(self, fresh: Array) -> None:
        _advance(
            fresh,
            self._values,
            self._near,
            self._ends,
            self._diagonal,
            self._vertical,
            self._state,
            self.dim,
            self.lag,
            self.threshold,
            self.theiler,
        )

    @property
    def held(self) -> int:
        """How many delay vectors the counts are of."""
        return int(self._state[HELD])

    def counts(self) -> tuple[Counts, Counts]:
        """Return the counts by length of diagonal and of vertical lines, shapes (held + 1,)."""
        size = self.held + 1
        return self._diagonal[:size].copy(), self._vertical[:size].copy()

    def measures(self) -> dict[str, float]:
        """Return the measures as `quant.rqa.quantify` names them; empty before any vector."""
        if not self.held:
            return {}
        size = self.held + 1
        return quantify(self._diagonal[:size], self._vertical[:size], self.line_min)
