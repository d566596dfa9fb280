"""Phase-space composite: six lenses, each ranked among surrogates of its window, taken together.

A raw value means nothing: λ is positive on noise, DET of noise is 0.6, the radius of white noise
is 0.95. So each lens is ranked among surrogates of the same window, and the six are combined into
one p-value for each of two nulls: signs are chance (`surrogates`), and the window is a GARCH
(`garch`). Only what both reject is beyond ARCH, so the composite's p is the larger of the two.

The combination is Pesarin's (2001, "Multivariate permutation tests", nonparametric combination):
every series of the pool, observed and surrogate, gets a two-sided p per lens, these are combined
by Fisher's −2·Σ ln p, and the observed one's combination is ranked among all of them. However the
lenses depend on each other, the result is exact as long as the series are exchangeable, whatever
each p is made of, if only all series get theirs in the same way. It is made of the distance from
the pool's mean in standard deviations, read off a normal: ranks would do, but among forty series
they know nothing beyond 0.05, and a window far outside its surrogates would count no more than
one at their edge (power 0.4 in place of 0.8 on a chaotic driver under half as much noise).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, log, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant import fisher_rao, garch, homology, hurst, koopman, lyapunov, rqa, surrogates
from quant.lens import Abstain, enough, varied
from quant.sums import sum_in_order

Array = NDArray[np.float64]

# What the daemon looks at: returns of one minute.
WINDOW = 512
VALUES_MIN = 256
COUNT = 39
WINSOR_MADS = 5.0
# Loops are costly: only the last points are looked at.
CLOUD = 64
# With fewer lenses than these the composite would be another statistic than the one validated.
LENSES_MIN = 4
# The share of the surrogates on which a lens must give a number.
KNOWN_MIN = 0.9

# Frozen: a lens whose parameters move with the window jumps for reasons of its own.
PARAMS: dict[str, dict[str, Any]] = {
    "lyapunov": {"dim": 3, "lag": 1, "min_tsep": 20, "trajectory_len": 10},
    "rqa": {"dim": 3, "lag": 1, "recurrence_rate": 0.05, "theiler": 1, "line_min": 2},
    "homology": {"dim": 3, "lag": 1},
    "fisher_rao": {},
    "koopman": {"dim": 16, "rank": 6},
    "hurst": {"n_min": 10, "n_max": 0},
}
NAMES = tuple(PARAMS)


def _homology(window: Array) -> float:
    last = window[-CLOUD:]
    spread = last.std()
    if not spread > 0.0:
        return np.nan
    return homology.l1_norm((last - last.mean()) / spread, **PARAMS["homology"])


def _medians(table: Array) -> Array:
    """Return the medians of rows (m, n), shape (m, 1); on short rows twice as fast as numpy's."""
    half = table.shape[1] // 2
    found = np.sort(table, axis=1)
    middle: Array = found[:, half - 1 + table.shape[1] % 2 : half + 1].mean(axis=1, keepdims=True)
    return middle


def prepare(log_returns: Array) -> Array:
    """Return windows demeaned, of unit variance, then cut at five MAD from the median.

    Takes (n,) or rows (m, n). The median absolute deviation is as it stands, not scaled to a
    normal's σ; the cut keeps one outlier from opening a giant loop. Abstains on a window that
    never moves.
    """
    table = np.atleast_2d(log_returns)
    table = table - table.mean(axis=1, keepdims=True)
    spread = table.std(axis=1, keepdims=True)
    if not (np.isfinite(spread) & (spread > 0.0)).all():
        raise Abstain("the window is not finite or never moves")
    table = table / spread
    middle = _medians(table)
    reach = WINSOR_MADS * _medians(np.abs(table - middle))
    cut: Array = np.ascontiguousarray(np.clip(table, middle - reach, middle + reach))
    return cut[0] if np.ndim(log_returns) == 1 else cut


def statistics(windows: Array, determinism: float | None = None) -> Array:
    """Return the six values of a prepared window (n,), in the order of `NAMES`; nan abstains.

    Of rows (m, n), shape (m, 6). `determinism` stands for the recurrence lens where a rolling
    plot has measured it already.
    """
    rows = np.atleast_2d(windows)
    # Lens by lens, not row by row: what one lens needs stays in the processor's caches, which
    # all six together overflow.
    columns = (
        [lyapunov.exponent(row, **PARAMS["lyapunov"]) for row in rows],
        [
            rqa.determinism(row, **PARAMS["rqa"]) if determinism is None else determinism
            for row in rows
        ],
        [_homology(row) for row in rows],
        [fisher_rao.halves(row) for row in rows],
        [koopman.radius(row, **PARAMS["koopman"]) for row in rows],
        [hurst.dfa(row, **PARAMS["hurst"]) for row in rows],
    )
    # In rows, so that sums over them run in the order they always did.
    found: Array = np.ascontiguousarray(np.array(columns).T)
    return found[0] if np.ndim(windows) == 1 else found


