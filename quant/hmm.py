"""Gaussian hidden Markov model of regimes: a label for people, never a signal.

Rows are independent Gaussians given their state, column by column. States are sorted by the
variance of the first column, so state 0 is the calmest whatever order they were found in. What is
told of a moment is its filtered probability, given the rows up to it; smoothed ones would know
the future. The estimate is hmmlearn's expectation-maximisation, the best of several starts that
depend on the data alone, so the same series always gives the same model.

Sources: Rabiner, "A tutorial on hidden Markov models", 1989; Hamilton 1989 for the filter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant.fit.hmm_likelihood import GAIN_MIN, SQUARES, STEPS_MAX, climb
from quant.lens import Abstain, Lens, enough, varied

Array = NDArray[np.float64]

STATES = 3
STARTS = 5
STAY = 0.9
SEED = 1989
VOLATILITY_WINDOW = 20


class Hmm(NamedTuple):
    """Initial probabilities (k,), transitions (k, k) from row to column, means, variances (k, d).

    Of a series of single numbers, means and variances may also be of shape (k,).
    """

    start: Array
    moves: Array
    means: Array
    variances: Array


class Fit(NamedTuple):
    """The model, its log likelihood, and how many steps of the best start it took."""

    model: Hmm
    log_likelihood: float
    steps: int


def _rows(features: Array) -> Array:
    found = np.asarray(features, dtype=np.float64)
    return found[:, None] if found.ndim == 1 else found


def market_features(returns: Array, window: int = VOLATILITY_WINDOW) -> Array:
    """Return rows (r, log realised volatility of the last `window` returns), shape (n−w+1, 2).

    Raises ValueError with fewer returns than that, and when a window of them never moves, for its
    logarithm is none.
    """
    if len(returns) < window:
        raise ValueError(f"needs {window} returns, got {len(returns)}")
    sums = np.convolve(returns * returns, np.ones(window), "valid")
    if not (sums > 0.0).all():
        raise ValueError(f"{window} returns in a row are zero")
    return np.column_stack([returns[window - 1 :], 0.5 * np.log(sums / window)])


def densities(model: Hmm, features: Array) -> Array:
    """Return log densities of shape (n, k)."""
    means, variances = _rows(model.means), _rows(model.variances)
    away = _rows(features)[:, None, :] - means
    logs: Array = -0.5 * (np.log(2.0 * np.pi * variances) + away * away / variances).sum(axis=2)
    return logs


def filtered(model: Hmm, features: Array) -> tuple[Array, float]:
    """Return P(state | rows up to then), shape (n, k), and the log likelihood."""
    logs = densities(model, features)
    tops = logs.max(axis=1)
    likely = np.exp(logs - tops[:, None])
    forward = np.empty_like(likely)
    scales = np.empty(len(likely))
    expected = model.start
    for t, row in enumerate(likely):
        joint = expected * row
        scales[t] = scale = joint.sum()
        if not scale > 0.0:  # impossible where it could have come from: what it looks like, then
            joint, scales[t], scale = row, np.finfo(float).tiny, row.sum()
        forward[t] = joint / scale
        expected = forward[t] @ model.moves
    return forward, float(np.log(scales).sum() + tops.sum())


def advance(model: Hmm, belief: Array | None, row: Array | float) -> Array:
    """Return the filtered probabilities (k,) after one more row; None is before the first."""
    logs = densities(model, np.atleast_1d(np.asarray(row, dtype=np.float64))[None, :])[0]
    likely = np.exp(logs - logs.max())
    joint = (model.start if belief is None else belief @ model.moves) * likely
    total = joint.sum()
    after: Array = joint / total if total > 0.0 else likely / likely.sum()
    return after


def fit(
    features: Array, states: int = STATES, *, starts: int = STARTS, warm: Hmm | None = None
) -> Fit:
    """Return the likeliest model of a series (n,) or of rows (n, d), from `starts` starts.

    `warm` is a model to begin from besides, such as the last one. Columns are brought to unit
    variance for the search only: the model is in the units of what was given.
    Raises ValueError for too few rows, for what is not finite, or for a column without spread.
    """
    rows = _rows(features)
    if len(rows) < 20 * states:
        raise ValueError(f"needs {20 * states} values, got {len(rows)}")
    centre, scale = rows.mean(axis=0), rows.std(axis=0)
    if not np.isfinite(rows).all() or not (scale > 1e-12 * np.abs(centre)).all():
        raise ValueError("the series is not finite or never moves")
    unit = (rows - centre) / scale
    rng = np.random.default_rng(SEED)
    begins = [_first(unit, states, rng if number else None) for number in range(starts)]
    if warm is not None:
        variances = _rows(warm.variances) / scale**2
        begins.append(
            warm._replace(means=(_rows(warm.means) - centre) / scale, variances=variances)
        )
    found = max((_climb(unit, begin) for begin in begins), key=lambda each: each.log_likelihood)
    start, moves, means, variances = found.model
    order = np.argsort(variances[:, 0], kind="stable")
    model = Hmm(
        start[order],
        moves[np.ix_(order, order)],
        centre + scale * means[order],
        scale**2 * variances[order],
    )
    return Fit(model, filtered(model, rows)[1], found.steps)


def _first(unit: Array, states: int, rng: np.random.Generator | None) -> Hmm:
    """Begin with states by the size of moves around the median; with `rng`, somewhere near."""
    away = np.abs(unit - np.median(unit, axis=0))
    cuts = np.linspace(0.0, 1.0, states + 1)[1:-1]
    means = np.tile(np.median(unit, axis=0), (states, 1))
    if rng is not None:
        cuts = np.sort(rng.uniform(0.05, 0.98, states - 1))
        means = means + 0.3 * rng.standard_normal(means.shape)
    group = np.searchsorted(np.quantile(away[:, 0], cuts), away[:, 0])
    variances = np.full((states, unit.shape[1]), 1e-2)
    for state in range(states):
        if np.any(group == state):
            square = np.mean(away[group == state] ** 2, axis=0)
            variances[state] = np.maximum(square, variances[state])
    moves = np.full((states, states), (1.0 - STAY) / max(states - 1, 1))
    np.fill_diagonal(moves, STAY if states > 1 else 1.0)
    return Hmm(np.full(states, 1.0 / states), moves, means, variances)


def _climb(unit: Array, begin: Hmm) -> Fit:
    given = (unit, begin.start, begin.moves, _rows(begin.means), _rows(begin.variances))
    # In one layout of memory, which the loops are compiled for.
    start, moves, means, variances, likelihood, steps = climb(*map(np.ascontiguousarray, given))
    # A state that nothing visits leaves rows of zeros behind.
    moves = np.maximum(moves, 1e-12)
    moves = moves / moves.sum(axis=1, keepdims=True)
    return Fit(Hmm(start, moves, means, np.maximum(variances, SQUARES)), likelihood, steps)


def _found(series: Array, states: int) -> Fit:
    if not 1 < states <= 8:
        raise ValueError(f"states={states}: from 2 to 8")
    enough(series, 20 * states)
    varied(series)
    try:
        return fit(series, states)
    except ValueError as why:
        raise Abstain(str(why)) from why


def measure(series: Array, states: int) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the filtered probability of the most turbulent state at the last value.

    The model is fitted to the series itself, so only the last value's probability is free of what
    came after it. Measures: state, probabilities, means, sds, log_likelihood.
    """
    model, likelihood, steps = _found(series, states)
    last = filtered(model, series)[0][-1]
    measures = {
        "state": int(last.argmax()),
        "probabilities": last.tolist(),
        "means": model.means[:, 0].tolist(),
        "sds": np.sqrt(model.variances[:, 0]).tolist(),
        "log_likelihood": likelihood,
    }
    flags = (f"not settled after {STEPS_MAX} steps",) if steps >= STEPS_MAX else ()
    return float(last[-1]), measures, flags


def learner(start: Array, moves: Array, means: Array, variances: Array) -> Any:
    """Return hmmlearn's model with these parameters, means and variances of shape (k, d)."""
    from hmmlearn import base  # noqa: PLC0415 - of the extra `check` only
    from hmmlearn.hmm import GaussianHMM  # noqa: PLC0415 - the same

    # It logs when a step gains nothing, which the choice among starts takes care of.
    base._log.disabled = True
    found = GaussianHMM(
        len(start),
        "diag",
        covars_prior=SQUARES,
        n_iter=STEPS_MAX,
        tol=GAIN_MIN,
        init_params="",
    )
    found.startprob_, found.transmat_ = start, moves
    found.n_features = means.shape[1]
    found.means_, found.covars_ = means, variances
    return found


def reference(series: Array, states: int) -> float:
    """Return the same by hmmlearn's own forward pass, whose last posterior is the filtered one."""
    model = _found(series, states).model
    means, variances = _rows(model.means), _rows(model.variances)
    found = learner(model.start, model.moves, means, variances).predict_proba(_rows(series))
    return float(found[-1, -1])


LENS = Lens("hmm", "which regime is it now?", {"states": STATES}, measure, reference)
