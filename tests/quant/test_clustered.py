from __future__ import annotations

import subprocess
import sys
from math import inf, sqrt
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.clustered import (
    Interval,
    anytime,
    days_until_decided,
    ratio,
    ratio_difference,
)
from quant.student import quantile
from tests.support.market import REPO

values = st.floats(-100.0, 100.0)
days_of = st.lists(st.tuples(values, st.integers(0, 20)), min_size=2, max_size=40)


def test_one_entry_a_day_is_the_textbook_interval_of_a_mean() -> None:
    sums = [0.3, -1.2, 0.8, 0.1, -0.4]
    found = ratio(sums, [1] * 5)
    assert found is not None
    half = 2.776 * stdev(sums) / sqrt(5)
    assert found.mean == pytest.approx(fmean(sums))
    assert (found.low, found.high) == pytest.approx(
        (fmean(sums) - half, fmean(sums) + half), abs=1e-3
    )


def test_the_ratio_is_worked_out_as_in_the_textbook() -> None:
    # Sums 6, 2, 4 over 3, 1, 4 entries: 12 / 8; residuals 1.5, 0.5, -2; Cochran's variance of
    # a ratio is days / (days - 1) x their squares / entries squared = 1.5 x 6.5 / 64.
    found = ratio([6.0, 2.0, 4.0], [3, 1, 4])
    assert found is not None
    half = 4.3027 * sqrt(1.5 * 6.5 / 64)
    assert found == pytest.approx((1.5, 1.5 - half, 1.5 + half), abs=1e-4)


def test_equal_counts_make_the_difference_a_paired_test() -> None:
    rng = np.random.default_rng(3)
    sums, base = rng.normal(size=12).tolist(), rng.normal(size=12).tolist()
    apart = [a / 4 - b / 2 for a, b in zip(sums, base, strict=True)]
    found = ratio_difference(sums, [4] * 12, base, [2] * 12)
    assert found is not None
    half = quantile(0.975, 11) * stdev(apart) / sqrt(12)
    assert found == pytest.approx((fmean(apart), fmean(apart) - half, fmean(apart) + half))


def test_a_baseline_that_is_the_same_leaves_nothing() -> None:
    sums, counts = [1.0, -2.0, 3.0], [2, 1, 5]
    assert ratio_difference(sums, counts, sums, counts) == pytest.approx((0.0, 0.0, 0.0))


def test_what_moves_both_halves_of_a_day_cancels() -> None:
    rng = np.random.default_rng(4)
    shared = rng.normal(0.0, 5.0, 40)
    own, other = rng.normal(0.5, 0.2, 40), rng.normal(0.0, 0.2, 40)
    sums, base = (shared + own).tolist(), (shared + other).tolist()
    ones = [1] * 40
    alone, apart = ratio(sums, ones), ratio_difference(sums, ones, base, ones)
    assert alone is not None
    assert apart is not None
    assert alone.low < 0.0 < alone.high
    assert 0.3 < apart.low < apart.high < 0.7


@given(days_of)
def test_the_ratio_is_the_sum_over_the_entries_whatever_the_order(
    days: list[tuple[float, int]],
) -> None:
    sums, counts = [d for d, _ in days], [n for _, n in days]
    found = ratio(sums, counts)
    if not sum(counts):
        assert found is None
        return
    assert found is not None
    assert found.mean == pytest.approx(sum(sums) / sum(counts))
    assert found.low <= found.mean <= found.high
    again = ratio(sums[::-1], counts[::-1])
    assert again is not None
    assert tuple(again) == pytest.approx(tuple(found), abs=1e-9)


@given(days_of, st.sampled_from([-2.0, 0.5, 4.0]))
def test_the_unit_of_the_effect_scales_the_interval(
    days: list[tuple[float, int]], unit: float
) -> None:
    sums, counts = [d for d, _ in days], [n for _, n in days]
    found, scaled = ratio(sums, counts), ratio([d * unit for d in sums], counts)
    if found is None or scaled is None:
        assert found is scaled is None
        return
    assert scaled.mean == pytest.approx(found.mean * unit, abs=1e-9)
    assert scaled.high - scaled.low == pytest.approx((found.high - found.low) * abs(unit), abs=1e-9)


def test_days_without_entries_still_count_their_money() -> None:
    found = ratio([1.0, 1.0], [1, 0])
    assert found is not None
    assert found.mean == 2.0
    assert found.high > found.mean


@pytest.mark.parametrize("counts", [[], [0], [0, 0]])
def test_without_entries_there_is_no_ratio(counts: list[int]) -> None:
    sums = [1.0] * len(counts)
    ones = [1] * len(counts)
    assert ratio(sums, counts) is None
    assert ratio_difference(sums, counts, sums, ones) is None
    assert ratio_difference(sums, ones, sums, counts) is None


def test_one_day_says_nothing_about_how_sure_it_is() -> None:
    assert ratio([3.0], [2]) == Interval(1.5, -inf, inf)
    assert ratio_difference([3.0], [2], [1.0], [1]) == Interval(0.5, -inf, inf)


def test_days_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="same days"):
        ratio([1.0], [1, 2])
    with pytest.raises(ValueError, match="same days"):
        ratio_difference([1.0], [1], [1.0, 2.0], [1, 1])


def clustered_days(rng: np.random.Generator, days: int) -> tuple[list[float], list[int], list]:
    """Trades that share their day: counts vary, and half of the variance is the day's."""
    counts = rng.poisson(6, days) + 1
    effects = [rng.normal(0.0, 1.0) + rng.normal(0.0, 1.0, n) for n in counts]
    return [float(e.sum()) for e in effects], counts.tolist(), effects


