from __future__ import annotations

import numpy as np
import pytest

from venue.local.coins import profile_of
from venue.local.flow import minutes_of, prints_of, tilts_of
from venue.local.grid import BLOCK_MS, CELLS, STEPS
from venue.universe import load_instruments

PROFILE = profile_of(load_instruments()["DOGE"])
FLAT = np.zeros(CELLS, dtype=np.float32)


def prints(day: int = 3, tilt: float = 0.0):
    tilts = FLAT + np.float32(tilt)
    return prints_of(1, PROFILE, day, moves=np.ones(STEPS), tilts=tilts, px=0.19)


def test_prints_are_sorted_and_lie_on_blocks() -> None:
    drawn = prints()
    assert np.all(np.diff(drawn.ms) >= 0)
    assert np.all(drawn.ms % BLOCK_MS == 0)
    assert np.all(drawn.lots >= 1)
    assert 0 <= drawn.ms[0] < 60_000
    assert drawn.ms[-1] < 86_400_000


def test_prints_are_as_many_as_the_profile_says() -> None:
    assert len(prints().ms) == pytest.approx(PROFILE.prints_per_s * 86_400, rel=0.1)


def test_arrivals_are_burstier_than_chance() -> None:
    seconds = np.bincount(np.unique(prints().ms) // 1000, minlength=86_400)
    assert np.var(seconds) > 1.15 * np.mean(seconds)


def test_sides_come_in_runs() -> None:
    side = prints().side.astype(np.int64)
    assert float(np.mean(side[20:] * side[:-20])) > 0.03
    assert 0.45 < float(np.mean(side > 0)) < 0.55


def test_sides_lean_with_the_tilt() -> None:
    assert float(np.mean(prints(tilt=0.5).side > 0)) > 0.65
    assert float(np.mean(prints(tilt=-0.5).side > 0)) < 0.35


def test_tilts_see_the_coming_move() -> None:
    rising = np.linspace(0.0, 0.5, CELLS, dtype=np.float32)
    tilts = tilts_of(rising, np.full(STEPS, 1e-3, dtype=np.float32))
    assert np.all(tilts[:-60] > 0.0)
    assert float(tilts[-1]) == 0.0
    assert float(np.max(np.abs(tilts))) <= 0.6 + 1e-6


def test_minutes_add_up_prints_and_repeat_the_last_close() -> None:
    ms = np.array([10, 50, 59_999, 180_000])
    px = np.array([5, 9, 7, 4])
    lots = np.array([1, 2, 3, 10])
    bars = minutes_of(ms, px, lots, scale=0.5)
    rows = list(zip(bars.open, bars.high, bars.low, bars.close, bars.lots, bars.count, strict=True))
    assert rows[0] == (5, 9, 5, 7, 6, 3)
    assert rows[1] == rows[2] == (7, 7, 7, 7, 0, 0)
    assert rows[3] == (4, 4, 4, 4, 10, 1)
    assert rows[1439] == (4, 4, 4, 4, 0, 0)
    assert len(rows) == 1440
    assert bars.notional[0] == 0.5 * (5 + 18 + 21)
