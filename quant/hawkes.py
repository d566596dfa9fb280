"""How much of what arrives was called forth by what arrived before?

A Hawkes process with an exponential kernel: λ(t) = μ + Σ_{t_i < t} α·e^{−β(t − t_i)}. Each event
has α/β children on average, the branching ratio, which must stay below one. Equivalently, by
clusters: strangers arrive at rate μ, and every event has a Poisson number of children after
exponential waits. Times and horizons are in one unit of the caller's choice, rates in its inverse.

Sources: Hawkes 1971; clusters, Hawkes & Oakes 1974; the recursion that makes the likelihood
linear in time, Ozaki 1979; residuals by time rescaling, Papangelou 1972 and Ogata 1988.
"""

from __future__ import annotations

from math import exp, expm1, isfinite, log, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EVENTS_MIN = 10


class Hawkes(NamedTuple):
    """The rate of strangers, the jump of the rate after an event, and how fast that decays."""

    mu: float
    alpha: float
    beta: float

    @property
    def branching(self) -> float:
        """Return the mean number of children of an event."""
        return self.alpha / self.beta

    @property
    def mean_rate(self) -> float:
        """Return the rate in the long run."""
        return self.mu / (1.0 - self.branching)

    @property
    def fano(self) -> float:
        """Return variance over mean of the counts of long windows: 1/(1 − n)², 1 for Poisson."""
        return (1.0 - self.branching) ** -2


def checked(model: Hawkes) -> Hawkes:
    """Return the model; raises ValueError naming what makes no sense."""
    if not all(map(isfinite, model)):
        raise ValueError(f"{model} is not finite")
    if model.mu <= 0.0 or model.beta <= 0.0 or model.alpha < 0.0:
        raise ValueError(f"{model}: mu and beta must be positive, alpha not negative")
    if model.alpha >= model.beta:
        raise ValueError(f"branching ratio {model.branching:.3f} is not below 1: it explodes")
    return model


def _timely(times: npt.ArrayLike, horizon: float) -> Floats:
    found = np.asarray(times, dtype=np.float64)
    if not (isfinite(horizon) and horizon > 0.0):
        raise ValueError(f"horizon {horizon} is not positive")
    if found.ndim != 1 or np.any(np.diff(found) < 0.0):
        raise ValueError("times must be one sorted row")
    if len(found) and not (found[0] >= 0.0 and found[-1] <= horizon):
        raise ValueError(f"times must lie within [0, {horizon}]")
    return found


def expected_count(model: Hawkes, horizon: float) -> float:
    """Return the mean number of events up to the horizon, of a process that begins empty."""
    mu, alpha, beta = checked(model)
    left = beta - alpha
    return mu * beta / left * horizon + mu * alpha / left**2 * expm1(-left * horizon)


def log_likelihood(model: Hawkes, times: npt.ArrayLike, horizon: float) -> float:
    """Return the exact log-likelihood of sorted times on [0, horizon], in one pass.

    Raises ValueError on a bad model, and on times unsorted or outside.
    """
    mu, alpha, beta = checked(model)
    found = _timely(times, horizon)
    total, excited, before = -mu * horizon, 0.0, 0.0
    for at in found.tolist():
        # An event at the very time of another is not yet its child, but adds to the next.
        excited *= exp(-beta * (at - before))
        total += log(mu + alpha * excited)
        excited += 1.0
        before = at
    return total + alpha / beta * float(np.sum(np.expm1(-beta * (horizon - found))))


def compensator(model: Hawkes, times: npt.ArrayLike, horizon: float) -> Floats:
    """Return the integral of the rate from 0 to each event."""
    mu, alpha, beta = checked(model)
    found = _timely(times, horizon)
    out = np.empty(len(found))
    excited, before, born = 0.0, 0.0, 0.0
    for i, at in enumerate(found.tolist()):
        kept = excited * exp(-beta * (at - before))
        born += excited - kept
        out[i] = mu * at + alpha / beta * born
        excited, before = kept + 1.0, at
    return out


class Residuals(NamedTuple):
    """Waits on the clock of the compensator, and how likely they are if the model is true."""

    waits: Floats
    distance: float
    p_value: float