class Ranked(NamedTuple):
    """Readings of a window, and how they rank among its surrogates.

    `values` are of the prepared window as it stands, `ranks` and `garch_ranks` of its prewhitened
    residuals, in (0, 1) with 0.5 in the middle; arrays of shape (6,), nan where a lens abstains.
    `lens_p` and `garch_lens_p` are two-sided. `p` is the larger of `p_sign` and `p_garch`.
    """

    values: Array
    ranks: Array
    garch_ranks: Array
    p: float
    p_sign: float
    p_garch: float
    flags: tuple[str, ...]
    lens_p: Array
    garch_lens_p: Array

    @property
    def score(self) -> float:
        """Return 1 − p: the nearer to one, the less ARCH explains of the window."""
        return 1.0 - self.p


def rank(window: Array, *, count: int = COUNT, seed: int | Sequence[int]) -> Ranked:
    """Rank a prepared window (n,) among `count` surrogates of each null, drawn from `seed`.

    Abstains on short or coarse windows, when fewer than four lenses give numbers, and when no
    GARCH can be fitted. 39 surrogates are the fewest that can reject at 5 % on two sides.
    """
    enough(window, VALUES_MIN)
    varied(window)
    rng = np.random.default_rng(seed)
    values = statistics(window)
    residuals = surrogates.prewhitened(window)
    model = garch.fit(residuals)
    observed = statistics(_clean(residuals))
    flips = surrogates.sign_flip(residuals, count, rng)
    clusters = garch.simulate(model, count, len(residuals), rng)
    sign = _among(observed, flips)
    arch = _among(observed, clusters)
    deaf = [name for k, name in enumerate(NAMES) if not (sign.heard[k] and arch.heard[k])]
    flags = tuple(f"{name} abstains" for name in deaf)
    p = max(sign.p, arch.p)
    return Ranked(values, sign.ranks, arch.ranks, p, sign.p, arch.p, flags, sign.each, arch.each)


def _clean(series: Array) -> Array:
    return prepare(surrogates.prewhitened(series))


class _Null(NamedTuple):
    ranks: Array
    each: Array
    p: float
    heard: NDArray[np.bool_]


def _among(observed: Array, series: Array) -> _Null:
    """Rank the observed values among those of surrogates (count, n), treated as it was."""
    pool = np.vstack([observed, statistics(_clean(series))])
    known = np.isfinite(pool)
    # A lens that abstains on the window, or on many of its like, is not heard at all.
    heard = known[0] & (known.mean(axis=0) > KNOWN_MIN)
    if heard.sum() < LENSES_MIN:
        raise Abstain(f"only {heard.sum()} of {len(NAMES)} lenses give numbers")
    # Where a surrogate has no number it stands in the middle.
    told, known = pool[:, heard], known[:, heard]
    filled = np.where(known, told, np.nanmedian(np.where(known, told, np.nan), axis=0))
    ranks, each = np.full(len(NAMES), np.nan), np.full(len(NAMES), np.nan)
    ranks[heard], each[heard] = placed(filled)
    return _Null(ranks, each, combined(filled), heard)


def placed(pool: Array) -> tuple[Array, Array]:
    """Return mid-ranks in (0, 1) and two-sided p of the first of m rows, shape (k,) each.

    Of m values the smallest has rank 0.5/m; ties share theirs. The least p is 2/m.
    """
    below = (pool <= pool[0]).mean(axis=0)
    above = (pool >= pool[0]).mean(axis=0)
    return 0.5 * (below + 1.0 - above), np.minimum(1.0, 2.0 * np.minimum(below, above))


def combined(pool: Array) -> float:
    """Return the composite p of the first of m rows of lens values (m, k); the least is 1/m."""
    spread = pool.std(axis=0)
    spread[spread <= 1e-12 * np.abs(pool).max(axis=0)] = np.inf  # all alike: no evidence
    away = np.abs(pool - pool.mean(axis=0)) / (sqrt(2.0) * spread)
    score = [sum_in_order(-2.0 * log(max(erfc(z), 1e-300)) for z in row) for row in away.tolist()]
    return float(np.mean(np.array(score) >= score[0] - 1e-9))
