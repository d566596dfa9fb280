from __future__ import annotations

import numpy as np
import pytest

from research.rank_skill import (
    auc,
    block_interval,
    distinct_of,
    exceeded,
    holm,
    offsets_of,
    products,
    ranks,
    residual,
    share_interval,
    shift_distribution,
    spearman,
)
from tests.support.later import later

stats = later("scipy.stats")

RNG = np.random.default_rng(5)
A, B, C = RNG.standard_normal((3, 300))
NAN = float("nan")


def test_ranks_share_their_ties() -> None:
    values = np.round(np.stack([A, B], axis=1), 1)
    assert np.array_equal(ranks(values), stats.rankdata(values, axis=0))
    assert ranks(np.array([3.0, 1.0, 3.0])).tolist() == [2.5, 1.0, 2.5]


def test_rank_correlation_is_that_of_scipy_and_leaves_out_what_is_missing() -> None:
    x, y = np.round(A, 1), np.round(A + B, 1)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    holed = np.where(C > 1.0, NAN, x)
    known = C <= 1.0
    assert spearman(holed, y) == pytest.approx(
        stats.spearmanr(x[known], y[known]).statistic, abs=1e-12
    )
    assert np.isnan(spearman(np.array([1.0, NAN]), np.array([1.0, 2.0])))
    assert spearman(np.ones(9), np.arange(9.0)) == 0.0


def test_the_area_by_hand_and_by_scipy() -> None:
    assert auc(np.array([3.0, 1.0, 2.0, 2.0]), np.array([True, False, False, True])) == 3.5 / 4.0
    event = A + B > 1.0
    u = stats.mannwhitneyu(A[event], A[~event]).statistic
    assert auc(A, event) == pytest.approx(u / event.sum() / (~event).sum(), abs=1e-12)
    assert np.isnan(auc(A, np.zeros(300, bool)))
    assert auc(np.array([5.0, NAN, 1.0]), np.array([True, True, False])) == 1.0


def test_the_partial_correlation_is_the_textbook_one() -> None:
    x, y = A + C, B + C + 0.5 * A
    r_xy, r_xz, r_yz = (stats.spearmanr(*pair).statistic for pair in ((x, y), (x, C), (y, C)))
    expected = (r_xy - r_xz * r_yz) / np.sqrt((1 - r_xz**2) * (1 - r_yz**2))
    a, b, ab = products(x, y, C[:, None])
    assert ab.mean() == pytest.approx(expected, abs=1e-12)
    assert a.std() == pytest.approx(1.0) and b.std() == pytest.approx(1.0)


def test_a_point_without_a_value_says_nothing() -> None:
    holed = np.where(B > 1.0, NAN, A)
    left = residual(holed, C[:, None])
    assert (left[B > 1.0] == 0.0).all() and np.isfinite(left).all()
    assert (residual(C, C[:, None]) == 0.0).all()
    assert (residual(np.full(300, NAN), C[:, None]) == 0.0).all()


def test_shifts_are_circular_correlations_and_keep_their_margin() -> None:
    drawn = offsets_of([300, 300, 90], ["x", "x", "y"], [20, 20, 20], 999, np.random.default_rng(1))
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
    assert drawn[0].min() >= 20 and drawn[0].max() < 280
    rng = np.random.default_rng(1)
    found = shift_distribution([(A, B), (C, A)], ["x", "y"], [20, 20], 50, rng)
    moved = offsets_of([300, 300], ["x", "y"], [20, 20], 50, np.random.default_rng(1))
    by_hand = [
        (np.roll(A, i) @ B + np.roll(C, j) @ A) / 600.0
        for i, j in zip(*(m.tolist() for m in moved), strict=True)
    ]
    assert found == pytest.approx(by_hand, abs=1e-12)


def test_the_probability_counts_the_observed_one_itself() -> None:
    assert exceeded(1.0, np.array([0.0, 1.0, 2.0]), 99) == 3.0 / 4.0
    assert exceeded(9.0, np.zeros(999), 5000) == 0.001


def test_few_shifts_that_differ_prove_little_however_often_they_are_drawn() -> None:
    assert distinct_of([75, 75], ["x", "x"], [18, 18]) == 39
    assert distinct_of([75, 75], ["x", "y"], [18, 18]) == 39 * 39
    assert distinct_of([10], ["x"], [18]) == 4
    assert exceeded(9.0, np.zeros(999), 39) == 1.0 / 40.0


def test_a_time_shift_test_of_two_strangers_is_level() -> None:
    rng = np.random.default_rng(2)
    p = []
    for _ in range(300):
        noise = rng.standard_normal((2, 819))
        slow = np.stack([np.convolve(n, np.ones(20), "valid") for n in noise])
        a, b, ab = products(slow[0], slow[1], rng.standard_normal((800, 1)))
        null = shift_distribution([(a, b)], [""], [20], 99, rng)
        p.append(exceeded(float(ab.mean()), null, 760))
    share = np.mean(np.array(p) <= 0.05)
    assert 0.02 <= share <= 0.09


def test_block_intervals_cover_a_mean_of_dependent_points() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        part = np.convolve(rng.standard_normal(409), np.ones(10) / 10.0, "valid")
        low, high = block_interval([part[:200], part[200:]], ["a", "b"], 30, 199, rng)
        covered += low <= 0.0 <= high
    assert 0.86 <= covered / 200 <= 0.98


def test_paths_of_one_time_are_drawn_together() -> None:
    rng = np.random.default_rng(4)
    together = block_interval([A, -A], ["x", "x"], 10, 199, rng)
    apart = block_interval([A, -A], ["x", "y"], 10, 199, rng)
    assert max(map(abs, together)) < 1e-12 < apart[1]


def test_holm_and_exact_shares_are_those_of_the_libraries() -> None:
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415 - brings pandas

    p = [0.01, 0.04, 0.03, 0.005, 0.5]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist())
    assert holm([]) == []
    for hits, trials in ((0, 20), (7, 20), (20, 20)):
        interval = stats.binomtest(hits, trials).proportion_ci(method="exact")
        assert share_interval(hits, trials) == pytest.approx((interval.low, interval.high))
