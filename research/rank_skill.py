"""Rank skill: what a reading knows of the future beyond what volatility already says.

Everything is of one path or of several put together: each path is ranked by itself, so that
coins and lengths of bar need no common scale, and their points are then pooled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def ranks(values: Floats) -> Floats:
    """Return ranks from 1, ties at their mean, along the first axis of (n,) or (n, k)."""
    if values.ndim == 2:
        return np.column_stack([ranks(column) for column in values.T])
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles: Floats = np.cumsum(counts) - 0.5 * (counts - 1)
    return middles[place]


def spearman(a: Floats, b: Floats) -> float:
    """Return the rank correlation of the pairs in which both are finite; nan under three."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3:
        return float("nan")
    x, y = ranks(a[both]), ranks(b[both])
    if x.std() == 0.0 or y.std() == 0.0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def auc(score: Floats, event: Bools) -> float:
    """Return P(score of an event > score of none), ties as half (Mann & Whitney 1947).

    nan without any of either, among points whose score is finite.
    """
    known = np.isfinite(score)
    score, event = score[known], event[known]
    hits, misses = int(event.sum()), int((~event).sum())
    if not hits or not misses:
        return float("nan")
    return float((ranks(score)[event].sum() - hits * (hits + 1) / 2.0) / (hits * misses))


def residual(values: Floats, given: Floats) -> Floats:
    """Return what is left of the ranks of (n,) after those of (n, k), at unit spread.

    Zero where a value is not finite: such points then say nothing in any sum of products.
    """
    out = np.zeros(len(values))
    known = np.isfinite(values) & np.isfinite(given).all(axis=1)
    if known.sum() < given.shape[1] + 3:
        return out
    x = np.column_stack([np.ones(int(known.sum())), ranks(given[known])])
    y = ranks(values[known])
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    spread = left.std()
    if spread > 1e-9 * len(left):
        out[known] = left / spread
    return out


def products(lens: Floats, outcome: Floats, given: Floats) -> tuple[Floats, Floats, Floats]:
    """Return both residuals and their product, whose mean is the partial rank correlation."""
    a, b = residual(lens, given), residual(outcome, given)
    return a, b, a * b


def shift_distribution(
    pairs: Sequence[tuple[Floats, Floats]],
    groups: Sequence[str],
    margins: Sequence[int],
    count: int,
    rng: np.random.Generator,
) -> Floats:
    """Return `count` pooled mean products under circular time shifts of the first of each pair.

    A shift keeps the autocorrelation of both and breaks their alignment. It is at least `margin`
    points either way, and the same share of the length for paths of one group.
    """
    sums = np.zeros(count)
    total = sum(len(a) for a, _ in pairs)
    for (a, b), offsets in zip(
        pairs, offsets_of([len(a) for a, _ in pairs], groups, margins, count, rng), strict=True
    ):
        # All circular correlations at once: sum over t of a[t - shift] b[t].
        spectrum = np.conj(np.fft.rfft(a)) * np.fft.rfft(b)
        sums += np.fft.irfft(spectrum, len(a))[offsets]
    shifted: Floats = sums / total
    return shifted


def offsets_of(
    lengths: Sequence[int],
    groups: Sequence[str],
    margins: Sequence[int],
    count: int,
    rng: np.random.Generator,
) -> list[Ints]:
    """Return `count` shifts in points for each path, the same share within a group."""
    shares: dict[str, Floats] = {}
    found = []
    for length, group, margin in zip(lengths, groups, margins, strict=True):
        if group not in shares:
            shares[group] = rng.random(count)
        low = min(margin, length // 3)
        found.append((low + np.floor(shares[group] * (length - 2 * low))).astype(np.int64))
    return found


def exceeded(observed: float, null: Floats, distinct: int) -> float:
    """Return the one-sided p: (1 + those at least as high) / (1 + all).

    It is no smaller than one in 1 + `distinct`, the number of shifts that differ.
    """
    p = (1 + (null >= observed - 1e-12).sum()) / (1 + len(null))
    return max(float(p), 1.0 / (1 + distinct))


def distinct_of(lengths: Sequence[int], groups: Sequence[str], margins: Sequence[int]) -> int:
    """Return how many shifts of all paths together differ, at most a million."""
    count, seen = 1, set()
    for length, group, margin in zip(lengths, groups, margins, strict=True):
        if group not in seen:
            seen.add(group)
            count = min(count * max(1, length - 2 * min(margin, length // 3)), 1_000_000)
    return count


def block_interval(
    parts: Sequence[Floats],
    groups: Sequence[str],
    block: int,
    count: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return the basic 95 % bootstrap interval of the mean of the parts put together.

    Circular blocks of `block` points are drawn within each part, the same ones for parts of one
    group and length (Politis & Romano 1992).
    """
    total = sum(len(part) for part in parts)
    sums = np.zeros(count)
    starts: dict[tuple[str, int], Ints] = {}
    for part, group in zip(parts, groups, strict=True):
        n = len(part)
        if not n:
            continue
        size = min(block, n)
        blocks = -(-n // size)
        if (group, n) not in starts:
            starts[group, n] = rng.integers(0, n, (count, blocks))
        rolled = np.concatenate([part, part[:size]])
        summed = np.concatenate([[0.0], np.cumsum(rolled)])
        whole = summed[size : size + n] - summed[:n]
        sums += whole[starts[group, n]].sum(axis=1) * n / (blocks * size)
    means = sums / total
    middle = float(np.concatenate(list(parts)).mean())
    low, high = np.quantile(means, [0.025, 0.975])
    return 2.0 * middle - float(high), 2.0 * middle - float(low)


def holm(p: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number by Holm's step-down (1979)."""
    order = np.argsort(p, kind="stable")
    out, highest = [1.0] * len(p), 0.0
    for place, i in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (len(p) - place) * p[i]))
        out[i] = highest
    return out


def share_interval(hits: int, trials: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share (Clopper & Pearson 1934)."""
    from scipy.special import betaincinv  # noqa: PLC0415 - heavy, and only studies need it

    low = float(betaincinv(hits, trials - hits + 1, 0.025)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 0.975)) if hits < trials else 1.0
    return low, high
