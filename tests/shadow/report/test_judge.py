from __future__ import annotations

from math import isfinite, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shadow.report.verdict import (
    DAYS_MIN,
    PROTECTIVE,
    RESTRICTIVE,
    UNDETERMINED,
    Daily,
    Finding,
    judge,
)

# Student's two-sided 95 % quantile at 24 degrees of freedom, from a printed table.
T_24 = 2.0639


def day(i: int) -> str:
    return f"2025-{1 + i // 28:02d}-{1 + i % 28:02d}"


def daily(effects: list[float], entries: int = 1) -> dict[str, tuple[int, float]]:
    return {day(i): (entries, effect) for i, effect in enumerate(effects)}


def wobble(mean: float, days: int, *, by: float = 0.1) -> list[float]:
    """Return effects that go up and down around a mean."""
    return [mean + (by if i % 2 else -by) for i in range(days)]


# Constructed data with known answers.


@pytest.mark.parametrize(
    ("blocked", "admitted", "verdict"),
    [
        (-1.0, 0.2, PROTECTIVE),
        (-1.0, -0.5, PROTECTIVE),
        (1.0, -0.2, RESTRICTIVE),
        (1.0, 0.5, RESTRICTIVE),
        # What it blocked lost, but no more than what was admitted.
        (-1.0, -1.0, UNDETERMINED),
        (-0.5, -1.0, UNDETERMINED),
        # What it blocked earned, but no more than what was admitted.
        (1.0, 1.0, UNDETERMINED),
        (0.5, 1.0, UNDETERMINED),
        # Worse than the admitted, but no loss in itself; better, but no gain.
        (0.0, 1.0, UNDETERMINED),
        (0.0, -1.0, UNDETERMINED),
        (0.0, 0.0, UNDETERMINED),
    ],
)
def test_a_verdict_needs_both_intervals_on_one_side(
    blocked: float, admitted: float, verdict: str
) -> None:
    # Out of step, so that the difference wobbles as well.
    finding = judge(daily(wobble(blocked, 26)), daily([*wobble(admitted, 27)[1:]], entries=1))
    assert finding.verdict == verdict
    assert (finding.episodes, finding.days) == (26, 26)
    assert finding.theta is not None
    assert finding.delta is not None
    assert finding.theta.mean == pytest.approx(blocked)
    assert finding.delta.mean == pytest.approx(blocked - admitted)


def test_the_intervals_are_clustered_on_days() -> None:
    """Ratio of sums, linearised: e = (D - theta n) / N, Student with days - 1."""
    counts = [1 + i % 4 for i in range(25)]
    sums = [0.3 * ((i * 7) % 11) - 1.0 for i in range(25)]
    base_counts = [2 + i % 3 for i in range(25)]
    base_sums = [0.2 * ((i * 5) % 13) - 0.8 for i in range(25)]
    blocked = {day(i): (counts[i], sums[i]) for i in range(25)}
    twins = {day(i): (base_counts[i], base_sums[i]) for i in range(25)}
    finding = judge(blocked, twins)
    theta = sum(sums) / sum(counts)
    e = [(d - theta * n) / sum(counts) for d, n in zip(sums, counts, strict=True)]
    half = T_24 * sqrt(25 / 24 * sum(x * x for x in e))
    assert finding.theta == pytest.approx((theta, theta - half, theta + half), abs=1e-4)
    base = sum(base_sums) / sum(base_counts)
    f = [(d - base * n) / sum(base_counts) for d, n in zip(base_sums, base_counts, strict=True)]
    both = [x - y for x, y in zip(e, f, strict=True)]
    wide = T_24 * sqrt(25 / 24 * sum(x * x for x in both))
    delta = theta - base
    assert finding.delta == pytest.approx((delta, delta - wide, delta + wide), abs=1e-4)


def test_a_move_that_both_sides_share_cancels_in_the_difference() -> None:
    market = [3.0 if i % 2 else -3.0 for i in range(30)]
    finding = judge(daily([m - 0.5 for m in market]), daily(market))
    assert finding.delta == pytest.approx((-0.5, -0.5, -0.5))
    assert finding.verdict == UNDETERMINED


