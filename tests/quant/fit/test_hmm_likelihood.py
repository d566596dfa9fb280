"""Both forms climb as hmmlearn does, and never down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.fit.hmm_likelihood import GAIN_MIN, SQUARES, STEPS_MAX, Climbed, _plain, climb
from quant.hmm import learner

BEGIN = (
    np.full(3, 1 / 3),
    np.full((3, 3), 0.05) + 0.85 * np.eye(3),
    np.array([[0.0, -1.0], [0.1, 0.0], [-0.1, 1.0]]),
    np.array([[0.2, 0.5], [1.0, 0.5], [3.0, 0.5]]),
)


def rows(seed: int, n: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = np.cumsum(rng.standard_normal(n) * 0.15)
    found = np.column_stack([rng.standard_normal(n) * np.exp(level), level])
    unit: np.ndarray = np.ascontiguousarray((found - found.mean(axis=0)) / found.std(axis=0))
    return unit


def by_hmmlearn(unit: np.ndarray) -> Climbed:
    found = learner(*BEGIN).fit(unit)
    variances = np.array([np.diag(each) for each in found.covars_])
    likelihood, steps = float(found.monitor_.history[-1]), int(found.monitor_.iter)
    return found.startprob_, found.transmat_, found.means_, variances, likelihood, steps


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_both_forms_climb_as_hmmlearn_does(seed: int) -> None:
    unit = rows(seed)
    theirs = by_hmmlearn(unit)
    for form in (climb, _plain):
        ours = form(unit, *BEGIN)
        for mine, reference in zip(ours[:4], theirs[:4], strict=True):
            assert mine == pytest.approx(reference, abs=1e-9)
        assert ours[4] == pytest.approx(theirs[4], abs=1e-8)
        assert ours[5] == theirs[5]


def test_it_goes_up_and_stops_where_little_is_gained() -> None:
    unit = rows(5)
    *found, likelihood, steps = climb(unit, *BEGIN)
    again = climb(unit, *found)
    assert likelihood - 1e-9 <= again[4] <= likelihood + 100 * GAIN_MIN
    assert steps <= STEPS_MAX and again[5] <= steps
    start, moves, _, variances = found
    assert start.sum() == pytest.approx(1.0) and moves.sum(axis=1) == pytest.approx(np.ones(3))
    assert (variances >= SQUARES / len(unit)).all()


def test_what_was_given_stays_as_it_was() -> None:
    before = [each.copy() for each in BEGIN]
    climb(rows(6), *BEGIN)
    _plain(rows(6), *BEGIN)
    assert all(np.array_equal(a, b) for a, b in zip(before, BEGIN, strict=True))


def test_one_value_far_from_all_states_ends_in_numbers() -> None:
    unit = rows(7)
    unit[150] = 1e3
    for form in (climb, _plain):
        assert all(np.isfinite(each).all() for each in form(unit, *BEGIN))


def test_a_state_out_of_reach_does_the_same_to_both() -> None:
    moves = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    known = (np.array([0.5, 0.5, 0.0]), moves, BEGIN[2], np.full((3, 2), 1.0))
    for ours, plain in zip(climb(rows(8), *known), _plain(rows(8), *known), strict=True):
        assert np.isfinite(ours).all() and plain == pytest.approx(ours, abs=1e-9)
