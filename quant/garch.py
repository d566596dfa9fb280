"""GARCH(1,1) with Student t innovations: a window that is nothing but clustered volatility.

e_t = σ_t·z_t, σ²_t = ω + α·e²_{t−1} + β·σ²_{t−1}, z of unit variance. Fitted by maximum likelihood
(`fit.garch_likelihood`), as package arch does; simulated from the fitted first variance, so that a
surrogate begins as wild as its window did.

Sources: Bollerslev 1986; with t innovations, Bollerslev 1987; as the null of a search for chaos,
Hsieh 1991.
"""

from __future__ import annotations

from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant.fit.garch_likelihood import best
from quant.jit import kernel
from quant.lens import Abstain, enough

Array = NDArray[np.float64]

VALUES_MIN = 100
# The variance begins from a mean square of the first values, the nearest weighing most.
FIRST_VALUES, FIRST_DECAY = 75, 0.94


class Garch(NamedTuple):
    """ω, α, β, degrees of freedom, and the variance of the first value, in the series' units²."""

    omega: float
    alpha: float
    beta: float
    nu: float
    first: float

    @property
    def persistence(self) -> float:
        """Return α + β, how much of a shock to variance is left a step later."""
        return self.alpha + self.beta


def fit(series: Array) -> Garch:
    """Return the likeliest model of a series (n,) of mean zero; abstains where there is none.

    Stationary: α + β ≤ 1, with ω from 1e-8 to ten times the mean square and ν from 2.05 to 500.
    The same values give the same model; without compiled kernels, to five digits.
    """
    enough(series, VALUES_MIN)
    with np.errstate(over="ignore", invalid="ignore"):
        scale = float(np.std(series))
    if not (isfinite(scale) and scale**2 > 0.0 and series.min() < series.max()):
        raise Abstain("the series is not finite or never moves")
    squares = (series / scale) ** 2
    before = begun(squares)
    (omega, alpha, beta, nu), _, settled = best(squares, before)
    if not settled:
        raise Abstain("the search for a GARCH did not settle")
    first = omega + (alpha + beta) * before
    return Garch(*map(float, (omega * scale**2, alpha, beta, nu, first * scale**2)))


def begun(squares: Array) -> float:
    """Return the square and the variance that stand before the first of squared values (n,)."""
    head = squares[:FIRST_VALUES]
    weights = FIRST_DECAY ** np.arange(len(head))
    return float(weights @ head / weights.sum())


def _plain(omega: float, alpha: float, beta: float, first: float, shocks: Array) -> Array:
    out = np.empty_like(shocks)
    variance = np.full(len(shocks), first)
    for t in range(shocks.shape[1]):
        out[:, t] = np.sqrt(variance) * shocks[:, t]
        variance = omega + alpha * out[:, t] ** 2 + beta * variance
    return out


@kernel(_plain)
def _recursion(omega: float, alpha: float, beta: float, first: float, shocks: Array) -> Array:
    count, n = shocks.shape
    out = np.empty_like(shocks)
    for i in range(count):
        variance = first
        for t in range(n):
            e = sqrt(variance) * shocks[i, t]
            out[i, t] = e
            variance = omega + alpha * (e * e) + beta * variance
    return out


def simulate(model: Garch, count: int, n: int, rng: np.random.Generator) -> Array:
    """Return `count` series of `n` values, shape (count, n), each begun at the first variance."""
    omega, alpha, beta, nu, first = model
    shocks = rng.standard_t(nu, size=(count, n)) * sqrt((nu - 2.0) / nu)
    out: Array = _recursion(omega, alpha, beta, first, shocks)
    return out