def test_looking_every_day_has_the_wider_interval() -> None:
    finding = judge(daily(wobble(-1.0, 30, by=1.0)), daily(wobble(0.0, 30)))
    theta, wide = finding.theta, finding.theta_anytime
    assert theta is not None
    assert wide is not None
    assert wide.mean == theta.mean
    assert wide.low < theta.low < theta.high < wide.high


# Days.


@pytest.mark.parametrize(("days", "verdict"), [(19, UNDETERMINED), (20, PROTECTIVE)])
def test_under_twenty_active_days_there_is_no_verdict(days: int, verdict: str) -> None:
    finding = judge(daily(wobble(-5.0, days, by=0.01)), daily(wobble(5.0, days, by=0.01)))
    assert finding.verdict == verdict
    assert finding.days_more == DAYS_MIN - days
    if days < DAYS_MIN:
        assert finding.reason == "19 of the 20 active days it takes"


def test_days_without_entry_and_effect_are_not_active() -> None:
    blocked = daily(wobble(-5.0, 19))
    blocked.update({day(100 + i): (0, 0.0) for i in range(50)})
    finding = judge(blocked, daily(wobble(5.0, 200)))
    assert (finding.verdict, finding.days) == (UNDETERMINED, 19)


def test_a_day_that_only_marks_open_episodes_is_active() -> None:
    blocked = {day(i): ((1, -1.0) if i % 2 else (0, -0.9)) for i in range(20)}
    finding = judge(blocked, daily(wobble(1.0, 20)))
    assert (finding.days, finding.episodes) == (20, 10)
    assert finding.theta is not None
    assert finding.theta.mean == pytest.approx(-1.9)


def test_twins_of_other_days_are_no_comparison() -> None:
    blocked = daily(wobble(-1.0, 25))
    twins: dict[str, tuple[int, float]] = {day(100 + i): (1, 9.0) for i in range(25)}
    finding = judge(blocked, twins)
    assert (finding.verdict, finding.delta) == (UNDETERMINED, None)
    assert "compare" in finding.reason
    with_some = judge(blocked, {**twins, **daily(wobble(0.5, 25))})
    assert with_some.delta is not None
    assert with_some.delta.mean == pytest.approx(-1.5)


def test_without_any_outcome_there_is_nothing_to_say() -> None:
    for blocked in ({}, {day(0): (0, 0.0)}):
        finding = judge(blocked, daily([1.0]))
        assert (finding.verdict, finding.theta, finding.delta) == (UNDETERMINED, None, None)
        assert (finding.episodes, finding.days, finding.days_more) == (0, 0, None)


def test_one_day_has_no_interval() -> None:
    finding = judge(daily([-1.0]), daily([1.0]))
    assert finding.verdict == UNDETERMINED
    assert finding.theta is not None
    assert not isfinite(finding.theta.low)
    assert finding.days_more is None


# The simulator's bias.


def test_no_verdict_while_the_simulators_bias_may_be_large() -> None:
    blocked, twins = daily(wobble(-1.0, 30)), daily(wobble(1.0, 30))
    assert judge(blocked, twins, bias_within=True).verdict == PROTECTIVE
    finding = judge(blocked, twins, bias_within=False)
    assert finding.verdict == UNDETERMINED
    assert "bias" in finding.reason


# How many more days.


def noisy(mean: float, days: int, spread: float) -> dict[str, tuple[int, float]]:
    return daily([mean + spread * (1 if i % 2 else -1) for i in range(days)])


def test_days_more_is_what_it_takes_at_this_effect() -> None:
    """The half-width shrinks with the root of the days: four times the days for half of it."""
    still = daily([0.0] * 30)
    finding = judge(noisy(-0.1, 30, 0.5), still)
    assert finding.theta is not None
    half = finding.theta.high - finding.theta.mean
    assert finding.days_more == int(30 * (half / 0.1) ** 2) + 1 - 30
    again = judge(noisy(-0.1, 30 + finding.days_more, 0.5), daily([0.0] * 400))
    assert again.verdict == PROTECTIVE


def test_the_slower_interval_says_how_long() -> None:
    blocked = daily(wobble(-1.0, 30, by=0.1))
    quick = judge(blocked, daily(wobble(-0.9, 30, by=0.0)))
    slow = judge(blocked, noisy(-0.9, 30, 2.0))
    assert quick.verdict == PROTECTIVE
    assert quick.days_more == 0
    assert slow.verdict == UNDETERMINED
    assert slow.days_more is not None
    assert slow.days_more > 300


