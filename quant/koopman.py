"""Koopman modes: the linear map that best carries the recent past one step ahead.

Delay vectors (x_t, …, x_{t+d−1}) are the columns of X, each one step later those of Y. The map is
sought on the r strongest directions U of X: Ã = U*YX*U·Λ⁻¹ with X X* = UΛU*, whose eigenvalues μ
approximate the Koopman operator's (dynamic mode decomposition on delays: Schmid 2010; Arbabi &
Mezić 2017). |μ| is a mode's growth a step, its angle the radians it turns. The residual
‖Y − UÃU*X‖/‖Y‖ is the share of the next vectors that the map does not foresee: near 0 for a linear
system, near 0.8 for white noise at d = 16, r = 6.

Noise pulls |μ| inwards, and pure noise has a radius of 0.95 at these settings, a random walk one
about 1: neither figure means anything but against the same figure of surrogates.

Method of snapshots: all that is needed are the products of d + 1 shifted copies of the series, a
matrix of (d + 1)² numbers. That squares the condition of X, so where weak directions are asked
for, or hardly anything is left over, the singular value decomposition of X itself takes over.
"""

from __future__ import annotations

from math import nan, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel
from quant.lens import Abstain, Lens, enough

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

DEFAULTS = {"dim": 16, "rank": 6}

# Squared singular values below this share of the largest go to the exact form, as does a squared
# residual: their products keep 16 digits of the largest.
WEAK = 1e-6
# Singular values below this share of the largest are rounding, of the numbers or of the file they
# came in: those directions do not exist.
NOTHING = 1e-9


class Map(NamedTuple):
    """Linear map on the strongest directions (rank, rank), and what it leaves unforeseen."""

    matrix: Array
    residual: float

    @property
    def eigenvalues(self) -> Complex:
        """Return the eigenvalues (rank,), the largest modulus first, each before its conjugate."""
        found: Complex = np.linalg.eigvals(self.matrix).astype(np.complex128)
        return found[np.lexsort((-found.imag, -np.abs(found)))]

    @property
    def radius(self) -> float:
        """Return the largest modulus of an eigenvalue."""
        return float(np.abs(np.linalg.eigvals(self.matrix)).max())


def _fill_plain(first: Array, series: Array) -> Array:
    dim = len(first) - 1
    count = len(series) - dim
    out = np.zeros((dim + 1, dim + 1))
    out[0] = first
    gain = np.outer(series[count:], series[count:]) - np.outer(series[:dim], series[:dim])
    for i in range(dim):
        out[i + 1, i + 1 :] = out[i, i:-1] + gain[i, i:]
    lower = np.tril_indices(dim + 1, -1)
    out[lower] = out.T[lower]
    return out


@kernel(_fill_plain)
def _fill(first: Array, series: Array) -> Array:
    dim = len(first) - 1
    count = len(series) - dim
    out = np.empty((dim + 1, dim + 1))
    for j in range(dim + 1):
        out[0, j] = out[j, 0] = first[j]
    for i in range(dim):
        for j in range(i, dim):
            gain = series[count + i] * series[count + j] - series[i] * series[j]
            out[i + 1, j + 1] = out[j + 1, i + 1] = out[i, j] + gain
    return out


def products(series: Array, dim: int) -> Array:
    """Return Σ_t x_{t+i}·x_{t+j} over the columns t of X, i and j from 0 to dim: (dim + 1,)².

    The first row is `dim` + 1 sums. Every other entry is the one before it on its diagonal, with
    one product more at the end and one less at the start, so that all of it costs n·dim.
    """
    return _fill(np.correlate(series, series[: len(series) - dim], "valid"), series)


def _exact(series: Array, dim: int, rank: int) -> Map:
    """Return the map by singular values of X, of lower rank where X has no more directions."""
    delays = np.lib.stride_tricks.sliding_window_view(series, dim).T
    now, after = delays[:, :-1], delays[:, 1:]
    left, size, right = np.linalg.svd(now, full_matrices=False)
    rank = int((size[:rank] > NOTHING * size[0]).sum())
    left, size, right = left[:, :rank], size[:rank], right[:rank]
    matrix = left.T @ after @ (right.T / size)
    rest = after - left @ (matrix * size @ right)
    return Map(matrix, float(np.linalg.norm(rest) / np.linalg.norm(after)))


def decompose(series: Array, dim: int = 16, rank: int = 6) -> Map:
    """Return the map of a series (n,): it takes `dim` delays and is of rank `rank` or lower.

    Raises ValueError unless 1 <= rank <= dim, Abstain for fewer than 2·dim values, a constant
    series, or one that is zero but for its first or last value.
    """
    if not 1 <= rank <= dim:
        raise ValueError(f"dim={dim}, rank={rank}: the rank is from 1 to dim")
    enough(series, 2 * dim)
    low, high = float(series.min()), float(series.max())
    scale = max(-low, high)
    if high - low <= 1e-12 * scale:
        raise Abstain("the series is constant")
    scaled = series / scale
    table = products(scaled, dim)
    if not scaled[1:].any() or not scaled[:-1].any():
        raise Abstain("there is nothing but one end of the series")
    energy = float(table.trace()) - float(table[0, 0])
    sizes, directions = np.linalg.eigh(table[:dim, :dim])
    if min(sizes[-rank], energy) > WEAK * sizes[-1]:
        kept = directions[:, -rank:]
        moved = kept.T @ table[1:, :dim] @ kept
        matrix = moved / sizes[-rank:]
        left_over = 1.0 - float((matrix * moved).sum()) / energy
        if left_over > WEAK:
            return Map(matrix, sqrt(left_over))
    return _exact(scaled, dim, rank)


def radius_residual(window: Array, dim: int = 16, rank: int = 6) -> tuple[float, float]:
    """Return radius and residual of a window's map, both nan where the lens would abstain."""
    try:
        found = decompose(window, dim, rank)
    except Abstain:
        return nan, nan
    return found.radius, found.residual


def radius(window: Array, dim: int = 16, rank: int = 6) -> float:
    """Return the largest modulus of a window's eigenvalues, nan where the lens would abstain."""
    return radius_residual(window, dim, rank)[0]


def residual(window: Array, dim: int = 16, rank: int = 6) -> float:
    """Return the unforeseen share of a window, nan where the lens would abstain."""
    try:
        return decompose(window, dim, rank).residual
    except Abstain:
        return nan


def measure(series: Array, *, dim: int, rank: int) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the largest modulus of an eigenvalue, the eigenvalues as [re, im], the residual."""
    found = decompose(series, dim, rank)
    values = found.eigenvalues
    measures = {
        "eigenvalues": [[float(value.real), float(value.imag)] for value in values],
        "residual": found.residual,
    }
    flags = () if len(values) == rank else (f"rank {len(values)}: there are no more directions",)
    return float(np.abs(values[0])), measures, flags


LENS = Lens("koopman", "what carries it one step ahead?", DEFAULTS, measure)
