from __future__ import annotations

import numpy as np
import pytest

from research.calibration import rule
from research.calibration.booking import book
from research.calibration.limits import planted
from research.calibration.signals import World, draw
from research.calibration.tally import NEVER, joined, tally
from shadow.report.terms import Terms

WORLD = World("planted", 60.0, 120, law="normal", wild_scale=1.0)
LIMITS = planted((-0.8, 0.8, 0.0))
LOOKS = (60, 120)
TERMS = Terms()


def test_first_days_are_those_of_the_looks() -> None:
    rng = np.random.default_rng(1)
    booked = book(WORLD, draw(WORLD, 4, rng), LIMITS, 4, rng)
    found, looks = tally(booked, LOOKS, TERMS), rule.look(booked.rows, TERMS)
    assert (found.protective[:, 0] < NEVER).all() and (found.restrictive[:, 1] < NEVER).all()
    assert (found.protective[:, 1:] == NEVER).all()
    for history in range(4):
        day = found.protective[history, 0]
        said = looks.verdict[:, history, 0]
        assert said[day - 1] == rule.PROTECTIVE and rule.PROTECTIVE not in said[: day - 1]
    assert (found.last == looks.verdict[-1]).all()
    shown = np.isfinite(found.choice.low)
    assert (shown == looks.shown[[59, 119]]).all()
    assert found.choice.estimate[1, :, 0] == pytest.approx(-0.8, abs=0.3)
    assert (found.choice.highest_low <= found.choice.lowest_high).all()


def test_batches_are_joined_by_history() -> None:
    parts = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        booked = book(WORLD, draw(WORLD, 2, rng), LIMITS, 2, rng)
        parts.append(tally(booked, LOOKS, TERMS))
    both = joined(parts)
    assert both.protective.shape == (4, 3) and both.choice.low.shape == (2, 4, 3)
    assert (both.protective[2:] == parts[1].protective).all()
    assert (both.equal[:, :2] == parts[0].equal).all()