def test_no_number_of_days_decides_between_effects_that_disagree() -> None:
    assert judge(daily(wobble(-0.5, 30)), daily(wobble(-1.0, 30))).days_more is None
    assert judge(daily(wobble(0.0, 30)), daily(wobble(1.0, 30))).days_more is None


EFFECTS = st.lists(
    st.tuples(st.integers(0, 5), st.floats(-3.0, 3.0), st.integers(0, 5), st.floats(-3.0, 3.0)),
    min_size=1,
    max_size=40,
)


def mirrored(days: Daily) -> Daily:
    return {name: (n, -effect) for name, (n, effect) in days.items()}


@given(EFFECTS)
def test_turning_every_effect_over_turns_the_verdict_over(
    drawn: list[tuple[int, float, int, float]],
) -> None:
    blocked = {day(i): (n, d) for i, (n, d, _, _) in enumerate(drawn)}
    twins = {day(i): (m, b) for i, (_, _, m, b) in enumerate(drawn)}
    one, other = judge(blocked, twins), judge(mirrored(blocked), mirrored(twins))
    turned = {PROTECTIVE: RESTRICTIVE, RESTRICTIVE: PROTECTIVE, UNDETERMINED: UNDETERMINED}
    assert other.verdict == turned[one.verdict]
    assert (one.days, one.episodes, one.days_more) == (other.days, other.episodes, other.days_more)


@given(EFFECTS)
def test_a_verdict_is_what_its_intervals_say(drawn: list[tuple[int, float, int, float]]) -> None:
    blocked = {day(i): (n, d) for i, (n, d, _, _) in enumerate(drawn)}
    twins = {day(i): (m, b) for i, (_, _, m, b) in enumerate(drawn)}
    found: Finding = judge(blocked, twins)
    if found.days < DAYS_MIN or found.theta is None or found.delta is None:
        assert found.verdict == UNDETERMINED
    elif found.theta.high < 0 and found.delta.high < 0:
        assert found.verdict == PROTECTIVE
    elif found.theta.low > 0 and found.delta.low > 0:
        assert found.verdict == RESTRICTIVE
    else:
        assert found.verdict == UNDETERMINED
    if found.verdict != UNDETERMINED:
        assert found.days_more == 0
    elif found.days_more is not None:
        assert found.days_more >= max(0, DAYS_MIN - found.days)


# Simulated desks: days share a market, trades of a day move together.


def simulate(
    seed: int, *, effect: float = 0.0, observed: bool = False, desk: float = -0.15
) -> Finding:
    """Return the finding on a filter that picks a fifth of the trades at random.

    What it picks earns `effect` R more than the rest. Observed, its picks are among the twins;
    enforced, they are not.
    """
    rng = np.random.default_rng(seed)
    blocked: dict[str, tuple[int, float]] = {}
    twins: dict[str, tuple[int, float]] = {}
    for i in range(int(rng.integers(25, 91))):
        trades = int(rng.poisson(12.0 * rng.lognormal(0.0, 0.5)))
        results = desk + rng.normal(0.0, 0.6) + rng.standard_t(4, trades) * 0.8
        picked = rng.random(trades) < 0.2
        results[picked] += effect
        others = results if observed else results[~picked]
        blocked[day(i)] = (int(picked.sum()), float(results[picked].sum()))
        twins[day(i)] = (len(others), float(others.sum()))
    return judge(blocked, twins)


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("desk", [-0.15, 0.0, 0.15])
def test_a_random_filter_reads_undetermined(observed: bool, desk: float) -> None:
    """However the desk does: a losing desk must not make chance look protective."""
    found = [simulate(seed, observed=observed, desk=desk).verdict for seed in range(400)]
    assert found.count(UNDETERMINED) >= 0.93 * 400


@pytest.mark.parametrize(("effect", "verdict"), [(-0.6, PROTECTIVE), (0.9, RESTRICTIVE)])
def test_a_strong_effect_is_mostly_found_and_never_turned_over(effect: float, verdict: str) -> None:
    found = [simulate(seed, effect=effect).verdict for seed in range(200)]
    assert found.count(verdict) >= 0.85 * 200
    assert set(found) <= {verdict, UNDETERMINED}
