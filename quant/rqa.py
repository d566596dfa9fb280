"""Recurrence quantification: how the series comes back to where it was, and in what lines.

Delay vectors X_i as in `quant.lyapunov`, max norm, R_ij = 1 where ‖X_i − X_j‖ ≤ ε. Recurrent
points that follow each other along a diagonal are stretches that evolve alike, along a vertical
a state that lingers. DET is the share of the points of diagonals in lines of `line_min` or more,
L and ENTR the mean length and the entropy (nats) of those lines, LAM and TT share and mean length
for verticals (N. Marwan, M. Romano, M. Thiel and J. Kurths, Physics Reports 438, 2007).

Counted as pyunicorn 1.0.0 counts: lines on the diagonals leave out the main one, verticals and
the recurrence rate include it. `theiler` leaves out the diagonals |i − j| < theiler too.

The threshold follows from a recurrence rate, so that DET does not become a volatility meter: ε is
the k-th smallest distance of the P pairs with j − i ≥ theiler, k = ⌈rate·P⌉; the smallest ε that
gives at least that rate off the main diagonal. Shifting or scaling the series changes nothing.

DET of noise is not small: iid values at rate p and dim 1 have DET = 1 − (1 − p)², and sharing
dim − 1 coordinates with the next vector raises it to about 0.6 at dim 3. Compare with surrogates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel
from quant.lens import Abstain, Array, Lens, enough

Counts = NDArray[np.int64]

# Distances below this share of the series' range are repeats up to rounding: never a threshold.
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
        eps = max(float(np.partition(pairs, k)[k]), SAME * float(series.max() - series.min()))
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
def _collect(series: Array, dim: int, lag: int, within: float) -> tuple[Array, Counts, int]:
    """Return distances up to `within` and where, d·n + i for the pair (i, i + d), by d and i."""
    n = len(series) - (dim - 1) * lag
    most = n * (n - 1) // 2
    found, where, count = np.empty(most), np.empty(most, np.int64), 0
    row, far = np.empty(len(series)), np.empty(n)
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
            if far[i] <= within:
                found[count] = far[i]
                where[count] = by * n + i
                count += 1
    return found, where, count


@kernel()
def _count(found: Array, where: Counts, n: int, eps: float, theiler: int) -> tuple[Counts, Counts]:
    """Return the lengths of diagonal and vertical lines of the pairs found within `eps`."""
    diagonal, vertical = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    # Per column its line so far above the main diagonal and below it: distance of its last point
    # from the main diagonal, and length. A line that began beside the main diagonal joins it.
    last, run = np.zeros((2, n), np.int64), np.zeros((2, n), np.int64)
    joined = np.ones(n, np.int64)
    before, length = -1, 0
    for h in range(len(found)):
        if found[h] > eps:
            continue
        by, i = where[h] // n, where[h] % n
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
        if by >= theiler:
            # The next diagonal starts at i = 0, so its first point never follows this one's last.
            if where[h] == before + 1 and i > 0:
                length += 1
            else:
                diagonal[length] += 1
                length = 1
            before = where[h]
    diagonal[length] += 1
    diagonal[0] = 0
    for column in range(n):
        for side in range(2):
            if last[side, column] == run[side, column]:
                joined[column] += run[side, column]
            else:
                vertical[run[side, column]] += 1
        vertical[joined[column]] += 1
    return diagonal, vertical


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
        found, where, count = _collect(series, dim, lag, threshold)
        diagonal, vertical = _count(found[:count], where[:count], n, threshold, theiler)
        return threshold, diagonal, vertical
    k = _rank(rate, n, theiler)
    within = _bound(series, dim, lag, theiler, rate)
    eps, found, where, count = np.inf, np.empty(0), np.empty(0, np.int64), 0
    for _ in range(2):
        found, where, count = _collect(series, dim, lag, within)
        outer = np.searchsorted(where[:count], theiler * n)
        if count - outer >= k:
            eps = _select(found[outer:count].copy(), k - 1)
            break
        within = np.inf
    low, high = series[0], series[0]
    for x in series:
        low, high = min(low, x), max(high, x)
    floor = SAME * (high - low)
    if eps < floor:
        eps = floor
        found, where, count = _collect(series, dim, lag, eps)
    diagonal, vertical = _count(found[:count], where[:count], n, eps, theiler)
    return eps, diagonal, vertical


def _share(counts: Counts, line_min: int) -> tuple[float, float, Counts]:
    """Return the share of points in lines of `line_min` or more, their mean length, their counts.

    nan and 0 where there are no points and no lines.
    """
    lengths = np.flatnonzero(counts)
    points = counts[lengths] * lengths
    long = lengths >= line_min
    total, within = int(points.sum()), int(points[long].sum())
    lines = counts[lengths[long]]
    mean = within / int(lines.sum()) if len(lines) else 0.0
    return within / total if total else math.nan, mean, lines


def quantify(diagonal: Counts, vertical: Counts, line_min: int) -> dict[str, float]:
    """Return the measures of line counts as `recurrences` gives them, by name.

    `det` and `lam` are shares (det nan where no pair recurs), `l_mean`, `l_max` and `tt` lengths
    in steps (0 without lines), `entropy` in nats, `recurrence_rate` a share of all n² points.
    """
    det, l_mean, lines = _share(diagonal, line_min)
    lam, tt, _ = _share(vertical, line_min)
    parts = lines / lines.sum() if len(lines) else lines.astype(np.float64)
    longest = np.flatnonzero(diagonal)
    n = len(vertical) - 1
    return {
        "recurrence_rate": float(vertical @ np.arange(n + 1)) / n**2,
        "det": det,
        "l_mean": l_mean,
        "l_max": float(longest[-1]) if len(longest) else 0.0,
        "entropy": abs(float(parts @ np.log(parts))),
        "lam": lam,
        "tt": tt,
    }


def determinism(
    window: Array, dim: int, lag: int, recurrence_rate: float, theiler: int, line_min: int
) -> float:
    """Return DET of a finite window, shape (n,), at a recurrence rate; nan where it has none."""
    _, diagonal, _ = recurrences(window, dim, lag, recurrence_rate, 0.0, theiler)
    return _share(diagonal, line_min)[0]


def check(dim: int, lag: int, recurrence_rate: float, theiler: int, line_min: int) -> None:
    """Raise ValueError for parameters that make no sense."""
    if min(dim, lag, theiler, line_min) < 1 or not 0.0 < recurrence_rate < 1.0:
        raise ValueError(
            "rqa needs dim, lag, theiler and line_min >= 1 and recurrence_rate between 0 and 1"
        )


def measure(
    series: Array,
    dim: int,
    lag: int,
    recurrence_rate: float,
    threshold: float,
    theiler: int,
    line_min: int,
) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return DET and all measures; abstains where nothing recurs and where nothing moves."""
    check(dim, lag, recurrence_rate, theiler, line_min)
    if threshold < 0.0:
        raise ValueError("rqa needs a threshold >= 0, 0 for the one of the recurrence rate")
    enough(series, (dim - 1) * lag + theiler + 20)
    span = float(np.ptp(series))
    if span == 0.0:
        raise Abstain("the series never moves")
    eps, diagonal, vertical = recurrences(series, dim, lag, recurrence_rate, threshold, theiler)
    measures: dict[str, Any] = quantify(diagonal, vertical, line_min)
    if math.isnan(measures["det"]):
        raise Abstain(f"no two stretches come within {eps:g} of each other")
    measures["l_max"] = int(measures["l_max"])
    measures["threshold"] = eps
    flags: tuple[str, ...] = ()
    if not threshold and eps <= SAME * span:
        flags = ("more pairs are repeats than the recurrence rate asks for",)
    return measures["det"], measures, flags


LENS = Lens(
    "rqa",
    "how much of what recurs recurs in lines: stretches of the series that evolve alike",
    {
        "dim": 3,
        "lag": 1,
        "recurrence_rate": 0.05,
        "threshold": 0.0,
        "theiler": 1,
        "line_min": 2,
    },
    measure,
)
