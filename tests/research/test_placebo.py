from __future__ import annotations

import numpy as np

from research.placebo import Placebo, history, spoken_share


def test_a_random_filter_stays_undetermined_nineteen_times_in_twenty() -> None:
    for seed, days in ((1, 30), (2, 90)):
        assert spoken_share(Placebo(days=days, histories=300), seed) <= 0.06


def test_a_losing_desk_alone_makes_no_filter_protective() -> None:
    """Every trade loses half an R: what was blocked loses, and so does what was admitted."""
    study = Placebo(days=60, histories=200, mean_r=-0.5)
    assert spoken_share(study, 3) <= 0.06


def test_histories_have_the_traits_that_break_naive_intervals() -> None:
    rng = np.random.default_rng(4)
    _, admitted = history(Placebo(days=600, common_share=0.6), rng)
    _, alone = history(Placebo(days=600, common_share=0.0), rng)
    assert spread(admitted) > 1.4 * spread(alone)
    counts = np.array([m for m, _ in admitted.values()])
    assert counts.var() > 1.5 * counts.mean()


def spread(days: dict[str, tuple[int, float]]) -> float:
    """Return how far daily means scatter beyond what their size explains (median, robust)."""
    scaled = [abs(total / n) * np.sqrt(n) for n, total in days.values() if n]
    return float(np.median(scaled))