def residuals(model: Hawkes, times: npt.ArrayLike, horizon: float) -> Residuals:
    """Test that rescaled waits are Exp(1), by Kolmogorov and Smirnov's largest distance.

    The p-value takes the parameters as given; fitted ones make it too large.
    Raises ValueError for fewer than ten events.
    """
    from scipy.special import kolmogorov  # noqa: PLC0415 - heavy, and only this test needs it

    waits = np.diff(compensator(model, times, horizon), prepend=0.0)
    count = len(waits)
    if count < EVENTS_MIN:
        raise ValueError(f"{count} events are too few for a test, {EVENTS_MIN} are needed")
    reached = -np.expm1(-np.sort(waits))
    steps = np.arange(count + 1) / count
    distance = float(max(np.max(steps[1:] - reached), np.max(reached - steps[:-1])))
    # Stephens' correction of the limit law for finite samples.
    root = sqrt(count)
    return Residuals(waits, distance, float(kolmogorov((root + 0.12 + 0.11 / root) * distance)))


class Fit(NamedTuple):
    """The likeliest model, its log-likelihood, and that of the best Poisson process."""

    model: Hawkes
    log_likelihood: float
    poisson: float


def fit(times: npt.ArrayLike, horizon: float) -> Fit:
    """Return the maximum-likelihood model of sorted times on [0, horizon].

    Merge the fills of one order first: events at the same instant drive β to infinity.
    Raises ValueError for fewer than ten events.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - heavy, and only a fit needs it

    found = _timely(times, horizon)
    if len(found) < EVENTS_MIN:
        raise ValueError(f"{len(found)} events are too few to fit, {EVENTS_MIN} are needed")
    rate = len(found) / horizon

    def model_of(x: Floats) -> Hawkes:
        branching = 1.0 / (1.0 + exp(-min(max(float(x[1]), -30.0), 30.0)))
        beta = exp(float(x[2]))
        return Hawkes(exp(float(x[0])), branching * beta, beta)

    def loss(x: Floats) -> float:
        return -log_likelihood(model_of(x), found, horizon)

    # Where Nelder and Mead begin: half of the events have parents, a few mean waits before them.
    begin = np.array([log(0.5 * rate), 0.0, log(rate)])
    best = minimize(loss, begin, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-7})
    poisson = len(found) * log(rate) - rate * horizon
    return Fit(model_of(best.x), -float(best.fun), poisson)


class Cluster(NamedTuple):
    """Sorted times, and for each the number of the stranger that it descends from."""

    times: Floats
    root: Ints


def grow(
    strangers: npt.ArrayLike,
    *,
    branching: float,
    beta: float,
    horizon: float,
    rng: np.random.Generator,
) -> Cluster:
    """Return strangers with all their descendants up to the horizon, a generation at a time.

    Strangers may arrive however they like, so this also makes a process whose rate varies; no two
    at the same instant, if the order of events is to be the same on every machine.
    Raises ValueError when the branching ratio is not within [0, 1) or β is not positive.
    """
    if not 0.0 <= branching < 1.0:
        raise ValueError(f"branching ratio {branching} is outside [0, 1)")
    if not beta > 0.0:
        raise ValueError(f"beta {beta} is not positive")
    born = np.asarray(strangers, dtype=np.float64)
    root = np.arange(len(born))
    times, roots = [born], [root]
    while len(born):
        # A Poisson number for each event is one Poisson number, spread over them by chance.
        parent = rng.integers(0, len(born), rng.poisson(branching * len(born)))
        born = born[parent] + rng.standard_exponential(len(parent)) / beta
        root = root[parent]
        kept = born < horizon
        born, root = born[kept], root[kept]
        times.append(born)
        roots.append(root)
    every, source = np.concatenate(times), np.concatenate(roots)
    order = np.argsort(every)
    return Cluster(every[order], source[order])


def simulate(model: Hawkes, horizon: float, rng: np.random.Generator) -> Floats:
    """Return the sorted times of a process that begins empty at 0."""
    mu, _, beta = checked(model)
    if not (isfinite(horizon) and horizon > 0.0):
        raise ValueError(f"horizon {horizon} is not positive")
    strangers = rng.random(rng.poisson(mu * horizon)) * horizon
    grown = grow(strangers, branching=model.branching, beta=beta, horizon=horizon, rng=rng)
    return grown.times
