"""Random draws of the synthetic world, seeded by what they are for.

Every draw is made from a generator seeded by a hash of what it is for, such as (seed, coin, day).
So nothing depends on the order of questions, on a process or on Python's own hashing. What is
needed in bulk for single prices comes from fixed tables, addressed by arithmetic.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

TABLE_BITS = 12
TABLE_MASK = (1 << TABLE_BITS) - 1
SIZE_SIGMA = 1.1


def hash_of(*key: int | str) -> int:
    """Return 128 bits that depend on the key alone."""
    text = "\x1f".join(str(part) for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")


def share_of(*key: int | str) -> float:
    """Return a number in [0, 1) that depends on the key alone."""
    return (hash_of(*key) >> 75) / (1 << 53)


def generator(*key: int | str) -> np.random.Generator:
    """Return a fresh generator for the key."""
    return np.random.Generator(np.random.PCG64(hash_of(*key)))


def decaying(noise: Floats, half_life: float, length: int) -> Floats:
    """Return an autocorrelated series of unit variance from white noise.

    Each value is an exponentially weighted sum of `length` values of the noise, so the series
    is shorter by `length` − 1 and does not care what came before them.
    """
    kernel = 0.5 ** (np.arange(length) / half_life)
    kernel /= np.sqrt(np.sum(kernel * kernel))
    return np.convolve(noise, kernel, mode="valid")


def _sizes() -> tuple[float, ...]:
    normal = generator("sizes").standard_normal(TABLE_MASK + 1)
    return tuple(np.exp(SIZE_SIGMA * normal).tolist())


def _gaps() -> tuple[int, ...]:
    drawn = generator("gaps").geometric(0.7, TABLE_MASK + 1)
    return tuple(np.minimum(drawn, 6).tolist())


# Lognormal multipliers of median 1, and distances in ticks to the next occupied level.
SIZES = _sizes()
GAPS = _gaps()
