"""Hawkes processes with an exponential kernel: how much of what arrives calls forth more?

A Hawkes process with an exponential kernel: λ(t) = μ + Σ_{t_i < t} α·e^{−β(t − t_i)}. Each event
has α/β children on average, the branching ratio, which must stay below one. Equivalently, by
clusters: strangers arrive at rate μ, and every event has a Poisson number of children after
exponential waits. Times and horizons are in one unit of the caller's choice, rates in its inverse.

Sources: Hawkes 1971; clusters, Hawkes & Oakes 1974; the recursion that makes the likelihood
linear in time, Ozaki 1979; residuals by time rescaling, Papangelou 1972 and Ogata 1988.
"""

from __future__ import annotations

from math import exp, expm1, isfinite, log, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.lens import Abstain, Lens, enough
from quant.sums import sum_in_order

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EVENTS_MIN = 10
LAGS = 10
TIES_MAX = 0.05
# In units of the mean rate: faster decay than this only tells that clocks are coarse.
BETA_MAX = 1000.0
BRANCHING_MAX = 0.995


class Hawkes(NamedTuple):
    """Parameters: the rate of strangers, the jump of the rate after an event, its decay."""

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


def intensity(model: Hawkes, times: npt.ArrayLike, at: float) -> float:
    """Return the rate at a moment, given the sorted events strictly before it."""
    mu, alpha, beta = checked(model)
    found = np.asarray(times, dtype=np.float64)
    return float(mu + alpha * np.sum(np.exp(-beta * (at - found[found < at]))))


class Residuals(NamedTuple):
    """Waits on the clock of the compensator, and how likely they are if the model is true.

    `p_value` asks whether they are Exp(1) (Kolmogorov and Smirnov), `ljung_box_p` whether they
    are uncorrelated over ten lags.
    """

    waits: Floats
    distance: float
    p_value: float
    ljung_box_p: float


def residuals(model: Hawkes, times: npt.ArrayLike, horizon: float) -> Residuals:
    """Test that rescaled waits are Exp(1), by the largest distance, and uncorrelated.

    The p-values take the parameters as given; fitted ones make them too large.
    Raises ValueError for fewer than ten events.
    """
    waits = np.diff(compensator(model, times, horizon), prepend=0.0)
    count = len(waits)
    if count < EVENTS_MIN:
        raise ValueError(f"{count} events are too few for a test, {EVENTS_MIN} are needed")
    reached = -np.expm1(-np.sort(waits))
    steps = np.arange(count + 1) / count
    distance = float(max(np.max(steps[1:] - reached), np.max(reached - steps[:-1])))
    # Stephens' correction of the limit law for finite samples.
    root = sqrt(count)
    p_value = kolmogorov((root + 0.12 + 0.11 / root) * distance)
    return Residuals(waits, distance, p_value, ljung_box(waits))


def kolmogorov(x: float) -> float:
    """Return the chance that √n times the largest distance exceeds x, in the limit of large n.

    2·Σ (−1)^{k−1} e^{−2k²x²} over k ≥ 1, and where that is slow one minus its theta transform.
    """
    if x <= 0.0:
        return 1.0
    if x < 1.0:
        terms = (exp(-((2 * k - 1) ** 2) * pi**2 / (8.0 * x * x)) for k in range(1, 5))
        return 1.0 - sqrt(2.0 * pi) / x * sum_in_order(terms)
    return 2.0 * sum_in_order((-1) ** (k - 1) * exp(-2.0 * k * k * x * x) for k in range(1, 6))


