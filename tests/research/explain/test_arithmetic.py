from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.inference.anytime import (
    Guard,
    Sums,
    c2_anytime,
    c2_single,
    days_until_decided,
    detection_limit,
    interval,
)
from quant.inference.selection import Selection
from research.explain import arithmetic
from research.explain.arithmetic import DayRow
from shadow.report.slices import variance
from tests.support.worked_example import BEST, WORST, bots_of

Daily = list[tuple[int, float, float]]
NUMBER = st.floats(-5.0, 5.0).map(lambda x: round(x, 3))
WEIGHT = st.floats(0.0, 4.0).map(lambda x: round(x, 3))
DAYS = st.lists(st.tuples(st.integers(1, 3), NUMBER, WEIGHT), max_size=40)


@settings(max_examples=60)
@given(DAYS)
def test_the_same_days_come_to_the_same_as_what_the_verdict_rests_on(days: Daily) -> None:
    """Two formulas written apart from one sheet."""
    rows, theirs, at = [], Sums(), 0
    for step, u, h in days:
        at += step
        theirs.add(u, h, adjacent=bool(rows) and step == 1)
        rows.append(DayRow(at, u, h))
    m = arithmetic.moments(rows)
    kappa = arithmetic.inflation(m, 0.6)
    n = arithmetic.effective_days(m)
    assert n == pytest.approx(theirs.days)
    assert kappa == pytest.approx(theirs.inflation(0.6), rel=1e-6)
    if m.h:
        assert arithmetic.estimate(m) == pytest.approx(theirs.estimate)
    else:
        assert arithmetic.estimate(m) is None
    if n > 2.0:
        assert arithmetic.c2_one_look(n) == pytest.approx(c2_single(n), rel=1e-6)
        c2 = arithmetic.c2_any_day(n, 0.05, 90.0)
        assert c2 == pytest.approx(c2_anytime(n, 0.05, 90.0))
        low, high = arithmetic.ends(m, kappa * c2, 4.0, 1.0)
        bounds = interval(theirs, kappa * c2, Guard(4.0, 1.0))
        assert (bounds.low == -inf) == (low is None)
        if low is not None:
            assert (low, high) == (pytest.approx(bounds.low), pytest.approx(bounds.high))


def test_the_worked_example_comes_out_to_six_decimals() -> None:
    selection, rows = Selection(), []
    for day in range(60):
        u, h, *_ = selection.add(day, bots_of(day))
        rows.append(DayRow(day, u, h))
    m = arithmetic.moments(rows)
    kappa, n = arithmetic.inflation(m, 0.6), arithmetic.effective_days(m)
    assert arithmetic.estimate(m) == pytest.approx(-0.557558, abs=5e-7)
    assert (n, kappa) == (pytest.approx(53.729445, abs=5e-7), pytest.approx(1.102549, abs=5e-7))
    single = arithmetic.ends(m, kappa * arithmetic.c2_one_look(n))
    assert single == (pytest.approx(-0.691271, abs=5e-7), pytest.approx(-0.416398, abs=5e-7))
    c2 = kappa * arithmetic.c2_any_day(n, 0.00625, 90.0)
    verdict = arithmetic.ends(m, c2, BEST, WORST)
    assert verdict == (pytest.approx(-0.858154, abs=5e-7), pytest.approx(-0.127863, abs=5e-7))


def test_nothing_is_excluded_by_no_days_by_one_or_by_days_of_nothing() -> None:
    for rows in ([], [DayRow(1, 2.0, 1.0)], [DayRow(i, 0.0, 1.0) for i in range(40)]):
        m = arithmetic.moments(rows)
        c2 = arithmetic.c2_one_look(arithmetic.effective_days(m))
        assert arithmetic.ends(m, c2) == (None, None)
    assert arithmetic.c2_any_day(0.0, 0.05, 90.0) == inf


def test_equal_days_have_no_inflation_and_a_width_from_the_guard() -> None:
    m = arithmetic.moments([DayRow(i, -1.0, 1.0) for i in range(40)])
    assert arithmetic.inflation(m, 0.6) == 1.0
    ends = arithmetic.ends(m, arithmetic.c2_any_day(40.0, 0.05, 90.0), 5.0, 1.0)
    assert ends == (pytest.approx(-1.122639, abs=5e-7), pytest.approx(-0.386806, abs=5e-7))


@pytest.mark.parametrize("days", [12, 60, 120])
def test_the_smallest_effect_that_could_be_seen_is_the_verdict_s(days: int) -> None:
    selection, rows, theirs = Selection(), [], Sums()
    for day in range(days):
        u, h, *_ = selection.add(day, bots_of(day))
        theirs.add(u, h, adjacent=day > 0)
        rows.append(DayRow(day, u, h))
    m = arithmetic.moments(rows)
    kappa = arithmetic.inflation(m, 0.6)
    c = kappa * arithmetic.c2_any_day(arithmetic.effective_days(m), 0.00625, 90.0)
    found = arithmetic.detection_limit(m, kappa, c, BEST, WORST)
    want = detection_limit(theirs, 0.00625, Guard(BEST, WORST))
    assert (inf if found is None else found) == pytest.approx(want)


@settings(max_examples=30)
@given(DAYS, st.integers(1, 400))
def test_the_days_to_go_are_the_verdict_s(days: Daily, span: int) -> None:
    rows, theirs, at = [], Sums(), 0
    for step, u, h in days:
        at += step
        theirs.add(u - 1.0, h, adjacent=bool(rows) and step == 1)
        rows.append(DayRow(at, u - 1.0, h))
    m = arithmetic.moments(rows)
    rule = {"phi_max": 0.6, "alpha_s": 0.5, "t_star_days": 20.0}
    want = days_until_decided(theirs, span, 0.5, Guard(2.0, 1.0), t_star=20.0)
    assert arithmetic.days_to_go(m, span, rule, 2.0, 1.0) == want
    spread = variance(theirs)
    assert arithmetic.variance(m, 0.6) == pytest.approx(spread, rel=1e-6)


@pytest.mark.parametrize(("days", "alpha"), [(0, 0.5), (12, 0.00625), (40, 0.00625), (60, 0.5)])
def test_the_worked_example_says_when_it_will_be_decided(days: int, alpha: float) -> None:
    selection, rows, theirs = Selection(), [], Sums()
    for day in range(days):
        u, h, *_ = selection.add(day, bots_of(day))
        theirs.add(u, h, adjacent=day > 0)
        rows.append(DayRow(day, u, h))
    rule = {"phi_max": 0.6, "alpha_s": alpha, "t_star_days": 90.0}
    want = days_until_decided(theirs, days, alpha, Guard(BEST, WORST))
    found = arithmetic.days_to_go(arithmetic.moments(rows), days, rule, BEST, WORST)
    assert found == want and (days < 60 or found == 0)
