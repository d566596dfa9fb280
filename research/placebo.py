"""Placebo study: how often the verdict speaks when there is nothing to say.

A filter that blocks at random has no worth. This study makes histories of such a filter on a desk
that loses after costs, with the traits that break naive intervals: a common market factor inside
each day, clustered numbers of entries, heavy tails and volatility that persists. It then counts
how often the verdict is not UNDETERMINED. The design promises about one history in twenty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shadow.report.verdict import UNDETERMINED, judge


@dataclass(frozen=True)
class Placebo:
    """One study: `histories` of `days`, entries a day, and the mean result of any trade in R."""

    days: int = 60
    histories: int = 400
    entries_mean: float = 12.0
    mean_r: float = -0.05
    common_share: float = 0.6
    blocked_share: float = 0.2


def history(
    study: Placebo, rng: np.random.Generator
) -> tuple[dict[str, tuple[int, float]], dict[str, tuple[int, float]]]:
    """Return (blocked, admitted) entries and R by day of one random history."""
    blocked: dict[str, tuple[int, float]] = {}
    admitted: dict[str, tuple[int, float]] = {}
    log_vol = 0.0
    for number in range(study.days):
        log_vol = 0.9 * log_vol + 0.2 * rng.standard_normal()
        scale = float(np.exp(log_vol))
        entries = int(rng.poisson(study.entries_mean * rng.gamma(4.0, 0.25)))
        factor = rng.standard_t(5) * np.sqrt(study.common_share)
        own = rng.standard_t(5, entries) * np.sqrt(1.0 - study.common_share)
        sides = rng.choice((-1.0, 1.0), entries, p=(0.2, 0.8))
        results = study.mean_r + scale * (sides * factor + own)
        chosen = rng.random(entries) < study.blocked_share
        day = f"{number:06d}"
        blocked[day] = (int(chosen.sum()), float(results[chosen].sum()))
        admitted[day] = (int((~chosen).sum()), float(results[~chosen].sum()))
    return blocked, admitted


def spoken_share(study: Placebo, seed: int) -> float:
    """Return the share of histories in which the verdict was not UNDETERMINED."""
    rng = np.random.default_rng(seed)
    spoke = 0
    for _ in range(study.histories):
        blocked, admitted = history(study, rng)
        spoke += judge(blocked, admitted).verdict != UNDETERMINED
    return spoke / study.histories
