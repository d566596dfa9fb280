"""Synthetic returns for the lenses: negative controls, and positive ones with hidden order.

Negative controls, where no lens may see anything: GARCH(1,1) with Student innovations, Heston's
variance, and independent Student returns. Positive controls, where a lens must: returns that
follow the logistic map under noise, and a market in which such a stretch always leads into a slide.
A Lorenz flow that drives only the size of moves stands between: the sign-flip null keeps every
size, so nothing that rests on it can see that world's order.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from quant.heston import Heston, variance_path
from research.lenses.protocol import Protocol

Floats = NDArray[np.float64]

NULLS = ("garch", "heston", "iid")
POSITIVES = ("logistic", "lorenz")
# Bars before the first, so that volatility has forgotten where it began.
BURN = 500
LORENZ_DT = 0.02
LORENZ_STEPS = 5
# x of the flow has a deviation of about 8; this makes the size of moves swing about as in GARCH.
LORENZ_TILT = 0.06


def student(degrees: float, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return independent Student numbers of unit variance; `degrees` must exceed 2."""
    drawn: Floats = rng.standard_t(degrees, shape) * sqrt((degrees - 2.0) / degrees)
    return drawn


def garch(protocol: Protocol, paths: int, bars: int, rng: np.random.Generator) -> Floats:
    """Return GARCH(1,1) returns of unit mean variance, shape (paths, bars) (Bollerslev 1987)."""
    model = protocol.garch
    shocks = student(model.degrees, (bars + BURN, paths), rng)
    base = 1.0 - model.alpha - model.beta
    variance, out = np.ones(paths), np.empty((bars + BURN, paths))
    for t, shock in enumerate(shocks):
        out[t] = np.sqrt(variance) * shock
        variance = base + model.alpha * out[t] * out[t] + model.beta * variance
    return out[BURN:].T


def heston(protocol: Protocol, paths: int, bars: int, rng: np.random.Generator) -> Floats:
    """Return Heston's log returns without drift, shape (paths, bars).

    The price step is that of Andersen's scheme, with the variance of a step in its middle.
    """
    kappa, theta, sigma, rho = (
        getattr(protocol.heston, name) for name in ("kappa", "theta", "sigma", "rho")
    )
    model, count = Heston(theta, kappa, theta, sigma, rho), bars + BURN
    out = np.empty((paths, bars))
    for row in out:
        normals, uniforms = rng.standard_normal(count).tolist(), rng.random(count).tolist()
        v = np.array(variance_path(model, 1.0, normals, uniforms))
        middle = 0.5 * (v[:-1] + v[1:])
        tied = rho / sigma * (np.diff(v) - kappa * (theta - middle))
        free = np.sqrt((1.0 - rho * rho) * middle) * rng.standard_normal(count)
        row[:] = (tied + free)[BURN:]
    return out


def iid(protocol: Protocol, paths: int, bars: int, rng: np.random.Generator) -> Floats:
    """Return independent Student returns, shape (paths, bars)."""
    return student(protocol.iid.degrees, (paths, bars), rng)


def logistic(protocol: Protocol, paths: int, bars: int, rng: np.random.Generator) -> Floats:
    """Return the logistic map at r = 4, standardised, under Gaussian noise, (paths, bars)."""
    x = rng.uniform(0.1, 0.9, paths)
    out = np.empty((bars + 100, paths))
    for row in out:
        x = 4.0 * x * (1.0 - x)
        # Rounding leads a path into a fixed point once in many millions of steps.
        x = np.where((x > 1e-12) & (x < 1.0 - 1e-12), x, 0.1234)
        row[:] = x
    order = (out[100:].T - 0.5) * sqrt(8.0)
    share = protocol.chaos.noise_share
    noise = rng.standard_normal((paths, bars))
    mixed: Floats = sqrt(1.0 - share) * order + sqrt(share) * noise
    return mixed


def lorenz(protocol: Protocol, paths: int, bars: int, rng: np.random.Generator) -> Floats:
    """Return noise whose log size follows x of the Lorenz flow (10, 28, 8/3), (paths, bars)."""
    state = np.array([1.0, 1.0, 25.0])[:, None] + rng.standard_normal((3, paths))
    out = np.empty((bars + 100, paths))
    for row in out:
        for _ in range(LORENZ_STEPS):
            state = _runge_kutta(state)
        row[:] = state[0]
    moves = np.exp(LORENZ_TILT * out[100:].T)
    moves = moves * student(protocol.iid.degrees, (paths, bars), rng)
    scaled: Floats = moves / moves.std()
    return scaled


def _slope(state: Floats) -> Floats:
    x, y, z = state
    return np.array([10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z])


def _runge_kutta(state: Floats) -> Floats:
    a = _slope(state)
    b = _slope(state + 0.5 * LORENZ_DT * a)
    c = _slope(state + 0.5 * LORENZ_DT * b)
    d = _slope(state + LORENZ_DT * c)
    return np.asarray(state + LORENZ_DT / 6.0 * (a + 2.0 * b + 2.0 * c + d))


def chaos(protocol: Protocol, paths: int, bars: int, rng: np.random.Generator) -> Floats:
    """Return fair GARCH returns with stretches of the map that lead into slides, (paths, bars).

    A stretch has the size of the moves before it, so volatility does not give it away.
    """
    plan = protocol.chaos
    out = np.ascontiguousarray(garch(protocol, paths, bars, rng))
    for moves in out:
        at = 60 + int(rng.exponential(plan.quiet_bars_mean))
        while at + plan.driven_bars < bars:
            end = at + plan.driven_bars
            size = float(moves[at - 60 : at].std())
            moves[at:end] = size * logistic(protocol, 1, plan.driven_bars, rng)[0]
            moves[at + plan.lead_bars : end] -= size * plan.slide_sd
            at = end + 60 + int(rng.exponential(plan.quiet_bars_mean))
    return out


WORLDS = {
    "garch": garch,
    "heston": heston,
    "iid": iid,
    "logistic": logistic,
    "lorenz": lorenz,
    "chaos": chaos,
}


def returns(world: str, protocol: Protocol, paths: int, bars: int, seed: int) -> Floats:
    """Return a world's returns, shape (paths, bars); raises KeyError for an unknown name."""
    rng = np.random.default_rng([seed, *world.encode()])
    return np.ascontiguousarray(WORLDS[world](protocol, paths, bars, rng))
