"""Readings of the phase-space filter's lenses, over many windows at once."""

from __future__ import annotations

import numpy as np

from quant import phase_space
from quant.lens import Abstain
from research.lenses.panel import Floats, Ints, Seen

NAMES = phase_space.NAMES


def read(windows: Floats, seeds: Ints) -> Seen:
    """Return what the filter's set says of windows of log returns (n, window).

    `seeds` (n, words) are those of the surrogates. Where the set abstains all of it is nan.
    """
    count, lenses = len(windows), len(NAMES)
    values, ranks, sign, garch = np.full((4, count, lenses), np.nan)
    composite, composite_sign, composite_garch = np.full((3, count), np.nan)
    for i, (window, seed) in enumerate(zip(windows, seeds.tolist(), strict=True)):
        try:
            found = phase_space.rank(phase_space.prepare(window), seed=seed)
        except Abstain:
            continue
        values[i] = found.values
        # Twice as many surrogates speak of a lens when both nulls do.
        ranks[i] = 0.5 * (found.ranks + found.garch_ranks)
        sign[i], garch[i] = found.lens_p, found.garch_lens_p
        composite[i] = found.score
        composite_sign[i], composite_garch[i] = found.p_sign, found.p_garch
    return Seen(values, ranks, sign, garch, composite, composite_sign, composite_garch)
