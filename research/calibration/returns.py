"""Laws of a trade's R: mean zero, from tame to wild."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Law = Callable[[np.random.Generator, int], Floats]


def normal(rng: np.random.Generator, n: int) -> Floats:
    """Draw from the normal law of standard deviation 1."""
    return rng.standard_normal(n)


def t3(rng: np.random.Generator, n: int) -> Floats:
    """Draw from Student's t of three degrees, scaled to standard deviation 1."""
    return np.asarray(rng.standard_t(3, n) / np.sqrt(3.0))


def exponential(rng: np.random.Generator, n: int) -> Floats:
    """Draw from the exponential law less its mean."""
    return rng.standard_exponential(n) - 1.0


def skew(rng: np.random.Generator, n: int) -> Floats:
    """Draw stops at −1 (62 %), winners of +5 (8 %) and what ends between −1 and +1, less the mean.

    Standard deviation 1.63.
    """
    at = rng.random(n)
    rest = 2.0 * (at - 0.85) / 0.30
    return np.where(at < 0.62, -1.0, np.where(at < 0.70, 5.0, rest)) - SKEW_MEAN


def harsh(rng: np.random.Generator, n: int) -> Floats:
    """Draw exponential winners of 8 R on average (8 %), small losses for the rest."""
    win = rng.random(n) < 0.08
    # 0.92 x 0.69565 makes up for 0.08 x 8.
    loss = -0.69565 + 0.6 * (rng.random(n) - 0.5)
    return np.where(win, 8.0 * rng.standard_exponential(n), loss)


def stops(rng: np.random.Generator, n: int) -> Floats:
    """Draw stops at −1 with gaps beyond, targets of up to 20 R; standard deviation 2.4."""
    win = rng.random(n) < STOPS_WIN
    loss = -1.0 - GAP * rng.standard_exponential(n)
    gain = np.minimum(1.0 + 2.9 * rng.standard_exponential(n), 20.0)
    return np.where(win, gain, loss)


SKEW_MEAN = 0.08 * 5.0 - 0.62
GAP = 0.05
# The mean of a capped gain is 1 + 2.9 (1 − exp(−19/2.9)).
_GAIN = 1.0 + 2.9 * (1.0 - np.exp(-19.0 / 2.9))
STOPS_WIN = (1.0 + GAP) / (1.0 + GAP + _GAIN)

LAWS: dict[str, Law] = {
    "normal": normal,
    "t3": t3,
    "exponential": exponential,
    "skew": skew,
    "harsh": harsh,
    "stops": stops,
}
