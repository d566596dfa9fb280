"""Sums of floats, added from left to right.

Python's own `sum` keeps the rounding errors of floats and adds them at the end from 3.12 on, and
does not on 3.11, so the same tape would lead to other last digits, and with them to another
digest. What decides adds its floats here; `sum` is for integers.
"""

from __future__ import annotations

from collections.abc import Iterable


def sum_in_order(values: Iterable[float]) -> float:
    """Sum of floats, each addition rounded, in the order given; 0.0 of none."""
    total = 0.0
    for value in values:
        total += value
    return total
