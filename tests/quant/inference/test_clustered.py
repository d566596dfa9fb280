from __future__ import annotations

import subprocess
import sys
from math import inf, sqrt
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.inference.clustered import Interval, ratio
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
    assert ratio(sums, counts) is None


def test_one_day_says_nothing_about_how_sure_it_is() -> None:
    assert ratio([3.0], [2]) == Interval(1.5, -inf, inf)


def test_days_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="same days"):
        ratio([1.0], [1, 2])


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


def test_no_heavy_library_is_loaded() -> None:
    code = (
        "import sys, quant.inference.clustered;"
        " sys.exit(bool({'numpy', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0
