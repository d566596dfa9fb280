"""Two lenses that cost nothing, to test what is done with readings of any lens.

`bend` sees the logistic map: a return against the square of the one before. `size` is the spread
of the window, which the sign-flip null keeps, so its rank can say nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from research.lenses.panel import Floats, Ints, Seen

NAMES = ("bend", "size")
SURROGATES = 39


def _bend(windows: Floats) -> Floats:
    x = windows - windows.mean(axis=-1, keepdims=True)
    square = x[..., :-1] ** 2
    square = square - square.mean(axis=-1, keepdims=True)
    later = x[..., 1:]
    below = np.sqrt((square**2).sum(axis=-1) * (later**2).sum(axis=-1))
    return np.asarray(-(square * later).sum(axis=-1) / below)


def read(windows: Floats, seeds: Ints) -> Seen:
    """Return the stand-in readings of windows (n, window)."""
    values = np.empty((len(windows), 2))
    ranks = np.empty((len(windows), 2))
    for i, (window, seed) in enumerate(zip(windows, seeds, strict=True)):
        tossed = np.random.default_rng(seed.tolist()).random((SURROGATES, len(window)))
        signs: NDArray[np.float64] = np.where(tossed < 0.5, -1.0, 1.0)
        flipped = _bend(signs * window)
        values[i] = _bend(window), window.std()
        ranks[i] = ((flipped < values[i, 0]).sum() + 0.5) / (SURROGATES + 1), 0.5
    p = np.round(1.0 - 2.0 * np.abs(ranks - 0.5) + 1.0 / (SURROGATES + 1), 9)
    return Seen(values, ranks, p, p, ranks[:, 0], p[:, 0], p[:, 0])