def ljung_box(values: Floats, lags: int = LAGS) -> float:
    """Return the p-value of Ljung and Box (1978) that values (n,) are uncorrelated.

    The number of lags is even, so that the tail of χ² is a finite sum, and cut to n − 2.
    """
    lags = min(lags, len(values) - 2) // 2 * 2
    away = values - values.mean()
    total = float(away @ away)
    if lags < 2 or total <= 0.0:
        return 1.0
    n = len(values)
    score = sum_in_order(
        (float(away[k:] @ away[:-k]) / total) ** 2 / (n - k) for k in range(1, lags + 1)
    )
    half = 0.5 * n * (n + 2) * score
    term, tail = 1.0, 0.0
    for k in range(lags // 2):
        tail += term
        term *= half / (k + 1)
    return min(1.0, exp(-half) * tail)


class Fit(NamedTuple):
    """The likeliest model, its log-likelihood, and that of the best Poisson process."""

    model: Hawkes
    log_likelihood: float
    poisson: float


def fit(times: npt.ArrayLike, horizon: float) -> Fit:
    """Return the maximum-likelihood model of sorted times on [0, horizon].

    Merge the fills of one order first: events at the same instant drive β to infinity, here to
    its bound, a thousandth of a mean wait. Raises ValueError for fewer than ten events.
    """
    from quant.fit.hawkes_likelihood import best  # noqa: PLC0415 - compiled; a venue that only grows has none

    found = _timely(times, horizon)
    if len(found) < EVENTS_MIN:
        raise ValueError(f"{len(found)} events are too few to fit, {EVENTS_MIN} are needed")
    rate = len(found) / horizon
    mu, alpha, beta, likelihood = best(found, horizon, BETA_MAX * rate)
    return Fit(Hawkes(mu, alpha, beta), likelihood, len(found) * log(rate) - rate * horizon)


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


def _sound(series: Floats, horizon: float, least: int) -> float:
    """Return the horizon of a record that can be measured; abstains when it cannot."""
    enough(series, least)
    waits = np.diff(series)
    if series[0] < 0.0 or np.any(waits < 0.0):
        raise Abstain("event times must be sorted and not negative")
    until = horizon or float(series[-1])
    if until < series[-1] or until <= 0.0:
        raise Abstain(f"events lie beyond the horizon {until:g}")
    ties = float(np.mean(waits == 0.0)) if len(waits) else 0.0
    if ties > TIES_MAX:
        raise Abstain(f"{ties:.0%} of the waits are zero: merge simultaneous events first")
    # A silence longer than all that follows: the clock does not start with the record.
    if len(series) > 1 and series[0] > series[-1] - series[0] > 0.0:
        raise Abstain("times must count from the start of the record")
    return until


def measure(
    series: Floats, mu: float, alpha: float, beta: float, horizon: float
) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the branching ratio of event times counted from the start of the record.

    With all of μ, α, β given the model is evaluated, else fitted. Measures: mu, alpha, beta,
    log_likelihood, mean_rate, ks_p, ljung_box_p (None with fewer than ten events).
    """
    given = (mu, alpha, beta)
    if min(given) < 0.0 or horizon < 0.0:
        raise ValueError("mu, alpha, beta and horizon must not be negative")
    if any(given) and not (mu and beta):
        raise ValueError("give mu, alpha and beta, or none of them")
    model = checked(Hawkes(*given)) if any(given) else None
    until = _sound(series, horizon, 1 if model else EVENTS_MIN)
    found = model or fit(series, until).model
    flags: list[str] = []
    if model is None:
        if found.branching > BRANCHING_MAX:
            raise Abstain(f"fitted branching ratio {found.branching:.3f}: the rate itself drifts")
        if found.beta > 0.99 * BETA_MAX * len(series) / until:
            raise Abstain("decay faster than the clock can tell: merge simultaneous events first")
        flags.append("p-values of a fitted model are too large")
    tested = residuals(found, series, until) if len(series) >= EVENTS_MIN else None
    if tested is None:
        flags.append(f"fewer than {EVENTS_MIN} events: residuals not tested")
    measures = {
        **found._asdict(),
        "log_likelihood": log_likelihood(found, series, until),
        "mean_rate": found.mean_rate,
        "ks_p": tested.p_value if tested else None,
        "ljung_box_p": tested.ljung_box_p if tested else None,
    }
    return found.branching, measures, tuple(flags)


LENS = Lens(
    "hawkes",
    "do events call forth events?",
    {"mu": 0.0, "alpha": 0.0, "beta": 0.0, "horizon": 0.0},
    measure,
)
