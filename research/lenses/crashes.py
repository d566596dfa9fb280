"""Lens readings before crashes: the last ones before the deepest fall of each path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from research.lenses.panel import COMPOSITE, Panel
from research.lenses.study import BASELINES, score_of


@dataclass(frozen=True)
class Crash:
    """One path: the bar its deepest fall began at (as its clock counts), how deep, and the lenses.

    `depth` is the share of the price that went within the longest horizon. `stood` holds, by lens
    and baseline, the share of the path's other readings that were lower than the last one before
    the fall, ties as half; None where it abstained.
    """

    path: str
    peak: int
    depth: float
    bars_before: int
    stood: dict[str, float | None]


def crash_of(panel: Panel, names: Sequence[str], horizon: int) -> Crash:
    """Return the deepest fall of a path within `horizon` bars, and where the lenses stood.

    Only falls that begin after the fortieth point count, so that there is something to compare.
    """
    first = int(panel.at[40 if len(panel.at) > 80 else 1])
    views = np.lib.stride_tricks.sliding_window_view(panel.log_price, horizon + 1)[first:]
    ahead = panel.log_price[first : first + len(views)] - views.min(axis=1)
    top = int(ahead.argmax())
    peak = first + top
    last = int(np.searchsorted(panel.at, peak, side="right")) - 1
    stood: dict[str, float | None] = {}
    for lens in (*names, COMPOSITE, *BASELINES):
        score = score_of(panel, lens, names)
        others = np.delete(score, last)
        others = others[np.isfinite(others)]
        now = score[last]
        stood[lens] = (
            float((others < now).mean() + 0.5 * (others == now).mean())
            if np.isfinite(now) and len(others)
            else None
        )
    return Crash(
        panel.name,
        int(panel.clock[peak]),
        float(-np.expm1(-ahead[top])),
        int(peak - panel.at[last]),
        stood,
    )
