"""Recurrence plots: which stretches of a series come near each other, and in what lines.

Delay vectors X_i = (x_i, x_{i+lag}, …), max norm, R_ij = 1 where ‖X_i − X_j‖ ≤ ε. What lies in a
line along a diagonal of R are stretches that evolve alike, along a vertical a state that lingers.
Counted as pyunicorn 1.0.0 counts: diagonals leave out the main one, verticals include it.
`theiler` leaves out the diagonals |i − j| < theiler too.

A recurrence rate gives the threshold: ε is the k-th smallest distance of the P pairs with
j − i ≥ theiler, k = ⌈rate·P⌉, the smallest ε with at least that rate off the main diagonal, plus
10⁻⁹ of the range of the series: equal distances must not be told apart by their rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel
from quant.lens import Array

Counts = NDArray[np.int64]

# Distances within this share of the range of the series are the same up to rounding.
SAME = 1e-9
# How many distances are looked at to bound the threshold.
SAMPLE = 2048


def distances(series: Array, dim: int, lag: int) -> Array:
    """Return ‖X_i − X_j‖ in the max norm for all pairs, shape (n, n), n = N − (dim − 1)·lag."""
    n = len(series) - (dim - 1) * lag
    far = np.zeros((n, n))
    for r in range(dim):
        part = series[r * lag : r * lag + n]
        np.maximum(far, np.abs(part[:, None] - part[None, :]), out=far)
    return far


@kernel()
def _rank(rate: float, points: int, theiler: int) -> int:
    """Return which of the distances of pairs with j − i ≥ theiler is the threshold, from 1."""
    pairs = (points - theiler) * (points - theiler + 1) // 2
    # 0.1 · 30 is a little more than 3 in floating point, and must not become 4.
    return max(1, min(pairs, math.ceil(rate * pairs - 1e-9)))


def _runs(lines: NDArray[np.bool_]) -> Counts:
    """Return how often each length occurs among the runs within the rows of `lines`."""
    rows, width = lines.shape
    flat = np.zeros((rows, width + 1), np.int8)
    flat[:, :width] = lines
    edges = np.diff(flat.ravel(), prepend=np.int8(0))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return np.bincount(lengths, minlength=width + 1).astype(np.int64)


def _recurrences_plain(
    series: Array, dim: int, lag: int, rate: float, threshold: float, theiler: int
) -> tuple[float, Counts, Counts]:
    far = distances(series, dim, lag)
    n = len(far)
    eps = threshold
    if not eps > 0.0:
        pairs = far[np.triu_indices(n, theiler)]
        k = _rank(rate, n, theiler) - 1
        eps = float(np.partition(pairs, k)[k]) + SAME * float(series.max() - series.min())
    near = far <= eps
    # Shifting row i by i puts the diagonal j − i = d into column d.
    sheared = np.zeros((n, 2 * n + 1), np.bool_)
    sheared.ravel()[: 2 * n * n].reshape(n, 2 * n)[:, :n] = near
    diagonal = _runs(np.ascontiguousarray(sheared[:, theiler:n].T))
    return eps, diagonal, _runs(near)


@kernel()
def _select(values: Array, k: int) -> float:
    """Return the k-th smallest of `values` from 0, which it rearranges (Hoare's algorithm)."""
    low, high = 0, len(values) - 1
    while low < high:
        pivot = values[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return float(values[k])


@kernel()
def _bound(series: Array, dim: int, lag: int, theiler: int, share: float) -> float:
    """Return a distance that all but certainly exceeds the quantile `share` of all distances."""
    n = len(series) - (dim - 1) * lag
    width = n - theiler
    sample = np.empty(SAMPLE)
    for s in range(SAMPLE):
        # Two irrational strides (Weyl) spread the pairs evenly, the same ones every time.
        i = int(((s * 0.618033988749895) % 1.0) * n)
        j = (i + theiler + int(((s * 0.414213562373095) % 1.0) * (width - theiler + 1))) % n
        far = 0.0
        for r in range(dim):
            far = max(far, abs(series[i + r * lag] - series[j + r * lag]))
        sample[s] = far
    k = int(SAMPLE * (share + 5.0 * math.sqrt(share / SAMPLE))) + 1
    return _select(sample, k) if k < SAMPLE else np.inf


@kernel()
def _collect(series: Array, dim: int, lag: int, within: float) -> tuple[Array, Counts]:
    """Return distances up to `within` and where, d·n + i for the pair (i, i + d), by d and i."""
    n = len(series) - (dim - 1) * lag
    most = n * (n - 1) // 2
    found, where, count = np.empty(most + 1), np.empty(most + 1, np.int64), 0
    row, far = np.empty(len(series)), np.zeros(n + 8)
    # Eight pairs at a time are passed over where none is near; the rest without a branch each.
    near = np.zeros((n + 15) // 8 * 8, np.uint8)
    eights = near.view(np.uint64)
    for by in range(1, n):
        later = series[by:]
        size = n - by
        for i in range(size + (dim - 1) * lag):
            row[i] = abs(series[i] - later[i])
        for i in range(size):
            far[i] = row[i]
        for r in range(1, dim):
            part = row[r * lag :]
            for i in range(size):
                far[i] = part[i] if part[i] > far[i] else far[i]
        for i in range(size):
            near[i] = far[i] <= within
        near[size : size + 8] = 0
        for eight in range((size + 7) // 8):
            if eights[eight]:
                for i in range(8 * eight, 8 * eight + 8):
                    found[count] = far[i]
                    where[count] = by * n + i
                    count += int(near[i])
    return found[:count], where[:count]


@kernel()
def _nearest(
    series: Array, dim: int, lag: int, theiler: int, k: int, within: float
) -> tuple[float, Array, Counts]:
    """Return ε of rank `k` and the pairs as near as that, and perhaps more.

    `within` is where to look first: with less than `k` pairs there, all are looked at.
    """
    n = len(series) - (dim - 1) * lag
    found, where = _collect(series, dim, lag, within)
    outer = np.searchsorted(where, theiler * n)
    if len(found) - outer < k:
        within = np.inf
        found, where = _collect(series, dim, lag, within)
        outer = np.searchsorted(where, theiler * n)
    low, high = series[0], series[0]
    for x in series:
        low, high = min(low, x), max(high, x)
    eps = _select(found[outer:].copy(), k - 1) + SAME * (high - low)
    if eps > within:
        found, where = _collect(series, dim, lag, eps)
    return eps, found, where


@kernel()
def _up_to(eps: float, found: Array, where: Counts) -> Counts:
    """Return where those of the distances are that reach at most `eps`."""
    # Without a branch, which would be guessed wrongly for a third of them.
    out, count = np.empty(len(where) + 1, np.int64), 0
    for h in range(len(where)):
        out[count] = where[h]
        count += int(found[h] <= eps)
    return out[:count]


@kernel()
def _diagonals(where: Counts, n: int, theiler: int) -> Counts:
    """Return the lengths of diagonal lines of the recurrent pairs."""
    diagonal = np.zeros(n + 1, np.int64)
    before, length = -1, 0
    for h in range(np.searchsorted(where, theiler * n), len(where)):
        # Diagonal d ends d places before the next begins, so no line runs from one into another.
        follows = int(where[h] == before + 1)
        diagonal[length] += 1 - follows
        length = 1 + follows * length
        before = where[h]
    diagonal[length] += 1
    diagonal[0] = 0
    return diagonal


@kernel()
def _verticals(where: Counts, n: int) -> Counts:
    """Return the lengths of vertical lines of the recurrent pairs."""
    vertical = np.zeros(n + 1, np.int64)
    # Per column its line so far above the main diagonal and below it: distance of its last point
    # from the main diagonal, and length. A line that began beside the main diagonal joins it.
    last, run = np.zeros((2, n), np.int64), np.zeros((2, n), np.int64)
    joined = np.ones(n, np.int64)
    by = 0
    for h in range(len(where)):
        while where[h] >= (by + 1) * n:
            by += 1
        i = where[h] - by * n
        for side in range(2):
            column = i if side else i + by
            if last[side, column] == by - 1:
                run[side, column] += 1
            else:
                if last[side, column] == run[side, column]:
                    joined[column] += run[side, column]
                else:
                    vertical[run[side, column]] += 1
                run[side, column] = 1
            last[side, column] = by
    for column in range(n):
        for side in range(2):
            if last[side, column] == run[side, column]:
                joined[column] += run[side, column]
            else:
                vertical[run[side, column]] += 1
        vertical[joined[column]] += 1
    return vertical


@kernel(_recurrences_plain)
def recurrences(
    series: Array, dim: int, lag: int, rate: float, threshold: float, theiler: int
) -> tuple[float, Counts, Counts]:
    """Return ε and how often each length occurs among diagonal and among vertical lines.

    Counts have shape (n + 1,), n = N − (dim − 1)·lag > theiler ≥ 1, by length; diagonals are those
    above the main one. A `threshold` > 0 is ε itself, else `rate` gives it.
    """
    n = len(series) - (dim - 1) * lag
    if threshold > 0.0:
        _, where = _collect(series, dim, lag, threshold)
        return threshold, _diagonals(where, n, theiler), _verticals(where, n)
    within = _bound(series, dim, lag, theiler, rate)
    eps, found, where = _nearest(series, dim, lag, theiler, _rank(rate, n, theiler), within)
    near = _up_to(eps, found, where)
    return eps, _diagonals(near, n, theiler), _verticals(near, n)


def _diagonals_plain(series: Array, dim: int, lag: int, rate: float, theiler: int) -> Counts:
    return _recurrences_plain(series, dim, lag, rate, 0.0, theiler)[1]


@kernel(_diagonals_plain)
def diagonals(series: Array, dim: int, lag: int, rate: float, theiler: int) -> Counts:
    """Return what `recurrences` counts of diagonal lines alone, for a quarter less work."""
    n = len(series) - (dim - 1) * lag
    within = _bound(series, dim, lag, theiler, rate)
    eps, found, where = _nearest(series, dim, lag, theiler, _rank(rate, n, theiler), within)
    return _diagonals(_up_to(eps, found, where), n, theiler)
