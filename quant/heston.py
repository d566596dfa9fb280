"""Heston's stochastic volatility model: option prices, calibration, simulated paths.

Heston's model under the forward measure, x = ln(S/F): dx = −v/2 dt + √v dW, dv = κ(θ − v) dt
+ σ√v dB, dW·dB = ρ dt. Time is in the unit that κ, v and θ are per (years for options).

Sources: Heston 1993; the characteristic function that never crosses its branch cut, Albrecher,
Mayer, Schoutens & Tistaert 2007 ("The little Heston trap"); calls as one integral, Lewis 2001;
simulation by the quadratic-exponential scheme with martingale correction, Andersen 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isfinite, log, pi, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

# Nodes of the integral, and where half of them lie; prices are good to 1e-9 of spot.
NODES = 400
NODES_FIT = 64
NODE_SCALE = 12.0
# Below this ratio of variance to squared mean the next variance is drawn as a squared normal.
PSI_SWITCH = 1.5


class Heston(NamedTuple):
    """Variance now, speed of its return, its long mean, its volatility, and its tie to price."""

    v0: float
    kappa: float
    theta: float
    sigma: float
    rho: float

    @property
    def feller(self) -> bool:
        """Return whether variance never touches zero: 2κθ > σ²."""
        return 2.0 * self.kappa * self.theta > self.sigma**2


def checked(model: Heston) -> Heston:
    """Return the model; raises ValueError naming the parameter that makes no sense."""
    for name, value in zip(model._fields, model, strict=True):
        if not isfinite(value):
            raise ValueError(f"Heston {name} = {value} is not finite")
    if model.v0 < 0.0:
        raise ValueError(f"Heston v0 = {model.v0} is negative")
    for name in ("kappa", "theta", "sigma"):
        if getattr(model, name) <= 0.0:
            raise ValueError(f"Heston {name} = {getattr(model, name)} is not positive")
    if not -1.0 < model.rho < 1.0:
        raise ValueError(f"Heston rho = {model.rho} is outside (-1, 1)")
    return model


def characteristic(
    u: npt.ArrayLike, model: Heston, expiry: float | npt.NDArray[np.float64]
) -> Complexes:
    """Return E[exp(iu·ln(S_T/F_T))]; `u` may be complex, and broadcasts against `expiry`."""
    v0, kappa, theta, sigma, rho = checked(model)
    if np.any(np.asarray(expiry) <= 0.0):
        raise ValueError(f"expiry {expiry} is not positive")
    iu = 1j * np.asarray(u, dtype=np.complex128)
    pull = kappa - rho * sigma * iu
    d = np.sqrt(pull * pull + sigma * sigma * (iu - iu * iu))
    g = (pull - d) / (pull + d)
    decay = np.exp(-d * expiry)
    level = (pull - d) * expiry - 2.0 * np.log((1.0 - g * decay) / (1.0 - g))
    now = (pull - d) * (1.0 - decay) / (1.0 - g * decay)
    return np.asarray(np.exp((kappa * theta * level + v0 * now) / sigma**2))


def _lewis(moneyness: Floats, expiry: Floats, model: Heston, nodes: int) -> Floats:
    """Return calls as a share of the discounted forward, given ln(F/K) and expiry row by row."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    share = 0.5 * (at + 1.0)
    # The integrand dies off like exp(−u·√(v·T)), so short expiries need a wider net.
    reach = NODE_SCALE / np.sqrt(np.maximum(_mean_variance(model, expiry), 1e-8) * expiry) / 4.0
    u = reach[:, None] * share / (1.0 - share)
    stretch = 0.5 * weight * reach[:, None] / (1.0 - share) ** 2
    phi = characteristic(u - 0.5j, model, expiry[:, None])
    inner = np.real(np.exp(1j * u * moneyness[:, None]) * phi) / (u * u + 0.25)
    return np.asarray(1.0 - np.exp(-0.5 * moneyness) / pi * np.sum(inner * stretch, axis=1))


def _mean_variance(model: Heston, expiry: Floats) -> Floats:
    """Return the expected average variance until expiry."""
    aged = model.kappa * expiry
    return np.asarray(model.theta + (model.v0 - model.theta) * -np.expm1(-aged) / aged)


