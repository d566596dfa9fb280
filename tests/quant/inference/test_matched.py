from __future__ import annotations

import random
from math import inf, nan

import msgspec
import numpy as np
import pytest

from quant.inference.matched import NEVER, NO_ANSWERS, SEEN_MIN, STEP, Answers, Matched

LIMIT, OTHER = 3, 5
YES, NO = Answers((LIMIT,), (LIMIT,)), Answers((LIMIT,), ())


def filled(values: list[float], blocked: int) -> Matched:
    """Return what is known after a day on which a limit blocked the first so many."""
    matched = Matched()
    for i, value in enumerate(values):
        matched.judge(1, value, {LIMIT: i < blocked})
    return matched


def test_the_threshold_is_the_quantile_that_matches_the_rate() -> None:
    dice = random.Random(3)
    values = [dice.gauss(0.0, 1.0) for _ in range(4000)]
    matched = filled(values, blocked=800)
    assert matched.judge(2, 9.0, {LIMIT: False}) == YES
    edge = float(np.quantile(values, 0.8))
    assert matched.rates[LIMIT].lowest * STEP == pytest.approx(edge, abs=1.5 * STEP)
    assert matched.judge(2, edge - 2 * STEP, {LIMIT: False}) == NO
    assert matched.judge(2, edge + 2 * STEP, {LIMIT: False}) == YES


def test_a_day_knows_nothing_of_itself() -> None:
    matched = filled([0.0] * SEEN_MIN, blocked=SEEN_MIN // 2)
    for value in (5.0, -5.0, 0.0):
        assert matched.judge(1, value, {LIMIT: True}) == NO_ANSWERS
    assert matched.rates[LIMIT].lowest == NEVER
    matched.judge(2, 7.0, {LIMIT: True})
    known = matched.rates[LIMIT].lowest
    for _ in range(50):
        matched.judge(2, 7.0, {LIMIT: True})
    assert matched.rates[LIMIT].lowest == known


def test_it_tells_nothing_while_too_little_was_seen_and_of_what_is_no_number() -> None:
    matched = filled([0.1 * i for i in range(SEEN_MIN - 1)], blocked=10)
    assert matched.judge(2, 9.0, {LIMIT: False}) == NO_ANSWERS
    assert matched.judge(3, 9.0, {LIMIT: False}) == YES
    for value in (nan, inf, -inf):
        assert matched.judge(3, value, {LIMIT: True}) == NO_ANSWERS
    assert (matched.rates[LIMIT].new_judged, matched.rates[LIMIT].new_blocked) == (1, 0)


def test_a_limit_that_never_blocked_is_matched_by_one_that_does_not() -> None:
    assert filled([0.1 * i for i in range(60)], blocked=0).judge(2, 10.0, {LIMIT: False}) == NO


def test_each_limit_has_a_threshold_of_its_own() -> None:
    matched = Matched()
    for i in range(100):
        matched.judge(1, i / 50.0, {LIMIT: i < 10, OTHER: i < 60})
    assert matched.judge(2, 1.5, {LIMIT: True, OTHER: True}) == ((LIMIT, OTHER), (OTHER,))
    assert matched.judge(2, 1.9, {OTHER: True}) == ((OTHER,), (OTHER,))
    assert matched.rates[LIMIT].lowest > matched.rates[OTHER].lowest


def test_over_a_year_it_blocks_as_often_as_the_other() -> None:
    dice = random.Random(8)
    matched, mine, other = Matched(), 0, 0
    for day in range(365):
        for _ in range(12):
            hit = dice.random() < 0.15
            judged, above = matched.judge(day, dice.gauss(0.0, 1.3), {LIMIT: hit})
            if judged:
                mine += len(above)
                other += hit
    assert mine == pytest.approx(other, rel=0.1)


def test_values_that_are_all_the_same_are_not_torn_apart() -> None:
    """Half of them cannot be blocked; all or none can, whichever is nearer to the rate."""
    assert filled([1.0] * 40, blocked=10).judge(2, 1.0, {LIMIT: False}) == NO
    assert filled([1.0] * 40, blocked=30).judge(2, 1.0, {LIMIT: False}) == YES


def test_it_survives_as_state() -> None:
    matched = filled([0.05 * i for i in range(-40, 60)], blocked=20)
    matched.judge(2, 0.5, {LIMIT: True})
    for coder in (msgspec.json, msgspec.msgpack):
        assert coder.decode(coder.encode(matched), type=Matched) == matched
