from __future__ import annotations

from math import exp, inf, isfinite, isnan, log, nan, pi, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from quant.inference.anytime import (
    ANYTHING,
    NO_GUARD,
    Bounds,
    Guard,
    Sums,
    c2_anytime,
    c2_single,
    days_until_decided,
    detection_limit,
    interval,
)
from tests.support.later import later
from tests.support.worked_example import BEST, WORST, value_of

ville = later("ville")

SIX = {"abs": 6e-7, "rel": 0.0}
# Of a value series the guard is turned over: the best signal, blocked, is what it can lose.
OF_VALUE = Guard(up=WORST, down=BEST)

Rows = list[tuple[float, float]]


def summed(rows: Rows) -> Sums:
    sums = Sums()
    for i, (u, h) in enumerate(rows):
        sums.add(u, h, adjacent=i > 0)
    return sums


def value(days: int) -> Sums:
    return summed([(value_of(day), 1.0) for day in range(days)])


def single(sums: Sums) -> Bounds:
    return interval(sums, sums.inflation() * c2_single(sums.days))


def anytime(sums: Sums, alpha: float, guard: Guard = NO_GUARD) -> Bounds:
    return interval(sums, sums.inflation() * c2_anytime(sums.days, alpha), guard)


# Against published figures and independent implementations.


@pytest.mark.parametrize(
    ("days", "strict", "value", "equal", "single"),
    [
        (20, 15.388983, 10.698553, 9.059614, 3.747313),
        (40, 14.114728, 9.523738, 7.936287, 3.797779),
        (90, 13.774342, 9.213935, 7.640545, 3.822861),
        (180, 13.980714, 9.420118, 7.844619, 3.832321),
        (365, 14.428294, 9.861247, 8.280591, 3.836992),
        (10.061307, 18.420669, None, 11.702462, 3.626538),
        (12, None, 12.545558, 10.818836, 3.668947),
    ],
)
def test_boundaries_of_the_table(
    days: float, strict: float | None, value: float | None, equal: float, single: float
) -> None:
    for alpha, told in ((0.00625, strict), (0.05, value), (0.10, equal)):
        if told is not None:
            assert c2_anytime(days, alpha) == pytest.approx(told, **SIX)
    assert c2_single(days) == pytest.approx(single, **SIX)


@pytest.mark.parametrize("alpha", [0.00625, 0.05, 0.10])
@pytest.mark.parametrize("days", [5.5, 20.0, 90.0, 365.0, 3000.0])
def test_the_boundary_is_the_normal_mixture(days: float, alpha: float) -> None:
    level = -2.0 * log(alpha)
    r2 = (level + log(level) + 1.0) / 90.0
    there = float(ville.normal_mixture(days, alpha, 1.0 / r2))
    assert c2_anytime(days, alpha) == pytest.approx(there**2 / days, rel=1e-12)


def test_on_the_boundary_the_mixed_likelihood_ratio_is_one_over_alpha() -> None:
    """Ville's inequality: the mean of exp(λS − λ²n/2) over normal λ stays under 1/α, but for α."""
    days, alpha = 60.0, 0.05
    level = -2.0 * log(alpha)
    r2 = (level + log(level) + 1.0) / 90.0
    at = sqrt(days * c2_anytime(days, alpha))

    def mixed(x: float) -> float:
        return exp(x * at - x * x * days / 2.0 - x * x / (2.0 * r2)) / sqrt(2.0 * pi * r2)

    found, _ = quad(mixed, -3.0, 3.0, points=[at / (days + 1.0 / r2)])
    assert found == pytest.approx(1.0 / alpha, rel=1e-7)


def test_the_boundary_of_few_days_lets_nothing_out() -> None:
    for days, alpha in ((12.4, 0.05), (16.1, 0.00625)):
        assert c2_anytime(days - 0.1, alpha) > days - 0.1
        assert c2_anytime(days + 0.1, alpha) < days + 0.1
    assert c2_anytime(0.0, 0.05) == c2_single(1.0) == c2_single(0.0) == inf


# The worked example.


@pytest.mark.parametrize(
    ("days", "uu", "once", "strict", "equal", "now"),
    [
        (12, 23.25, (0.343455, 1.639879), ANYTHING, (-9.112807, 5.427107), inf),
        (60, 190.07, (0.606641, 1.376692), (0.219235, 1.653169), (0.292118, 1.586989), 0.868991),
        (120, 371.8, (0.727692, 1.255641), (0.512194, 1.425415), (0.554510, 1.385035), 0.570663),
    ],
)
def test_value_of_the_worked_example(
    days: int,
    uu: float,
    once: tuple[float, float],
    strict: tuple[float, float],
    equal: tuple[float, float],
    now: float,
) -> None:
    sums = value(days)
    assert (sums.u, sums.h, sums.uu) == pytest.approx((0.991667 * days, days, uu), abs=1e-4)
    assert sums.estimate == pytest.approx(0.991667, **SIX)
    assert (sums.days, sums.inflation()) == (days, 1.0)
    assert single(sums) == pytest.approx(once, **SIX)
    assert anytime(sums, 0.05, OF_VALUE) == pytest.approx(strict, **SIX)
    assert anytime(sums, 0.10, OF_VALUE) == pytest.approx(equal, **SIX)
    assert detection_limit(sums, 0.05, OF_VALUE) == pytest.approx(now, **SIX)


