from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from quant.heston import Heston
from venue.local.market.dice import generator
from venue.local.market.grid import CELLS, STEP_CELLS, STEPS
from venue.local.world.path import (
    LEVEL_DAYS,
    VARIANCES,
    Levels,
    Walk,
    cells_of,
    draft,
    lagged,
    open_gaps,
    variances,
)
from venue.local.world.regimes import CALM, GAPPING, Turns

MODEL = Heston(1.0, 6.0, 1.0, 3.0, -0.3)


def drafted(day: int, daily_vol: float = 0.04) -> Walk:
    return draft(1, "X", day=day, daily_vol=daily_vol, model=MODEL)


def levels_of(seed: int, daily_vol: float = 0.05) -> Levels:
    """Return levels over walks so plain that years of them are quick."""

    def plain(day: int) -> Walk:
        rng = generator(seed, day)
        sigma = np.full(4, daily_vol / 2.0)
        still = np.zeros(4, dtype=np.int64)
        moves = sigma * rng.standard_normal(4)
        return Walk(moves, sigma, [], Turns(still, still, np.zeros(4)), rng)

    return Levels(seed, "X", daily_vol=daily_vol, draft=plain)


@pytest.mark.parametrize("missing", [0.0, 0.04, -0.07])
def test_a_day_is_led_to_where_it_must_be(missing: float) -> None:
    path = drafted(4)
    led = path.led(missing)
    cells = cells_of(led)
    open_gaps(cells, led)
    assert led.net == pytest.approx(path.net + missing, abs=1e-12)
    assert float(cells[-1]) == pytest.approx(led.net, abs=1e-6)
    assert abs(float(cells[0])) < 0.002
    # What is missing comes where the price moves anyway.
    added = led.moves - path.moves
    assert np.allclose(added * path.energy, missing * path.sigma**2)


def test_cells_pass_through_the_steps() -> None:
    path = drafted(4)
    extra = np.linspace(0.0, 0.002, STEPS + 1)
    cells = cells_of(path, extra)
    assert np.allclose(cells[STEP_CELLS - 1 :: STEP_CELLS], (path.levels + extra)[1:], atol=1e-6)


def test_volatility_is_about_what_was_asked() -> None:
    energies = [drafted(day).energy for day in range(60)]
    assert 0.035 < float(np.mean(energies)) ** 0.5 < 0.045
    # Days differ: some are several times as wild as others.
    assert float(np.quantile(energies, 0.9)) > 2.5 * float(np.quantile(energies, 0.1))
    vol = float(np.std(np.diff(cells_of(drafted(3)))))
    assert vol**2 * CELLS == pytest.approx(drafted(3).energy, rel=0.05)


def test_variance_is_hestons_and_goes_on_over_midnight() -> None:
    days = [variances(1, "X", day=day, model=MODEL) for day in range(300)]
    assert all(len(day) == VARIANCES + 1 for day in days)
    every = np.concatenate(days)
    assert float(every.min()) >= 0.0
    assert float(np.mean(every)) == pytest.approx(1.0, rel=0.1)
    assert float(np.var(every)) == pytest.approx(9.0 / 12.0, rel=0.25)
    jumps = [abs(b[0] - a[-1]) for a, b in pairwise(days)]
    assert float(np.mean(jumps)) < 0.02


def test_moves_go_against_the_variance() -> None:
    bound = []
    for day in range(40):
        path = drafted(day)
        ten_minutes = path.moves.reshape(VARIANCES, -1).sum(axis=1)
        risen = np.diff(variances(1, "X", day=day, model=MODEL))
        bound.append(float(np.corrcoef(ten_minutes, risen)[0, 1]))
    assert float(np.mean(bound)) == pytest.approx(MODEL.rho, abs=0.12)


def test_gaps_open_between_two_cells_of_a_gapping_stretch() -> None:
    seen = 0
    for day in range(60):
        path = drafted(day)
        cells = cells_of(path)
        before = cells.copy()
        open_gaps(cells, path, 2.0)
        for cell, size in path.gaps:
            seen += 1
            assert path.turns.kind[cell // STEP_CELLS] == GAPPING
            opened = (cells - before)[cell] - (cells - before)[cell - 1]
            assert float(opened) == pytest.approx(2.0 * size, abs=1e-5)
            assert 0.03 * 0.04 <= abs(size) <= 0.25 * 0.04
        if not path.gaps:
            assert np.array_equal(cells, before)
    assert seen > 20


def test_calm_is_calmer() -> None:
    calm, rest = [], []
    for day in range(40):
        path = drafted(day)
        calm.append(path.sigma[path.turns.kind == CALM])
        rest.append(path.sigma[path.turns.kind != CALM])
    assert float(np.mean(np.concatenate(calm))) < 0.8 * float(np.mean(np.concatenate(rest)))


def test_levels_can_be_asked_for_in_any_order() -> None:
    forward, backward = levels_of(1), levels_of(1)
    days = range(200)
    assert [forward.start(d) for d in days] == [backward.start(d) for d in reversed(days)][::-1]
    assert forward.start(0) == 0.0


def test_a_day_ends_where_the_next_one_starts() -> None:
    levels = levels_of(1)
    for day in (0, 3, LEVEL_DAYS - 1, LEVEL_DAYS, 150):
        assert levels.start(day) + levels.walk(day).net == pytest.approx(levels.start(day + 1))


def test_a_series_without_volatility_stays_where_it_is() -> None:
    levels = Levels(
        1, "X", daily_vol=0.0, draft=lambda day: draft(1, "X", day=day, daily_vol=0.0, model=MODEL)
    )
    assert levels.start(40) == 0.0
    assert not np.any(levels.walk(40).moves)


def test_levels_stay_within_reach_for_years() -> None:
    levels = levels_of(3)
    starts = [levels.start(day) for day in range(0, 3_000, 10)]
    assert max(map(abs, starts)) < 1.5
    assert np.std(starts) > 0.1


def test_a_lag_vanishes_at_both_ends_of_the_day() -> None:
    cells = np.arange(CELLS, dtype=np.float32)
    late = lagged(cells, 5)
    assert late[CELLS // 2] == cells[CELLS // 2 - 5]
    assert (late[0], late[-1]) == (cells[0], cells[-1])
    steps = np.diff(late)
    assert set(steps.tolist()) == {0.0, 1.0, 2.0}
    assert np.array_equal(lagged(cells, 0), cells)
