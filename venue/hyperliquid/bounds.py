"""Bounds of numbers on the wire: what any coin of the venue stays within by orders of magnitude.

What one instrument can have is checked where it is known. Beyond these bounds products leave 64
bits, quotients leave the floats, and a number that is not finite stays in whatever it entered.
"""

from __future__ import annotations

# In USD, in base units, and a level's worth in USD.
PX_MIN, PX_MAX = 1e-6, 1e9
SIZE_MIN, SIZE_MAX = 1e-6, 1e15
LEVEL = (PX_MIN, PX_MAX, SIZE_MIN, SIZE_MAX)
NOTIONAL_MAX = 1e13
# A rate nearer to zero is zero: nothing may be divided by what is left of it.
RATE_MIN = 1e-12


def is_bearable(px: float, size: float) -> bool:
    """Say whether a price and a size may meet in any arithmetic of ours."""
    return PX_MIN <= px < PX_MAX and SIZE_MIN <= size < SIZE_MAX and px * size <= NOTIONAL_MAX


def is_amount(value: float) -> bool:
    """Say whether a sum or a size that may be none is bearable."""
    return value == 0.0 or SIZE_MIN <= value < SIZE_MAX


def rate(value: float) -> float:
    """Return a rate, zero where it is next to nothing."""
    return value if abs(value) >= RATE_MIN else 0.0
