"""Series whose days hang together: what κ is for.

A row of value a day from an AR(1), its mean known; the whole day is the factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from research.calibration import rule
from research.calibration.returns import LAWS
from research.calibration.rule import Floats
from shadow.report.terms import Terms


@dataclass(frozen=True)
class Cell:
    """Shocks of a law, the correlation of neighbours, and coverage measured before, by look."""

    law: str
    correlation: float
    sheet: tuple[float, ...]


# Looks at days 60, 90, 180, 365.
CELLS = (
    Cell("normal", 0.0, (0.962, 0.960, 0.957, 0.960)),
    Cell("normal", 0.3, (0.939, 0.941, 0.945, 0.947)),
    Cell("t3", 0.3, (0.950, 0.947, 0.942, 0.945)),
    Cell("exponential", 0.3, (0.923, 0.935, 0.947, 0.947)),
    Cell("normal", 0.6, (0.940, 0.939, 0.939, 0.944)),
    Cell("t3", 0.6, (0.942, 0.943, 0.942, 0.944)),
)


def covered(
    cell: Cell, histories: int, looks: Sequence[int], rng: np.random.Generator, terms: Terms
) -> Floats:
    """Return the share of single looks that hold the mean, by look."""
    days = max(looks)
    shocks = LAWS[cell.law](rng, days * histories).reshape(days, histories, 1)
    keep = np.sqrt(1.0 - cell.correlation**2)
    for day in range(1, days):
        shocks[day] = cell.correlation * shocks[day - 1] + keep * shocks[day]
    ones = np.ones_like(shocks)
    low, high = rule.single(rule.running(shocks, ones), terms)
    found = ((low <= 0.0) & (high >= 0.0)).mean(axis=(1, 2))
    return np.asarray(found[np.asarray(looks) - 1])
