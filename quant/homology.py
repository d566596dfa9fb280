"""Persistent homology: loops of a point cloud, their size, and how long they persist.

Balls grow around the points. Two points are joined once their distance is reached, three are
filled in once all their edges are there (Vietoris–Rips). A loop is born with the edge that closes
it at radius b and dies with the triangle that fills it at d: one bar [b, d) each. Radii are edge
lengths, in the unit of the cloud.

The norms of the persistence landscape λ₁ ≥ λ₂ ≥ … have closed forms, because at every radius the
λ_k are the bars' tents max(0, min(t − b, d − t)) sorted by height: Σ‖λ_k‖₁ = Σ(d − b)²/4 and
Σ‖λ_k‖₂² = Σ(d − b)³/12. They scale with the second and the 1.5th power of the cloud's size, so
two clouds compare only once standardised.

Method: persistent cohomology modulo 2, edge by edge in order of length (de Silva, Morozov &
Vejdemo-Johansson 2011), stopped at the enclosing radius, where the complex becomes a cone (Bauer
2021). An edge that is the longest of some triangle is paired with it at once and starts no loop
(Bauer's apparent pairs), which leaves the relative neighbourhood graph less the spanning tree as
births. Each living cocycle is a symmetric matrix of bits, so that one word of it tests an edge
against 64 triangles. Landscapes: Bubenik 2015; as a market lens: Gidea & Katz 2018.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import compress
from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel
from quant.lens import Abstain, Lens, enough

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

POINTS_MAX = 512
POINTS_MIN = 4
DEFAULTS = {"dim": 3, "lag": 1}

# Loops that only other kernels call.


def _distances_plain(cloud: Array) -> Array:
    steps = cloud[:, None, :] - cloud[None, :, :]
    out: Array = np.sqrt((steps * steps).sum(axis=2))
    return out


@kernel(_distances_plain)
def _distances(cloud: Array) -> Array:
    count, width = cloud.shape
    out = np.zeros((count, count))
    for i in range(count):
        for j in range(i):
            total = 0.0
            for k in range(width):
                step = cloud[i, k] - cloud[j, k]
                total += step * step
            out[i, j] = out[j, i] = sqrt(total)
    return out


def _persist_plain(starts: Ints, ends: Ints, lengths: Array, count: int) -> tuple[Array, Array]:
    """Pair edges in order of length; sets of vertices are the bits of whole numbers."""
    near = [0] * count
    root = list(range(count))
    living: list[tuple[float, list[int]]] = []
    bars: list[tuple[float, float]] = []
    joins: list[float] = []

    def top(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for u, v, length in zip(starts.tolist(), ends.tolist(), lengths.tolist(), strict=True):
        third = near[u] & near[v]
        near[u] |= 1 << v
        near[v] |= 1 << u
        if not third:
            a, b = top(u), top(v)
            if a != b:
                root[a] = b
                joins.append(length)
            else:
                rows = [0] * count
                rows[u], rows[v] = 1 << v, 1 << u
                living.append((length, rows))
            continue
        first = third & -third
        odd = []
        for _, rows in living:
            seen = (rows[u] ^ rows[v]) & third
            if seen & first:
                # The value that makes the first triangle's sum even.
                rows[u] |= 1 << v
                rows[v] |= 1 << u
                seen ^= third
            odd.append(seen)
        while any(odd):
            broken = max(i for i, seen in enumerate(odd) if seen)
            triangle = odd[broken] & -odd[broken]
            hit = [seen & triangle != 0 for seen in odd]
            born, rows = living.pop(broken)
            gone = odd.pop(broken)
            hit.pop(broken)
            for i in compress(range(len(hit)), hit):
                odd[i] ^= gone
                living[i] = (living[i][0], [x ^ y for x, y in zip(living[i][1], rows, strict=True)])
            if length > born:
                bars.append((born, length))
    return np.array(bars, dtype=np.float64).reshape(-1, 2), np.array(joins, dtype=np.float64)


@kernel()
def _top(root: Ints, i: int) -> int:
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i


@kernel()
def _extend(cocycles: Ints, odd: Ints, third: Ints, u: int, v: int, alive: int) -> int:
    """Give the edge (u, v) its values, mark the triangles left odd; return whether any are."""
    word = 0
    while third[word] == 0:
        word += 1
    first = third[word] & -third[word]
    value = np.empty(alive, np.int64)
    for k in range(alive):
        value[k] = -1 if (cocycles[u, word, k] ^ cocycles[v, word, k]) & first else 0
    found = 0
    for w in range(len(third)):
        for k in range(alive):
            seen = (cocycles[u, w, k] ^ cocycles[v, w, k] ^ value[k]) & third[w]
            odd[w, k] = seen
            found |= seen
    for k in range(alive):
        cocycles[u, v >> 6, k] |= value[k] & (1 << (v & 63))
        cocycles[v, u >> 6, k] |= value[k] & (1 << (u & 63))
    return found


@kernel()
def _end_one(cocycles: Ints, odd: Ints, order: Ints, alive: int) -> int:
    """End the youngest cocycle with an odd triangle; return its slot, or −1 if all are even.

    Whatever else is odd on that triangle is made even by adding it. The last slot moves into
    the free one.
    """
    slot, word = -1, 0
    for w in range(len(odd)):
        for k in range(alive):
            if odd[w, k] != 0 and (slot < 0 or order[k] > order[slot]):
                slot, word = k, w
    if slot < 0:
        return slot
    triangle = odd[word, slot] & -odd[word, slot]
    for k in range(alive):
        if k != slot and odd[word, k] & triangle:
            for w in range(len(odd)):
                odd[w, k] ^= odd[w, slot]
                for i in range(len(cocycles)):
                    cocycles[i, w, k] ^= cocycles[i, w, slot]
    for w in range(len(odd)):
        odd[w, slot] = odd[w, alive - 1]
        for i in range(len(cocycles)):
            cocycles[i, w, slot] = cocycles[i, w, alive - 1]
    return slot


@kernel()
def _start_one(cocycles: Ints, u: int, v: int, slot: int) -> Ints:
    """Let a cocycle begin that is 1 on the edge (u, v) alone; return the store, grown if full."""
    count, words, room = cocycles.shape
    if slot == room:
        grown = np.zeros((count, words, 2 * room), np.int64)
        for i in range(count):
            for w in range(words):
                for k in range(room):
                    grown[i, w, k] = cocycles[i, w, k]
        cocycles = grown
    for i in range(count):
        for w in range(words):
            cocycles[i, w, slot] = 0
    cocycles[u, v >> 6, slot] = 1 << (v & 63)
    cocycles[v, u >> 6, slot] = 1 << (u & 63)
    return cocycles


@kernel(_persist_plain)
def _persist(starts: Ints, ends: Ints, lengths: Array, count: int) -> tuple[Array, Array]:
    words = (count + 63) >> 6
    near = np.zeros((count, words), np.int64)
    third = np.zeros(words, np.int64)
    root = np.arange(count)
    cocycles = np.zeros((count, words, 32), np.int64)
    odd = np.zeros((words, 32), np.int64)
    # The edge each living cocycle began with: also its age.
    order = np.zeros(len(starts), np.int64)
    bars = np.zeros((len(starts), 2))
    joins = np.zeros(count)
    alive = barred = joined = 0
    for edge in range(len(starts)):
        u, v = starts[edge], ends[edge]
        filled = 0
        for w in range(words):
            third[w] = near[u, w] & near[v, w]
            filled |= third[w]
        near[u, v >> 6] |= 1 << (v & 63)
        near[v, u >> 6] |= 1 << (u & 63)
        if filled == 0:
            a, b = _top(root, u), _top(root, v)
            if a != b:
                root[a] = b
                joins[joined] = lengths[edge]
                joined += 1
                continue
            cocycles = _start_one(cocycles, u, v, alive)
            if cocycles.shape[2] > odd.shape[1]:
                odd = np.zeros((words, cocycles.shape[2]), np.int64)
            order[alive] = edge
            alive += 1
        elif alive and _extend(cocycles, odd, third, u, v, alive):
            slot = _end_one(cocycles, odd, order, alive)
            while slot >= 0:
                alive -= 1
                if lengths[edge] > lengths[order[slot]]:
                    bars[barred, 0], bars[barred, 1] = lengths[order[slot]], lengths[edge]
                    barred += 1
                order[slot] = order[alive]
                slot = _end_one(cocycles, odd, order, alive)
    return bars[:barred], joins[:joined]


@lru_cache(maxsize=8)
def _pairs(count: int) -> tuple[Ints, Ints]:
    starts, ends = np.triu_indices(count, 1)
    return starts.astype(np.int64), ends.astype(np.int64)


def persistence(distances: Array) -> tuple[Array, Array]:
    """Return the bars of dimension 1, (k, 2) sorted, and the edges of the spanning tree (n − 1,).

    `distances` is a symmetric matrix (n, n) of any metric. The second array holds the deaths of
    the components in ascending order. Raises Abstain for more than `POINTS_MAX` points, and where
    a distance is not finite.
    """
    count = len(distances)
    if count > POINTS_MAX:
        raise Abstain(f"{count} points are more than {POINTS_MAX}")
    if count < 2:
        return np.empty((0, 2)), np.empty(0)
    farthest = distances.max(axis=1)
    if not np.isfinite(farthest).all():
        raise Abstain("a distance is not finite")
    starts, ends = _pairs(count)
    lengths = distances[starts, ends]
    # Beyond the smallest of these radii one point is joined to all: nothing is left to die.
    kept = np.flatnonzero(lengths <= farthest.min())
    kept = kept[np.argsort(lengths[kept])]
    bars, joins = _persist(starts[kept], ends[kept], lengths[kept], count)
    return bars[np.lexsort((bars[:, 1], bars[:, 0]))], joins


def _cloud(points: Array) -> Array:
    # A copy, since read-only memory would be another type to compile for.
    found = np.array(points, dtype=np.float64, order="C")
    if found.ndim != 2:
        raise ValueError(f"a cloud has two dimensions, points and coordinates, not {found.ndim}")
    if len(found) > POINTS_MAX:
        raise Abstain(f"{len(found)} points are more than {POINTS_MAX}")
    return found


def diagram(cloud: Array) -> Array:
    """Return the bars [birth, death) of the loops of a cloud (n, width), (k, 2), Euclidean.

    Sorted by birth, then death; bars of length zero are left out. A row may be a delay vector,
    or the returns of several coins at one time (Gidea & Katz). Raises Abstain as `persistence`,
    ValueError for an array of another shape.
    """
    return persistence(_distances(_cloud(cloud)))[0]


def components(cloud: Array) -> Array:
    """Return the deaths (n − 1,) of the components of a cloud (n, width): its tree's edges."""
    return persistence(_distances(_cloud(cloud)))[1]