def call_prices(
    spot: float,
    strikes: npt.ArrayLike,
    expiries: npt.ArrayLike,
    model: Heston,
    *,
    rate: float = 0.0,
    dividend: float = 0.0,
    nodes: int = NODES,
) -> Floats:
    """Return call prices, in the unit of spot, one for each strike and its expiry.

    Raises ValueError on a bad model, and on spot, strikes or expiries that are not positive.
    """
    strike, expiry = (
        np.atleast_1d(np.asarray(a, dtype=np.float64))
        for a in np.broadcast_arrays(strikes, expiries)
    )
    if not (spot > 0.0 and np.all(strike > 0.0) and np.all(expiry > 0.0)):
        raise ValueError("spot, strikes and expiries must be positive")
    forward = spot * np.exp((rate - dividend) * expiry)
    share = _lewis(np.log(forward / strike), expiry, checked(model), nodes)
    return np.asarray(np.exp(-rate * expiry) * forward * share)


def call_price(
    spot: float,
    strike: float,
    expiry: float,
    model: Heston,
    *,
    rate: float = 0.0,
    dividend: float = 0.0,
) -> float:
    """Return one call price; see `call_prices`."""
    return float(call_prices(spot, strike, expiry, model, rate=rate, dividend=dividend)[0])


def put_price(
    spot: float,
    strike: float,
    expiry: float,
    model: Heston,
    *,
    rate: float = 0.0,
    dividend: float = 0.0,
) -> float:
    """Return one put price, by parity with the call."""
    call = call_price(spot, strike, expiry, model, rate=rate, dividend=dividend)
    return call - spot * exp(-dividend * expiry) + strike * exp(-rate * expiry)


class Fit(NamedTuple):
    """A calibrated model and the root mean square of its price errors, as a fraction of spot."""

    model: Heston
    error: float


