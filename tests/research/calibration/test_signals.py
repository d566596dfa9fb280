from __future__ import annotations

import numpy as np
import pytest

from research.calibration.signals import (
    WILD_SHARE,
    World,
    common_factor,
    draw,
    lasting,
    means,
    regimes,
    wild_days,
)

PLAIN = World("plain", 12.0, 140, missing=0.1)


def test_signals_come_in_order_of_history_and_time() -> None:
    signals = draw(PLAIN, 5, np.random.default_rng(1))
    at = signals.history * 1000.0 + signals.day + signals.time
    assert (np.diff(at) >= 0.0).all()
    assert not signals.run.all()
    assert signals.run[signals.day, signals.history].all()
    assert (signals.close == signals.day).all()


def test_entries_are_clustered_and_weekends_quiet() -> None:
    world = World("plain", 12.0, 700, missing=0.0)
    signals = draw(world, 10, np.random.default_rng(2))
    counts = np.bincount(signals.history * 700 + signals.day, minlength=7000).reshape(10, 700)
    assert counts.mean() == pytest.approx(12.0, rel=0.05)
    work = np.arange(700) % 7 < 5
    assert counts[:, ~work].mean() == pytest.approx(0.5 * counts[:, work].mean(), rel=0.1)
    assert counts[:, work].var() > 2.0 * counts[:, work].mean()


def test_events_set_off_many_bots_at_once() -> None:
    world = World("events", 12.0, 140, events=True, law="stops", limits="hard")
    signals = draw(world, 5, np.random.default_rng(3))
    _, sizes = np.unique(signals.history * 1000.0 + signals.day + signals.time, return_counts=True)
    assert sizes.mean() > 1.0 and 5 < sizes.max() <= 11


def test_means_drift_as_the_world_says() -> None:
    rng = np.random.default_rng(4)
    decays = means(World("decay", decay=0.3, bots_r=0.0), 2, rng)[0, :, 0]
    assert decays[1] == pytest.approx(0.3, abs=0.01)
    assert decays[-1] == pytest.approx(-0.3, abs=0.06)
    level = regimes(World("regimes"), 400, rng)
    assert level.std() == pytest.approx(1.0, abs=0.05)
    spells = lasting(365, 400, 60, 180, rng)
    assert 365 / 180 <= spells[:, -1].mean() + 1 <= 365 / 60 + 1


def test_factors_and_wild_days_hang_together() -> None:
    rng = np.random.default_rng(5)
    factor = common_factor(World("close", correlation=0.6), 50, rng).reshape(365, 3, 50)
    assert np.corrcoef(factor[1:].ravel(), factor[:-1].ravel())[0, 1] == pytest.approx(
        0.6, abs=0.03
    )
    assert abs(np.corrcoef(factor[:, 0].ravel(), factor[:, 1].ravel())[0, 1]) < 0.05
    wild = wild_days(World("wild"), 200, rng)
    assert wild.mean() == pytest.approx(WILD_SHARE, abs=0.01)
    assert wild[1:][wild[:-1]].mean() == pytest.approx(0.5, abs=0.02)
