"""Realised volatility: its z-score against its own history, and its forecast.

Realised volatility is the root of the sum of squared returns over a window; its logarithm is
close to normal (Andersen, Bollerslev, Diebold & Ebens 2001), so a z-score of it can be read. It
is forecast from itself over several spans, the heterogeneous autoregression of Corsi 2009.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant.lens import Abstain, Lens, enough

Array = NDArray[np.float64]

WINDOW = 20
WINDOWS_MIN = 4
# The spans of the autoregression, in values, and how many rows it wants for its coefficients.
SPANS = (5, 20, 60, 240)
ROWS_MIN = 100


def realised_z(returns: Array, window: int = WINDOW) -> float | None:
    """Return the newest window's z-score among the windows before it.

    They do not overlap, so that each is a fresh look. None with fewer than `WINDOWS_MIN` of
    them, or when they do not differ.
    """
    count = len(returns) // window
    if count < WINDOWS_MIN + 1:
        return None
    recent = returns[len(returns) - count * window :].reshape(count, window)
    total = (recent * recent).sum(axis=1)
    if not (total > 0.0).all():
        return None
    logs = 0.5 * np.log(total)
    history = logs[:-1]
    spread = float(history.std(ddof=1))
    return float((logs[-1] - history.mean()) / spread) if spread > 1e-12 else None


def har_forecast(returns: Array, window: int = WINDOW) -> float | None:
    """Return the realised volatility that is forecast for the next `window` returns.

    Log volatility of that span is regressed on log volatility of the last 5, 20, 60 and 240
    returns, by least squares over the whole series; rows overlap, which costs precision but not
    consistency. The median, not the mean, of what is to come: no half variance is added. None
    when fewer than `ROWS_MIN` rows are known, or a span never moved.
    """
    rows = len(returns) - SPANS[-1] - window + 1
    if rows < ROWS_MIN:
        return None
    sums = np.concatenate([[0.0], np.cumsum(returns * returns)])
    # Moments by which the longest span is full, the present being the last of them.
    known = np.arange(SPANS[-1], len(returns) + 1)
    spans = np.column_stack([(sums[known] - sums[known - span]) / span for span in SPANS])
    ahead = sums[known[:rows] + window] - sums[known[:rows]]
    least = 1e-12 * sums[-1] / len(returns)
    if not (spans > least).all() or not (ahead > least).all():
        return None
    design = np.column_stack([np.ones(len(known)), np.log(spans)])
    weights = np.linalg.lstsq(design[:rows], np.log(ahead), rcond=None)[0]
    return float(np.exp(0.5 * (design[-1] @ weights)))


def measure(series: Array, window: int) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return the z-score of log realised volatility of a series of returns.

    Measures, in the unit of the returns: rv of the newest `window`, har_forecast for the next
    (None where the series is too short for one).
    """
    if window < 1:
        raise ValueError(f"window={window} is not positive")
    enough(series, (WINDOWS_MIN + 1) * window)
    found = realised_z(series, window)
    if found is None:
        raise Abstain("a window never moved, or all moved alike")
    forecast = har_forecast(series, window)
    rv = float(np.sqrt(np.sum(series[-window:] ** 2)))
    flags = () if forecast is not None else ("no forecast: too short, or a span never moved",)
    return found, {"rv": rv, "har_forecast": forecast}, flags


LENS = Lens("volatility", "how wild is it now?", {"window": WINDOW}, measure)