def calibrate(
    spot: float,
    strikes: npt.ArrayLike,
    expiries: npt.ArrayLike,
    prices: npt.ArrayLike,
    *,
    rate: float = 0.0,
    dividend: float = 0.0,
) -> Fit:
    """Return the model whose call prices lie nearest to the given ones, by least squares.

    Raises ValueError when there are fewer than five prices or one admits arbitrage.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415 - heavy, and only a fit needs it

    strike, expiry, price = (
        np.atleast_1d(np.asarray(a, dtype=np.float64))
        for a in np.broadcast_arrays(strikes, expiries, prices)
    )
    if len(price) < 5:
        raise ValueError(f"five parameters need five prices at least, got {len(price)}")
    low = spot * np.exp(-dividend * expiry) - strike * np.exp(-rate * expiry)
    if np.any(price <= np.maximum(low, 0.0)) or np.any(price >= spot * np.exp(-dividend * expiry)):
        raise ValueError("a price lies outside the no-arbitrage bounds")

    def errors(x: Floats) -> Floats:
        found = call_prices(
            spot, strike, expiry, _of_free(x), rate=rate, dividend=dividend, nodes=NODES_FIT
        )
        return (found - price) / spot

    # Brenner and Subrahmanyam: at the money a call is about 0.4·S·√(vT).
    near = np.argmin(np.abs(np.log(strike / spot)))
    guess = (price[near] / (0.4 * spot)) ** 2 / expiry[near]
    guess = float(np.clip(guess, 1e-3, 4.0))
    begin = np.array([log(guess), log(1.5), log(guess), log(0.5), np.arctanh(-0.3)])
    bounds = ([-14.0, -5.0, -14.0, -6.0, -4.0], [3.0, 4.0, 3.0, 2.5, 4.0])
    found = least_squares(errors, begin, bounds=bounds, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return Fit(_of_free(found.x), float(np.sqrt(np.mean(found.fun**2))))


def _of_free(x: Floats) -> Heston:
    v0, kappa, theta, sigma = np.exp(x[:4]).tolist()
    return Heston(v0, kappa, theta, sigma, float(np.tanh(x[4])))


class _Step(NamedTuple):
    """What a step of the variance over dt needs: mean = floor + decay·v, variance = a·v + b."""

    decay: float
    floor: float
    slope: float
    base: float


def _step_of(model: Heston, dt: float) -> _Step:
    if not dt > 0.0:
        raise ValueError(f"step {dt} is not positive")
    decay = exp(-model.kappa * dt)
    gone = 1.0 - decay
    return _Step(
        decay,
        model.theta * gone,
        model.sigma**2 * decay * gone / model.kappa,
        model.theta * model.sigma**2 * gone * gone / (2.0 * model.kappa),
    )


def variance_path(
    model: Heston, dt: float, normals: Sequence[float], uniforms: Sequence[float]
) -> list[float]:
    """Return variance now and after each step, by the QE scheme, one path.

    A step consumes one standard normal and one uniform number in [0, 1), of which it uses one.
    """
    decay, floor, slope, base = _step_of(checked(model), dt)
    v = model.v0
    path = [v]
    for normal, uniform in zip(normals, uniforms, strict=True):
        mean = floor + decay * v
        psi = (slope * v + base) / (mean * mean)
        if psi <= PSI_SWITCH:
            twice = 2.0 / psi
            square = twice - 1.0 + sqrt(twice * (twice - 1.0))
            v = mean / (1.0 + square) * (sqrt(square) + normal) ** 2
        else:
            zero = (psi - 1.0) / (psi + 1.0)
            v = mean / (1.0 - zero) * log((1.0 - zero) / (1.0 - uniform)) if uniform > zero else 0.0
        path.append(v)
    return path


class _Draw(NamedTuple):
    """The next variances, and the logarithm of E[exp(tilt·v')] of each."""

    v: Floats
    log_mean: Floats


def _next_variances(v: Floats, step: _Step, tilt: float, rng: np.random.Generator) -> _Draw:
    mean = step.floor + step.decay * v
    psi = (step.slope * v + step.base) / (mean * mean)
    normal, uniform = rng.standard_normal(len(v)), rng.random(len(v))
    quadratic = psi <= PSI_SWITCH
    twice = 2.0 / np.minimum(psi, PSI_SWITCH)
    square = twice - 1.0 + np.sqrt(twice * (twice - 1.0))
    scale = mean / (1.0 + square)
    zero = np.maximum(psi - 1.0, 0.0) / (psi + 1.0)
    rate = (1.0 - zero) / mean
    room = np.where(quadratic, 1.0 - 2.0 * tilt * scale, rate - tilt)
    if np.any(room <= 0.0):
        raise ValueError("the steps are too long for a martingale correction: take more of them")
    safe = np.where(quadratic, room, 1.0)
    squared = tilt * square * scale / safe - 0.5 * np.log(safe)
    rest = np.where(quadratic, 1.0, rate - tilt)
    tailed = np.log(zero + rate * (1.0 - zero) / rest)
    jump = np.log((1.0 - zero) / (1.0 - uniform)) / rate
    return _Draw(
        np.where(quadratic, scale * (np.sqrt(square) + normal) ** 2, np.maximum(jump, 0.0)),
        np.where(quadratic, squared, tailed),
    )


class Paths(NamedTuple):
    """Ends of simulated paths: ln(S_T/F_T) and the variance."""

    log_return: Floats
    variance: Floats


def simulate(
    model: Heston, expiry: float, *, steps: int, paths: int, rng: np.random.Generator
) -> Paths:
    """Return the ends of many paths by QE-M, so that E[S_T] = F_T exactly but for chance.

    Raises ValueError on a bad model, and when steps are so long that the correction diverges.
    """
    v0, kappa, _, sigma, rho = checked(model)
    if steps < 1 or paths < 1:
        raise ValueError(f"{steps} steps of {paths} paths are none")
    dt = expiry / steps
    step = _step_of(model, dt)
    drift = 0.5 * dt * (kappa * rho / sigma - 0.5)
    after = drift + rho / sigma
    noise = 0.5 * dt * (1.0 - rho * rho)
    tilt = after + 0.5 * noise
    x, v = np.zeros(paths), np.full(paths, v0)
    for _ in range(steps):
        drawn = _next_variances(v, step, tilt, rng)
        x += after * drawn.v - drawn.log_mean - 0.5 * noise * v
        x += np.sqrt(noise * (v + drawn.v)) * rng.standard_normal(paths)
        v = drawn.v
    return Paths(x, v)
