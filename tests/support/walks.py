"""Driftless random walks: what is known of their efficiency ratio, and paths to ask it of."""

from __future__ import annotations

from hypothesis import strategies as st

# Monte Carlo of driftless Gaussian walks, 2e5 draws: n -> median, 90 %, 95 % and 99 % points.
NULL_TABLE = {
    10: (0.279, 0.646, 0.748, 0.910),
    20: (0.193, 0.459, 0.540, 0.686),
    50: (0.121, 0.290, 0.345, 0.447),
    100: (0.085, 0.207, 0.246, 0.320),
}
QUANTILES = (0.50, 0.90, 0.95, 0.99)

prices = st.lists(st.floats(0.01, 1e6), min_size=3, max_size=60)