@pytest.mark.parametrize(("days", "later"), [(12, 0.855191), (60, 0.465593), (120, 0.321216)])
def test_the_detection_limit_of_thrice_the_days(days: int, later: float) -> None:
    assert detection_limit(value(days), 0.05, OF_VALUE, times=3.0) == pytest.approx(later, **SIX)


# Edges.


def test_without_rows_or_with_zeros_alone_nothing_is_excluded() -> None:
    for rows in ([], [(0.0, 0.0)] * 50, [(0.0, 1.0)] * 50):
        sums = summed(rows)
        assert anytime(sums, 0.05, Guard(1.0, 1.0)) == single(sums) == ANYTHING
        assert (sums.inflation(), sums.autocorrelation, sums.spread) == (1.0, 0.0, 0.0)
        assert days_until_decided(sums, 50, 0.05) is None
    assert isnan(Sums().estimate)
    assert Sums().days == 0.0


def test_equal_days_have_no_spread_and_still_a_width_from_the_guard() -> None:
    sums = summed([(-1.0, 1.0)] * 40)
    assert (sums.spread, sums.inflation()) == (0.0, 1.0)
    found = anytime(sums, 0.05, Guard(up=5.0, down=1.0))
    assert found == pytest.approx((-1.122639, -0.386806), **SIX)
    assert single(sums) == pytest.approx((-1.0, -1.0))


def test_one_huge_day_decides_nothing() -> None:
    sums = summed([(-0.1 if i % 2 else 0.1, 1.0) for i in range(60)] + [(1000.0, 1.0)])
    assert single(sums) == pytest.approx((-16.963503, 49.750388), abs=1e-6)
    found = anytime(sums, 0.05, Guard(up=1000.0, down=1.0))
    assert found == pytest.approx((-38.382594, 113.974728), **SIX)


@pytest.mark.parametrize(("u", "h"), [(nan, 1.0), (inf, 1.0), (1.0, nan), (1.0, -inf)])
def test_what_is_no_number_is_refused_and_leaves_the_sums_as_they_were(u: float, h: float) -> None:
    sums = value(12)
    before = Sums(*(getattr(sums, name) for name in sums.__struct_fields__))
    with pytest.raises(ValueError, match="finite"):
        sums.add(u, h, adjacent=True)
    assert sums == before


def test_over_a_hole_days_have_no_neighbour() -> None:
    rows = [(float(i % 3), 1.0) for i in range(30)]
    without, bridged = Sums(), Sums()
    for i, (u, h) in enumerate(rows):
        without.add(u, h, adjacent=i not in (0, 15))
        bridged.add(u, h, adjacent=i != 0)
    assert bridged.lag_uu - without.lag_uu == rows[14][0] * rows[15][0]
    assert bridged.lag_uh - without.lag_uh == rows[14][0] + rows[15][0]
    assert bridged.lag_hh - without.lag_hh == 1.0
    assert (bridged.u, bridged.uu, bridged.uh, bridged.hh) == (
        without.u, without.uu, without.uh, without.hh,
    )  # fmt: skip
    assert bridged.autocorrelation != without.autocorrelation