def test_the_interval_covers_the_truth_as_often_as_it_says_and_an_iid_one_does_not() -> None:
    rng = np.random.default_rng(20)
    histories, covered, covered_iid = 600, 0, 0
    for _ in range(histories):
        sums, counts, effects = clustered_days(rng, 30)
        found = ratio(sums, counts)
        assert found is not None
        covered += found.low < 0.0 < found.high
        trades = np.concatenate(effects)
        half = 1.96 * trades.std(ddof=1) / sqrt(len(trades))
        covered_iid += abs(trades.mean()) < half
    assert 0.93 <= covered / histories <= 0.97
    assert covered_iid / histories < 0.80


def test_the_difference_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(21)
    histories, covered = 400, 0
    for _ in range(histories):
        sums, counts, _ = clustered_days(rng, 30)
        base, base_counts, _ = clustered_days(rng, 30)
        found = ratio_difference(sums, counts, base, base_counts)
        assert found is not None
        covered += found.low < 0.0 < found.high
    assert 0.925 <= covered / histories <= 0.975


def test_daily_looks_raise_few_false_alarms_with_the_anytime_interval_and_many_without() -> None:
    rng = np.random.default_rng(22)
    histories, last, burn_in = 800, 90, 20
    alarms = alarms_fixed = 0
    for _ in range(histories):
        sums = rng.standard_t(5, last).tolist()
        fixed = wide = False
        for days in range(burn_in, last + 1):
            found = ratio(sums[:days], [1] * days)
            assert found is not None
            fixed = fixed or not found.low <= 0.0 <= found.high
            safe = anytime(found, days)
            wide = wide or not safe.low <= 0.0 <= safe.high
        alarms += wide
        alarms_fixed += fixed
    assert alarms / histories <= 0.06
    assert alarms_fixed / histories >= 0.15


def test_the_anytime_interval_is_the_published_boundary() -> None:
    # Standard deviation 2 a day, 30 days, t* = 30, by hand from Waudby-Smith et al. 2024.
    found = anytime(Interval(1.0, 1.0 - 2.0 * 2.0452 / sqrt(30), 1.0 + 2.0 * 2.0452 / sqrt(30)), 30)
    assert found.mean == 1.0
    # rho^2 = (5.9915 + ln 5.9915 + 1) / 30 = 0.29273; 30 rho^2 + 1 = 9.7819.
    half = 2.0 * sqrt(2 * 9.7819 / (900 * 0.29273) * 4.13595)
    assert (found.mean - found.low, found.high - found.mean) == pytest.approx(
        (half, half), rel=1e-3
    )


@given(st.integers(2, 400), st.floats(0.01, 10.0), st.floats(-5.0, 5.0))
def test_the_anytime_interval_holds_the_fixed_one(days: int, half: float, mean: float) -> None:
    fixed = Interval(mean, mean - half, mean + half)
    wide = anytime(fixed, days)
    assert wide.mean == mean
    # At two and three days Student's t is wider still; no verdict is given before twenty.
    if days >= 4:
        assert wide.low < fixed.low
        assert wide.high > fixed.high


def test_the_anytime_interval_is_tightest_for_its_day_at_the_target() -> None:
    def width(target: int) -> float:
        sd = 1.0
        half = quantile(0.975, 29) * sd / sqrt(30)
        return anytime(Interval(0.0, -half, half), 30, target_days=target).high

    # The published choice of rho is an approximate optimum.
    assert width(30) < min(width(5), width(200))
    assert width(30) == pytest.approx(min(width(t) for t in range(10, 90)), rel=0.01)


@pytest.mark.parametrize("days", [0, 1])
def test_the_anytime_interval_of_a_day_is_open(days: int) -> None:
    assert anytime(Interval(1.0, -inf, inf), days) == Interval(1.0, -inf, inf)
    assert anytime(Interval(1.0, 0.5, 1.5), days) == Interval(1.0, -inf, inf)


@given(st.integers(2, 300), st.floats(0.01, 5.0), st.floats(0.01, 5.0), st.sampled_from([1, -1]))
def test_the_days_to_wait_are_the_fewest_that_decide_at_this_effect(
    days: int, mean: float, half: float, side: int
) -> None:
    wait = days_until_decided(Interval(side * mean, side * mean - half, side * mean + half), days)
    assert wait is not None

    def decided(more: int) -> bool:
        return half * sqrt(days / (days + more)) < mean * (1 + 1e-12)

    assert decided(wait)
    assert wait == 0 or not half * sqrt(days / (days + wait - 1)) < mean * (1 - 1e-12)


@pytest.mark.parametrize(
    ("interval", "wait"),
    [
        (Interval(1.0, 0.5, 1.5), 0),
        (Interval(-1.0, -1.5, -0.5), 0),
        (Interval(1.0, 0.0, 2.0), 1),
        (Interval(0.5, -0.5, 1.5), 31),
        (Interval(0.0, -1.0, 1.0), None),
        (Interval(1.0, -inf, inf), None),
    ],
)
def test_days_to_wait_at_ten_days(interval: Interval, wait: int | None) -> None:
    assert days_until_decided(interval, 10) == wait


def test_no_heavy_library_is_loaded() -> None:
    code = "import sys, quant.clustered; sys.exit(bool({'numpy', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0
