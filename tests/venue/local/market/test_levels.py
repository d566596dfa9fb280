from __future__ import annotations

import pytest

from venue.local.market.levels import bucket_of, grouped, impact_px


def test_grouping_adds_up_bids_downwards_and_asks_upwards() -> None:
    levels = [(1005, 1, 1), (1001, 2, 1), (999, 4, 2), (985, 8, 1)]
    assert grouped(levels, 10, 2) == [(1000, 3, 2), (990, 4, 2)]
    upwards = [(1001, 1, 1), (1005, 2, 1), (1011, 4, 2), (1030, 8, 1)]
    assert grouped(upwards, 10, 20, up=True) == [(1010, 3, 2), (1020, 4, 2), (1030, 8, 1)]


@pytest.mark.parametrize(
    ("units", "decimals", "figures", "mantissa", "width"),
    [
        (1_050_550, 1, 5, 1, 100),
        (1_050_550, 1, 5, 5, 500),
        (1_050_550, 1, 2, 1, 100_000),
        (95_123, 1, 5, 2, 2),
        (123, 6, 5, 1, 1),
    ],
)
def test_buckets_have_so_many_figures(
    units: int, decimals: int, figures: int, mantissa: int, width: int
) -> None:
    assert bucket_of(units, decimals, figures=figures, mantissa=mantissa) == width


def test_impact_prices_walk_the_levels() -> None:
    levels = [(100, 10, 1), (110, 10, 1)]
    assert impact_px(levels, 500.0, 1.0) == pytest.approx(100.0)
    assert impact_px(levels, 2_100.0, 1.0) == pytest.approx(105.0)
    # What the levels lack is taken at the last of them.
    assert impact_px(levels, 3_200.0, 1.0) == pytest.approx(3_200.0 / 30.0)
