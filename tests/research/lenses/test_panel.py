from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from quant.realised import realised_z
from research.lenses.panel import (
    Seen,
    baselines,
    falls,
    peaks_of,
    points,
    read_all,
    serial,
    workers,
)
from tests.support.panels import RETURNS, RNG, SMALL, panel
from tests.support.stand_in import read


def test_points_have_a_whole_window_behind_and_a_whole_horizon_ahead() -> None:
    at, step = points(np.arange(1500), SMALL, 60)
    assert step == 19 and at[0] == 300 and at[-1] + 60 < 1500
    assert len(points(np.arange(1500), SMALL, 10_000)[0]) == len(range(300, 1440, 10))
    times = np.arange(1500)
    times[700:] += 3
    holed, _ = points(times, SMALL, 10_000)
    assert not ((holed > 640) & (holed < 1000)).any() and len(holed) > 40
    assert len(points(np.arange(200), SMALL, 60)[0]) == 0


def test_falls_are_the_deepest_from_a_peak_that_lies_ahead() -> None:
    log_price = np.array([0.0, 1.0, 3.0, 2.0, 2.5, 0.5, 4.0])
    assert falls(log_price, np.array([0, 2, 3]), 3).tolist() == [1.0, 2.5, 2.0]


def test_a_fall_is_dated_by_its_peak_and_counted_once() -> None:
    once = np.concatenate([np.zeros(20), -np.arange(1.0, 7.0), np.full(30, -6.0)])
    assert peaks_of(once, 4.0, 5).tolist() == [19]
    on_and_on = np.concatenate([np.zeros(20), -np.arange(1.0, 11.0), np.full(30, -10.0)])
    assert peaks_of(on_and_on, 4.0, 5).tolist() == [19, 23]
    assert len(peaks_of(once, 0.0, 5)) == 0
    assert len(peaks_of(np.zeros(4), 1.0, 5)) == 0


def test_baselines_by_hand() -> None:
    at = np.array([400, 555])
    found = baselines(RETURNS, at, 300)
    for k, bar in enumerate(at.tolist()):
        last = RETURNS[bar - 59 : bar + 1]
        assert found["rv60"][k] == pytest.approx(np.sqrt((last**2).mean()))
        assert found["er"][k] == pytest.approx(abs(last.sum()) / np.abs(last).sum())
        assert found["rv_z"][k] == realised_z(RETURNS[bar - 299 : bar + 1])
        assert found["last"][k] == abs(RETURNS[bar])


def test_nothing_later_is_in_a_reading_and_nothing_earlier_in_an_outcome() -> None:
    whole = panel(RETURNS)
    garbage = RETURNS.copy()
    cut = int(whole.at[30])
    garbage[cut + 1 :] = RNG.standard_normal(len(garbage) - cut - 1)
    other = panel(garbage)
    early = whole.at <= cut
    for name in ("values", "ranks", "composite"):
        assert np.array_equal(getattr(whole.seen, name)[early], getattr(other.seen, name)[early])
    for name in ("rv60", "rv_z", "er", "last"):
        assert np.array_equal(whole.baseline[name][early], other.baseline[name][early])
    before = RETURNS.copy()
    before[: cut + 1] = 0.5 * RNG.standard_normal(cut + 1)
    late = whole.at >= cut
    changed = panel(before)
    assert changed.falls[late] == pytest.approx(whole.falls[late], abs=1e-9)
    assert changed.moved[late] == pytest.approx(whole.moved[late], abs=1e-9)


def test_the_last_quarter_is_held_out_and_the_forecast_is_trained_before_it() -> None:
    found = panel(RETURNS)
    assert found.held_out.sum() == len(found.at) - np.ceil(0.75 * len(found.at))
    assert not found.held_out[:40].any()
    assert np.isfinite(found.baseline["har"]).all()


def test_too_short_a_path_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 20"):
        panel(RETURNS[:400])


def test_chunks_and_processes_change_nothing() -> None:
    at = np.arange(300, 900, 10)
    here = read_all(RETURNS, at, 300, read, 4, serial)
    with workers(1) as one:
        assert one is serial
    with workers(2) as two:
        there = read_all(RETURNS, at, 300, read, 4, two)
    for name in (field.name for field in dataclasses.fields(Seen)):
        assert np.array_equal(getattr(here, name), getattr(there, name))
    part = read_all(RETURNS, at[7:9], 300, read, 4, serial)
    assert np.array_equal(part.ranks, here.ranks[7:9])
    assert np.array_equal(Seen.join([part, part]).ranks[2:], part.ranks)