def test_days_that_go_together_widen_the_interval() -> None:
    """κ = (1 + φ)/(1 − φ) with φ of at most 0.6, so four times the variance at the most."""
    runs = [(1.0 if i // 4 % 2 else -1.0, 1.0) for i in range(400)]
    turns = [(1.0 if i % 2 else -1.0, 1.0) for i in range(400)]
    together, apart = summed(runs), summed(turns)
    r = together.autocorrelation
    assert r == pytest.approx(0.5, abs=0.01)
    phi = r + (1.0 + 3.0 * r) / 400.0
    assert together.inflation() == pytest.approx((1.0 + phi) / (1.0 - phi))
    assert apart.inflation() == 1.0
    assert summed([(float(i), 1.0) for i in range(400)]).inflation() == pytest.approx(4.0)
    assert summed([(float(i), 1.0) for i in range(400)]).inflation(0.0) == 1.0


# How far it is.


def test_an_effect_of_the_limits_size_is_decided_when_the_days_have_come() -> None:
    rows = [(0.12 + (1.0 if i % 2 else -1.0), 1.0) for i in range(2000)]
    sums = summed(rows[:100])
    more = days_until_decided(sums, 100, 0.05, Guard(3.0, 3.0))
    assert more is not None
    assert more > 100
    then, before = (100 + more) // 2 * 2, (60 + more) // 2 * 2
    assert anytime(summed(rows[:then]), 0.05, Guard(3.0, 3.0)).low == pytest.approx(0.0, abs=1e-3)
    assert anytime(summed(rows[:before]), 0.05, Guard(3.0, 3.0)).low < -2e-3


def test_what_is_decided_needs_no_more_days_and_what_is_nothing_never_is() -> None:
    assert days_until_decided(value(60), 60, 0.05, OF_VALUE) == 0
    soon = days_until_decided(value(12), 12, 0.05, OF_VALUE)
    assert soon is not None
    assert 0 < soon < 48
    assert days_until_decided(summed([(1.0, 1.0), (-1.0, 1.0)] * 20), 40, 0.05) is None
    faint = summed([(1.0, 1.0), (-1.0 + 1e-6, 1.0)] * 20)
    assert days_until_decided(faint, 40, 0.05) is None


def test_the_guard_counts_on_the_side_of_zero() -> None:
    sums = value(60)
    wide = detection_limit(sums, 0.05, Guard(up=0.0, down=6.0))
    assert wide == pytest.approx(detection_limit(sums, 0.05) + 6.0 / 60.0)
    assert detection_limit(sums, 0.05, Guard(up=6.0, down=0.0)) == detection_limit(sums, 0.05)
    turned = summed([(-value_of(day), 1.0) for day in range(60)])
    assert detection_limit(turned, 0.05, Guard(up=6.0, down=0.0)) == pytest.approx(wide)


# Properties.

numbers = st.floats(-5.0, 5.0).map(lambda x: round(x, 3))
weights = st.floats(0.25, 4.0).map(lambda x: round(x, 3))
histories = st.lists(st.tuples(numbers, weights), min_size=15, max_size=60)
guards = st.builds(Guard, st.floats(0.0, 5.0), st.floats(0.0, 5.0))
FEW = settings(max_examples=50)


def both(rows: Rows, guard: Guard) -> list[Bounds]:
    sums = summed(rows)
    return [single(sums), anytime(sums, 0.05, guard), anytime(sums, 0.10, guard)]


@FEW
@given(histories, guards, st.sampled_from([1e-3, 0.5, 3.0, 1e4]))
def test_in_other_units_the_interval_is_the_same(rows: Rows, guard: Guard, by: float) -> None:
    scaled = both([(u * by, h) for u, h in rows], Guard(guard.up * by, guard.down * by))
    for one, other in zip(both(rows, guard), scaled, strict=True):
        assert other == pytest.approx((one.low * by, one.high * by), rel=1e-6, abs=1e-6 * by)
    weighed = both([(u * by, h * by) for u, h in rows], Guard(guard.up * by, guard.down * by))
    for one, other in zip(both(rows, guard), weighed, strict=True):
        assert other == pytest.approx(one, rel=1e-6, abs=1e-6)


@FEW
@given(histories, guards)
def test_turned_over_the_interval_is_turned_over(rows: Rows, guard: Guard) -> None:
    turned = both([(-u, h) for u, h in rows], Guard(guard.down, guard.up))
    for one, other in zip(both(rows, guard), turned, strict=True):
        assert other == pytest.approx((-one.high, -one.low), rel=1e-9, abs=1e-9)


@FEW
@given(histories, guards)
def test_read_backwards_the_interval_is_the_same(rows: Rows, guard: Guard) -> None:
    """Only which days are neighbours matters, not which way time goes."""
    for one, other in zip(both(rows, guard), both(rows[::-1], guard), strict=True):
        assert other == pytest.approx(one, rel=1e-6, abs=1e-6)


@FEW
@given(histories, guards)
def test_an_interval_holds_its_estimate_and_a_guard_only_widens(rows: Rows, guard: Guard) -> None:
    sums = summed(rows)
    plain, guarded = anytime(sums, 0.05), anytime(sums, 0.05, guard)
    slack = 1e-7
    assert plain.low - slack <= sums.estimate <= plain.high + slack
    assert guarded.low <= plain.low + slack
    assert guarded.high >= plain.high - slack
    looser = anytime(sums, 0.10, guard)
    assert guarded.low - slack <= looser.low <= looser.high <= guarded.high + slack


@FEW
@given(histories, guards, st.floats(-2.0, 2.0))
def test_zero_lies_outside_where_the_sum_beats_the_boundary(
    rows: Rows, guard: Guard, shift: float
) -> None:
    sums = summed([(u + shift * h, h) for u, h in rows])
    kc2 = sums.inflation() * c2_anytime(sums.days, 0.05)
    low, high = interval(sums, kc2, guard)
    beyond = guard.down if sums.u > 0.0 else guard.up
    left, right = abs(sums.u) - beyond, kc2 * (sums.uu + beyond**2)
    if left > 0.0 and abs(left * left - right) < 1e-6 * right:
        return
    outside = left > 0.0 and left * left > right and isfinite(low)
    assert outside == (low > 0.0 or high < 0.0)
