from __future__ import annotations

import numpy as np
import pytest

from venue.local.market.dice import generator
from venue.local.market.grid import STEPS, STEPS_PER_HOUR
from venue.local.world.regimes import (
    CALM,
    CRASHING,
    GAPPING,
    RANGING,
    REGIMES,
    TRENDING,
    VOL_SCALE,
    Turns,
    column,
    gaps_of,
    turns_of,
)

DAYS = [turns_of(generator("regimes", day)) for day in range(400)]


def stretches(turns: Turns) -> list[tuple[int, np.ndarray]]:
    """Return the kind of each stretch, and its steps."""
    found = [np.flatnonzero(turns.stretch == n) for n in range(int(turns.stretch[-1]) + 1)]
    return [(int(turns.kind[steps[0]]), steps) for steps in found if len(steps)]


def test_the_names_stand_in_the_order_of_gravity() -> None:
    kinds = (CALM, RANGING, TRENDING, GAPPING, CRASHING)
    names = ("calm", "ranging", "trending", "gapping", "crashing")
    assert tuple(REGIMES[kind].name for kind in kinds) == names
    assert sum(r.odds for r in REGIMES) == pytest.approx(1.0)
    assert all(sum(r.takers) == pytest.approx(1.0) for r in REGIMES)


def test_every_step_has_one_regime_and_all_come_up() -> None:
    seen = np.concatenate([turns.kind for turns in DAYS])
    assert all(len(turns.kind) == len(turns.drift) == STEPS for turns in DAYS)
    shares = np.bincount(seen, minlength=5) / len(seen)
    spent = np.array([r.odds * sum(r.hours) for r in REGIMES])
    assert shares.tolist() == pytest.approx((spent / spent.sum()).tolist(), abs=0.04)
    assert min(shares) > 0.005


def test_turns_last_for_hours() -> None:
    for turns in DAYS[:100]:
        for kind, steps in stretches(turns)[:-1]:
            low, high = (hours * STEPS_PER_HOUR for hours in REGIMES[kind].hours)
            assert low - 1 <= len(steps) <= high + 1
            assert np.all(np.diff(steps) == 1)


def test_trends_go_both_ways_and_hold() -> None:
    drifts = [
        turns.drift[steps] for turns in DAYS for kind, steps in stretches(turns) if kind == TRENDING
    ]
    assert all(len(set(drift.tolist())) == 1 for drift in drifts)
    up = [float(drift[0]) > 0.0 for drift in drifts]
    assert 0.4 < float(np.mean(up)) < 0.6
    assert min(abs(float(d[0])) for d in drifts) >= 0.015


def test_a_crash_falls_and_then_turns_at_no_fixed_time() -> None:
    turned = []
    for turns in DAYS:
        for kind, steps in stretches(turns)[:-1]:
            if kind == CRASHING:
                drift = turns.drift[steps]
                assert drift[0] < 0.0 < drift[-1]
                assert float(drift.sum()) < 0.0 or np.mean(drift < 0.0) < 0.4
                turned.append(float(np.mean(drift < 0.0)))
    assert min(turned) < 0.45
    assert max(turned) > 0.65


def test_others_do_not_drift() -> None:
    for turns in DAYS[:50]:
        still = np.isin(turns.kind, (CALM, RANGING, GAPPING))
        assert not np.any(turns.drift[still])


def test_gaps_come_in_gapping_stretches_only_and_both_ways() -> None:
    sizes, hours = [], 0.0
    for day, turns in enumerate(DAYS):
        gaps = gaps_of(turns, generator("gaps", day), 0.04)
        assert all(turns.kind[step] == GAPPING for step, _ in gaps)
        sizes += [size for _, size in gaps]
        hours += float(np.mean(turns.kind == GAPPING)) * 24.0
    assert len(sizes) / hours == pytest.approx(REGIMES[GAPPING].gaps, rel=0.2)
    assert 0.4 < float(np.mean(np.array(sizes) > 0.0)) < 0.6
    assert min(map(abs, sizes)) >= 0.0012 and max(map(abs, sizes)) <= 0.01


def test_regimes_leave_the_long_run_volatility_as_it_is() -> None:
    squares = [np.mean((VOL_SCALE * turns.column("vol")) ** 2) for turns in DAYS]
    assert float(np.mean(squares)) == pytest.approx(1.0, rel=0.06)


def test_a_column_is_the_field_of_the_ruling_regime() -> None:
    kind = np.array([CRASHING, CALM, TRENDING])
    assert column(kind, "flush").tolist() == [-0.08, 0.0, 0.01]
