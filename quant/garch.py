"""What would this window look like if it were nothing but clustered volatility?

GARCH(1,1) with Student t innovations: e_t = σ_t·z_t, σ²_t = ω + α·e²_{t−1} + β·σ²_{t−1}, z of unit
variance. Fitted by maximum likelihood (package arch); simulated from the fitted first variance, so
that a surrogate begins as wild as its window did.

Sources: Bollerslev 1986; with t innovations, Bollerslev 1987; as the null of a search for chaos,
Hsieh 1991.
"""

from __future__ import annotations

import os
import warnings
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant.jit import kernel
from quant.lens import Abstain, enough

Array = NDArray[np.float64]

VALUES_MIN = 100
# A t of more degrees than this is a normal, and one of fewer has hardly a variance to speak of.
NU_MIN, NU_MAX = 2.05, 500.0


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
    """Return the likeliest model of a series (n,) of mean zero; abstains where there is none."""
    enough(series, VALUES_MIN)
    scale = float(np.std(series))
    if not (isfinite(scale) and scale > 0.0):
        raise Abstain("the series is not finite or never moves")
    # Its recursions are compiled; where nothing else may be, importing numba would fail.
    os.environ.setdefault("ARCH_DISABLE_NUMBA", "1")
    from arch.univariate import GARCH, StudentsT, ZeroMean  # noqa: PLC0415 - 210 MB, lens process

    # Of unit variance, which is where arch's optimiser feels at home.
    model = ZeroMean(series / scale, volatility=GARCH(1, 0, 1), distribution=StudentsT())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = model.fit(disp="off", show_warning=False)
        except (ValueError, np.linalg.LinAlgError) as why:
            raise Abstain(f"no GARCH could be fitted: {why}") from why
    omega, alpha, beta, nu = (float(x) for x in found.params)
    first = float(found.conditional_volatility[0]) ** 2
    if found.convergence_flag != 0 or not all(map(isfinite, (omega, alpha, beta, nu, first))):
        raise Abstain("the search for a GARCH did not settle")
    nu = min(max(nu, NU_MIN), NU_MAX)
    return Garch(omega * scale**2, max(alpha, 0.0), max(beta, 0.0), nu, first * scale**2)


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
