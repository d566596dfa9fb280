"""Recurrence quantification: how much of what comes back comes back in lines.

On the lines of `quant.recurrence`: DET is the share of the points of diagonals in lines of
`line_min` or more, L and ENTR the mean length and the entropy (nats) of those lines, LAM and TT
share and mean length for verticals (N. Marwan, M. Romano, M. Thiel and J. Kurths, Physics Reports
438, 2007). All as pyunicorn 1.0.0 counts them; the recurrence rate includes the main diagonal.

The threshold follows from a recurrence rate, so that DET does not become a volatility meter:
shifting or scaling the series changes nothing. DET of noise is not small: iid values at rate p and
dim 1 have DET = 1 − (1 − p)², and sharing dim − 1 coordinates with the next vector raises it to
about 0.6 at dim 3. Only the rank against surrogates of the same window says anything.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from quant.jit import kernel
from quant.lens import Abstain, Array, Lens, enough
from quant.recurrence import SAME, Counts, diagonals, recurrences

# The measures, in the order in which they are computed.
FIGURES = ("recurrence_rate", "det", "l_mean", "l_max", "entropy", "lam", "tt")


def _figures_plain(diagonal: Counts, vertical: Counts, line_min: int) -> Array:
    figures = np.zeros(len(FIGURES))
    lengths = np.arange(len(vertical))
    figures[0] = vertical @ lengths / (len(vertical) - 1) ** 2
    for counts, share, mean in ((diagonal, 1, 2), (vertical, 5, 6)):
        points = counts * lengths
        total, within, lines = points.sum(), points[line_min:].sum(), counts[line_min:].sum()
        figures[share] = within / total if total else np.nan
        figures[mean] = within / lines if lines else 0.0
    held = np.flatnonzero(diagonal)
    figures[3] = held[-1] if len(held) else 0.0
    long = diagonal[line_min:]
    parts = long[long > 0] / max(1, long.sum())
    figures[4] = abs((parts * np.log(parts)).sum())
    return figures


@kernel(_figures_plain)
def _figures(diagonal: Counts, vertical: Counts, line_min: int) -> Array:
    """Return the measures of line counts in the order of FIGURES."""
    figures = np.zeros(7)
    area = (len(vertical) - 1) ** 2
    for side in range(2):
        counts = vertical if side else diagonal
        total, within, lines, longest, logs = 0, 0, 0, 0, 0.0
        for length in range(1, len(counts)):
            count = counts[length]
            if count:
                total += count * length
                longest = length
                if length >= line_min:
                    within += count * length
                    lines += count
                    logs += count * math.log(count)
        share, mean = (5, 6) if side else (1, 2)
        figures[share] = within / total if total else np.nan
        figures[mean] = within / lines if lines else 0.0
        if side:
            figures[0] = total / area
        else:
            figures[3] = longest
            # −Σ p log p with p = count / lines.
            figures[4] = max(0.0, math.log(lines) - logs / lines) if lines else 0.0
    return figures


def quantify(diagonal: Counts, vertical: Counts, line_min: int) -> dict[str, float]:
    """Return the measures of line counts as `recurrences` gives them, by name.

    `det` and `lam` are shares (det nan where no pair recurs), `l_mean`, `l_max` and `tt` lengths
    in steps (0 without lines), `entropy` in nats, `recurrence_rate` a share of all n² points.
    """
    return dict(zip(FIGURES, _figures(diagonal, vertical, line_min).tolist(), strict=True))


def determinism(
    window: Array, dim: int, lag: int, recurrence_rate: float, theiler: int, line_min: int
) -> float:
    """Return DET of a finite window, shape (n,), at a recurrence rate; nan where it has none."""
    diagonal = diagonals(window, dim, lag, recurrence_rate, theiler)
    points = diagonal * np.arange(len(diagonal))
    total = int(points.sum())
    return int(points[line_min:].sum()) / total if total else math.nan


def check(dim: int, lag: int, recurrence_rate: float, theiler: int, line_min: int) -> None:
    """Raise ValueError for parameters that make no sense."""
    if min(dim, lag, theiler, line_min) < 1 or not 0.0 < recurrence_rate < 1.0:
        raise ValueError(
            "rqa needs dim, lag, theiler and line_min >= 1 and recurrence_rate between 0 and 1"
        )


def measure(
    series: Array,
    dim: int,
    lag: int,
    recurrence_rate: float,
    threshold: float,
    theiler: int,
    line_min: int,
) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """Return DET and all measures; abstains where nothing recurs and where nothing moves."""
    check(dim, lag, recurrence_rate, theiler, line_min)
    if threshold < 0.0:
        raise ValueError("rqa needs a threshold >= 0, 0 for the one of the recurrence rate")
    enough(series, (dim - 1) * lag + theiler + 20)
    span = float(np.ptp(series))
    if span == 0.0:
        raise Abstain("the series never moves")
    eps, diagonal, vertical = recurrences(series, dim, lag, recurrence_rate, threshold, theiler)
    measures: dict[str, Any] = quantify(diagonal, vertical, line_min)
    if math.isnan(measures["det"]):
        raise Abstain(f"no two stretches come within {eps:g} of each other")
    measures["l_max"] = int(measures["l_max"])
    measures["threshold"] = eps
    flags: tuple[str, ...] = ()
    if not threshold and eps <= 2.0 * SAME * span:
        flags = ("more pairs are repeats than the recurrence rate asks for",)
    return measures["det"], measures, flags


LENS = Lens(
    "rqa",
    "how much of what recurs, recurs in stretches that evolve alike?",
    {
        "dim": 3,
        "lag": 1,
        "recurrence_rate": 0.05,
        "threshold": 0.0,
        "theiler": 1,
        "line_min": 2,
    },
    measure,
)
