from __future__ import annotations

import numpy as np
import pytest

from research.calibration.booking import book
from research.calibration.limits import HARD, PLAIN, Limit, coin_flip
from research.calibration.rule import DayRows
from research.calibration.signals import Signals, World, draw

HOLDS = World("holds", 12.0, 60, hold_days=4.0, law="stops", bots_r=0.0, limits="hard")
HALF = (Limit("half", coin_flip(0.5)), Limit("worse", coin_flip(0.5), effect_r=-0.5))


def made(world: World, limits: tuple[Limit, ...], delay: int) -> tuple[Signals, DayRows]:
    rng = np.random.default_rng(6)
    signals = draw(world, 20, rng)
    return signals, book(world, signals, limits, 20, rng, delay_days=delay).rows


def test_without_the_booking_delay_losers_come_first() -> None:
    lean = []
    for delay in (0, 14):
        _, rows = made(HOLDS, HALF[:1], delay)
        early = slice(delay, delay + 10)
        lean.append(rows.judged_r[early].sum() / rows.judged[early].sum())
    assert lean[0] < -0.15 and abs(lean[1]) < 0.1


def test_rows_hold_every_signal_once_on_a_day_that_was_run() -> None:
    world = World("plain", 12.0, 60, missing=0.2)
    signals, rows = made(world, PLAIN, 14)
    due = np.full(len(signals.r), world.days)
    for i, (day, history) in enumerate(zip(signals.day, signals.history, strict=True)):
        later = np.flatnonzero(signals.run[day + 14 :, history])
        due[i] = day + 14 + later[0] if len(later) else world.days
    booked = due < world.days
    assert rows.judged.sum() == booked.sum()
    assert rows.judged_r.sum() == pytest.approx(signals.r[booked].sum())
    by_day = np.bincount(due[booked] * 20 + signals.history[booked], minlength=60 * 20)
    assert (rows.judged.sum(axis=(2, 3)) == by_day.reshape(60, 20)).all()
    assert not rows.judged.sum(axis=(2, 3))[~rows.run].any()
    assert (rows.blocked <= rows.judged).all() and (rows.blocked.sum(axis=(0, 1, 3)) > 0).all()
    assert rows.best.max() == max(signals.r[booked].max(), 0.0)
    assert rows.worst.min() == signals.r[booked].min()


def test_what_is_blocked_carries_its_planted_effect() -> None:
    _, rows = made(World("plain", 40.0, 60, bots_r=0.0), HALF, 0)
    blocked = rows.blocked_r.sum(axis=(0, 1, 3)) / rows.blocked.sum(axis=(0, 1, 3))
    passed = (rows.judged_r - rows.blocked_r).sum(axis=(0, 1, 3))
    passed = passed / (rows.judged - rows.blocked).sum(axis=(0, 1, 3))
    assert blocked - passed == pytest.approx((0.0, -0.5), abs=0.06)


def test_value_is_what_was_blocked_turned_over_marked_by_day() -> None:
    """A trade's R is spread over the days it was open; all of it is booked in the end."""
    world = World("ends", 12.0, 60, hold_days=2.0, law="stops", missing=0.0)
    rng = np.random.default_rng(6)
    signals = draw(world, 20, rng)
    booked = book(world, signals, HALF[1:], 20, rng, delay_days=0)
    closed = booked.rows.blocked_r.sum(axis=(0, 2, 3))
    value = booked.rows.value.sum(axis=(0, 2))
    assert np.corrcoef(closed, value)[0, 1] < -0.9
    assert booked.value_truth.mean() == pytest.approx(0.5 * 0.5 * 12.0, rel=0.15)


def test_joint_limits_judge_what_all_others_passed() -> None:
    world = World("joint", 30.0, 60, joint=True, limits="hard", missing=0.0)
    _, rows = made(world, HARD, 0)
    passed = rows.judged - rows.blocked
    assert (passed == passed[:, :, :1]).all()
    assert rows.judged.sum() < 0.4 * 14 * 30.0 * 60 * 20