def landscape_norms(bars: Array) -> tuple[float, float]:
    """Return the L¹ and L² norms of the landscape of bars (k, 2), both over all its levels."""
    length = bars[:, 1] - bars[:, 0]
    square = length * length
    return float(square.sum()) / 4.0, sqrt(float((square * length).sum()) / 12.0)


def norms(cloud: Array) -> tuple[float, float]:
    """Return the L¹ and L² norms of the landscape of a cloud (n, width); raises as `diagram`."""
    return landscape_norms(diagram(cloud))


def delayed(series: Array, dim: int, lag: int) -> Array:
    """Return the delay vectors (x_i, x_{i+lag}, …) of a series, shape (n − (dim − 1)·lag, dim).

    Raises ValueError for dim or lag below 1, Abstain for fewer than `POINTS_MIN` points.
    """
    if dim < 1 or lag < 1:
        raise ValueError(f"dim={dim}, lag={lag}: both must be at least 1")
    enough(series, (dim - 1) * lag + POINTS_MIN)
    count = len(series) - (dim - 1) * lag
    return np.stack([series[k * lag : k * lag + count] for k in range(dim)], axis=1)


def l1_norm(window: Array, dim: int = 3, lag: int = 1) -> float:
    """Return the L¹ norm of a window's delay vectors, nan where the lens would abstain."""
    try:
        return norms(_varied(delayed(window, dim, lag)))[0]
    except Abstain:
        return nan


def _varied(cloud: Array) -> Array:
    if (cloud == cloud[0]).all():
        raise Abstain("all points are one")
    return cloud


def measure(series: Array, *, dim: int, lag: int) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the L¹ norm of the loops among the delay vectors of a series (n,), and the bars."""
    bars = diagram(_varied(delayed(series, dim, lag)))
    l1, l2 = landscape_norms(bars)
    length = bars[:, 1] - bars[:, 0]
    found = {
        "l2": l2,
        "bars": bars.tolist(),
        "longest": float(length.max(initial=0.0)),
        "total": float(length.sum()),
    }
    return l1, found, ()


def reference(series: Array, *, dim: int, lag: int) -> float:
    """Return the same norm by ripser.py, which computes in single precision."""
    from ripser import ripser  # noqa: PLC0415 - of the test group only

    return landscape_norms(ripser(delayed(series, dim, lag), maxdim=1)["dgms"][1])[0]


LENS = Lens(
    "homology", "does its path circle a hole, and how large a one?", DEFAULTS, measure, reference
)
