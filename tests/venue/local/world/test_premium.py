from __future__ import annotations

import numpy as np
import pytest

from venue.hyperliquid.universe import load_instruments
from venue.local.world.coins import profile_of
from venue.local.world.premium import (
    funding_rate,
    hourly,
    impact_premium,
    premium_knots,
    premium_of,
)

HYPE = profile_of(load_instruments()["HYPE"])


@pytest.mark.parametrize(
    ("premium", "rate"),
    [
        (0.00029005, 0.0000125),
        (-0.00091334, -0.0000516675),
        (-0.0005722, -0.000009025),
        (0.0, 0.0000125),
        (0.0011, 0.000075),
        (-0.0011, -0.000075),
        (0.5, 0.04),
        (-0.5, -0.04),
    ],
)
def test_funding_follows_the_venues_formula(premium: float, rate: float) -> None:
    assert funding_rate(premium) == pytest.approx(rate, abs=1e-12)


def test_the_premium_is_measured_from_impact_prices() -> None:
    assert premium_of(101.0, 102.0, 100.0) == pytest.approx(0.01)
    assert premium_of(98.0, 99.0, 100.0) == pytest.approx(-0.01)
    assert premium_of(99.0, 101.0, 100.0) == 0.0
    assert impact_premium(np.array([5e-4, -5e-4, 1e-5]), 1e-4).tolist() == pytest.approx(
        [4e-4, -4e-4, 0.0]
    )


def test_premia_go_on_over_midnight() -> None:
    for day in range(3):
        today, tomorrow = (premium_knots(1, HYPE, d) for d in (day, day + 1))
        assert today[-1] == pytest.approx(tomorrow[0], abs=1e-12)
        marks = hourly(1, "HYPE", "premium", day), hourly(1, "HYPE", "premium", day + 1)
        assert marks[0][-1] == pytest.approx(marks[1][0], abs=1e-12)
        assert len(marks[0]) == 25


def test_premia_come_back_to_a_mean_that_lasts() -> None:
    knots = np.concatenate([premium_knots(1, HYPE, day) for day in range(10)])
    assert float(np.mean(knots)) == pytest.approx(HYPE.premium_mean, abs=2e-4)
    assert 1e-4 < float(np.std(knots)) < 1e-3
