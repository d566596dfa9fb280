"""How wild is it now, against its own history: the z-score of log realised volatility.

Realised volatility is the root of the sum of squared returns over a window; its logarithm is
close to normal (Andersen, Bollerslev, Diebold & Ebens 2001), so a z-score of it can be read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WINDOW = 20
WINDOWS_MIN = 4


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
