from __future__ import annotations

import numpy as np
import pytest

from research.lenses.alarms import Watch, at_rate, before, judge, threshold

NAN = float("nan")


def test_a_threshold_comes_from_training_points_alone() -> None:
    score = np.array([1.0, 2.0, 3.0, 4.0, NAN, 99.0])
    train = np.array([True] * 5 + [False])
    assert threshold(score, train, 0.25) == 4.0
    assert threshold(np.full(3, NAN), np.ones(3, bool), 0.5) == float("inf")


def test_the_twin_fires_exactly_as_often() -> None:
    score = np.array([NAN, 5.0, 1.0, 5.0, 3.0])
    assert at_rate(score, 0.4).tolist() == [False, True, False, True, False]
    assert at_rate(score, 0.0).sum() == 0
    assert at_rate(np.full(4, NAN), 0.5).sum() == 0


def test_before_means_after_the_point_and_within_reach() -> None:
    at, peaks = np.array([0, 10, 20]), np.array([10, 21])
    assert before(at, peaks, 10).tolist() == [[True, False, False], [False, False, True]]


def test_the_figures_by_hand() -> None:
    at = np.arange(0, 100, 10)
    watch = Watch(at, np.array([35, 95]), "x", 2)
    fired = np.zeros(10, bool)
    fired[[2, 3, 6]] = True
    found = judge([watch], [fired], reach=20, shifts=99, rng=np.random.default_rng(1))
    assert (found.rate, found.alarms, found.events) == (0.3, 3, 2)
    # Alarms at 20 and 30 come before the peak at 35, that at 60 before none.
    assert found.precision == pytest.approx(2 / 3) and found.followed == 0.4
    assert found.recall == 0.5 and found.lead == 15.0
    # Of bars 0 to 110 those from 21 to 50 and from 61 to 80 have an alarm in the 20 bars before.
    assert found.chance == pytest.approx(50 / 111)
    assert 0.1 < found.p <= 1.0


def test_what_knows_of_falls_is_told_from_what_does_not() -> None:
    rng = np.random.default_rng(7)
    at = np.arange(0, 60_000, 60)
    peaks = np.sort(rng.choice(np.arange(2_000, 58_000), 40, replace=False))
    knows = before(at, peaks, 60).any(axis=0)
    blind = rng.random(len(at)) < knows.mean()
    watch = Watch(at, peaks, "x", 17)
    seen, unseen = (
        judge([watch], [fired], reach=60, shifts=999, rng=rng) for fired in (knows, blind)
    )
    assert seen.recall == 1.0 and seen.precision == 1.0 and seen.p < 0.002
    assert unseen.p > 0.05 and unseen.recall < 0.3


def test_no_alarm_and_no_fall_are_no_error() -> None:
    watch = Watch(np.arange(0, 100, 10), np.empty(0, np.int64), "x", 2)
    none = judge([watch], [np.zeros(10, bool)], reach=10, shifts=9, rng=np.random.default_rng(1))
    assert none.alarms == 0 and none.events == 0 and none.p == 1.0
    assert np.isnan(none.precision) and np.isnan(none.recall)
