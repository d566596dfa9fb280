from __future__ import annotations

import numpy as np
import pytest

from venue.local.grid import CELLS, STEP_CELLS, STEPS
from venue.local.path import Levels, cells_of, lagged, walk


@pytest.mark.parametrize("total", [0.0, 0.04, -0.07])
def test_a_day_ends_where_its_total_says(total: float) -> None:
    path = walk(1, "X", 4, total=total, daily_vol=0.03)
    cells = cells_of(path)
    assert len(path.levels) == STEPS + 1
    assert path.levels[0] == 0.0
    assert path.levels[-1] == pytest.approx(total, abs=1e-12)
    assert float(cells[-1]) == pytest.approx(total, abs=1e-6)
    assert abs(float(cells[0])) < 0.001


def test_cells_pass_through_the_steps() -> None:
    path = walk(1, "X", 4, total=0.01, daily_vol=0.03)
    extra = np.linspace(0.0, 0.002, STEPS + 1)
    cells = cells_of(path, extra)
    assert np.allclose(cells[STEP_CELLS - 1 :: STEP_CELLS], (path.levels + extra)[1:], atol=1e-6)


def test_volatility_is_about_what_was_asked() -> None:
    vols = [
        float(np.std(np.diff(cells_of(walk(1, "X", day, total=0.0, daily_vol=0.04)))))
        for day in range(6)
    ]
    assert 0.03 < np.mean(vols) * CELLS**0.5 < 0.05


def test_hours_are_calm_or_active() -> None:
    path = walk(1, "X", 9, total=0.0, daily_vol=0.04)
    assert len(set(path.sigma.round(9).tolist())) == 3


def test_levels_can_be_asked_for_in_any_order() -> None:
    forward, backward = (Levels(1, "X", daily_vol=0.05) for _ in range(2))
    days = range(200)
    assert [forward.start(d) for d in days] == [backward.start(d) for d in reversed(days)][::-1]
    assert forward.start(0) == 0.0
    assert forward.start(150) + forward.total(150) == pytest.approx(forward.start(151))


def test_levels_stay_within_reach_for_years() -> None:
    levels = Levels(3, "X", daily_vol=0.05)
    assert max(abs(levels.start(day)) for day in range(0, 3_000, 10)) < 1.5


def test_a_lag_vanishes_at_both_ends_of_the_day() -> None:
    cells = np.arange(CELLS, dtype=np.float32)
    late = lagged(cells, 5)
    assert late[CELLS // 2] == cells[CELLS // 2 - 5]
    assert (late[0], late[-1]) == (cells[0], cells[-1])
    steps = np.diff(late)
    assert set(steps.tolist()) == {0.0, 1.0, 2.0}
    assert np.array_equal(lagged(cells, 0), cells)
