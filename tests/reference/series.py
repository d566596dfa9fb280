"""Series that are the same on every machine, from arithmetic alone.

Their values are multiples of 2⁻¹², which float32 holds exactly: pyunicorn embeds in float32, and
only of such series do both sides see the same distances.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
GRID = 4096.0
# Half a grid step above a multiple, so that no distance of these series equals it.
HALF_STEP = 0.5 / GRID


def uniform(n: int, seed: int = 1) -> Array:
    """Return n numbers in [0, 1) of Knuth's 64-bit linear congruential generator."""
    state, out = seed, np.empty(n)
    for i in range(n):
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        out[i] = (state >> 11) * 2.0**-53
    return out


def normal(n: int, seed: int = 1) -> Array:
    """Return n numbers close to N(0, 1): sums of twelve uniform ones."""
    return uniform(12 * n, seed).reshape(n, 12).sum(axis=1) - 6.0


def on_grid(series: Array) -> Array:
    """Return the series rounded to multiples of 2⁻¹²."""
    return np.round(series * GRID) / GRID


def garch(n: int, seed: int = 1) -> Array:
    """Return n returns of GARCH(1, 1) with α = 0.06, β = 0.93 and unit variance."""
    draws = normal(n, seed)
    out, variance, last = np.empty(n), 1.0, 0.0
    for i in range(n):
        variance = 0.01 + 0.06 * last * last + 0.93 * variance
        last = variance**0.5 * draws[i]
        out[i] = last
    return on_grid(out)


def walk(n: int, seed: int = 1) -> Array:
    """Return a random walk of n steps."""
    return on_grid(np.cumsum(normal(n, seed)))


def heavy(n: int, seed: int = 1) -> Array:
    """Return n numbers with tails of Student's t with 3 degrees of freedom."""
    draws = normal(4 * n, seed).reshape(n, 4)
    return on_grid(draws[:, 0] / np.sqrt((draws[:, 1:] ** 2).mean(axis=1) + 1e-3))


def logistic(n: int, start: float = 0.3) -> Array:
    """Return n values of x → 4x(1 − x)."""
    out, x = np.empty(n), start
    for i in range(n):
        x = 4.0 * x * (1.0 - x)
        out[i] = x
    return out


def henon(n: int, start: float = 0.1) -> Array:
    """Return n values of the Hénon map, a = 1.4, b = 0.3, past its transient."""
    out, x, y = np.empty(n + 100), start, 0.1
    for i in range(n + 100):
        x, y = 1.0 - 1.4 * x * x + y, 0.3 * x
        out[i] = x
    return out[100:]


def lorenz(n: int, every: int = 1) -> Array:
    """Return n values of Lorenz' x (σ = 10, ρ = 28, β = 8/3), every · 0.01 apart (RK4)."""

    def slope(x: float, y: float, z: float) -> tuple[float, float, float]:
        return 10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z

    out, dt, at = np.empty(n), 0.01, (1.0, 1.0, 20.0)
    for step in range((n + 500) * every):
        a = slope(*at)
        b = slope(*(v + dt / 2 * s for v, s in zip(at, a, strict=True)))
        c = slope(*(v + dt / 2 * s for v, s in zip(at, b, strict=True)))
        d = slope(*(v + dt * s for v, s in zip(at, c, strict=True)))
        x, y, z = (
            v + dt / 6 * (p + 2 * q + 2 * r + s)
            for v, p, q, r, s in zip(at, a, b, c, d, strict=True)
        )
        at = (x, y, z)
        if step % every == 0 and step >= 500 * every:
            out[step // every - 500] = x
    return out
