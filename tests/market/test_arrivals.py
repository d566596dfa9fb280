from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from market.arrivals import (
    IMPACT_SCALE_MAX,
    KEEP_EVENTS,
    KEEP_MS,
    TOPS,
    TOPS_MIN,
    Arrivals,
    BurstRule,
)
from market.events import ArrivalTerms, Print
from quant.hawkes import Hawkes, intensity, simulate
from tests.support.market import START_MS

TERMS = ArrivalTerms(0.5, 0.6, 1.2)
RULE = BurstRule(least=3.0)
# Milliseconds between two prints, and how far the clock is ahead of the second one.
WAITS = st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 1_500)), max_size=40)


def trade(time_ms: int, side: int = 1) -> Print:
    return Print(time_ms, 100.0, 1.0, side)


def at(*times_ms: int, side: int = 1) -> list[Print]:
    return [trade(START_MS + ms, side) for ms in times_ms]


def batch(arrivals: Arrivals, terms: ArrivalTerms, at_ms: int) -> float:
    """Return the intensity just after a moment by the batch form."""
    times = [(ms - START_MS) / 1e3 for ms in arrivals.times_ms]
    until = (at_ms - START_MS) / 1e3
    later = intensity(Hawkes(terms.mu, terms.alpha, terms.beta), times, until)
    return later + terms.alpha * sum(t == until for t in times)


def lived(waits: list[tuple[int, int]], terms: ArrivalTerms | None) -> Arrivals:
    """Return arrivals after prints, between which the clock ticks ahead of their venue times."""
    arrivals, now_ms = Arrivals(terms), START_MS
    for wait_ms, ahead_ms in waits:
        now_ms += wait_ms
        arrivals.on_second(now_ms + ahead_ms)
        arrivals.on_prints([trade(now_ms)])
    return arrivals


# λ.


@given(WAITS)
@example([(0, 0), (1_000, 900), (100, 1_500), (0, 0), (3_000, 0)])
def test_step_by_step_it_is_the_intensity_of_the_whole_series(
    waits: list[tuple[int, int]],
) -> None:
    arrivals = lived(waits, TERMS)
    expected = batch(arrivals, TERMS, arrivals.at_ms)
    assert arrivals.intensity() == pytest.approx(expected, rel=1e-9)


@given(WAITS, WAITS)
def test_terms_learned_late_count_as_if_always_known(
    before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    known = lived(before + after, TERMS)
    learned = lived(before, None)
    learned.adopt(TERMS, START_MS)
    now_ms = START_MS + sum(wait for wait, _ in before)
    for wait_ms, ahead_ms in after:
        now_ms += wait_ms
        learned.on_second(now_ms + ahead_ms)
        learned.on_prints([trade(now_ms)])
    for one in (known, learned):
        one.on_second(START_MS + 400_000)
    assert learned.excitation == pytest.approx(known.excitation, rel=1e-9, abs=1e-12)
    assert learned.surge == pytest.approx(known.surge, rel=1e-9)
    assert learned.times_ms == known.times_ms


def test_other_terms_take_over_in_the_midst() -> None:
    others = ArrivalTerms(0.1, 0.2, 2.0)
    arrivals = lived([(300, 200)] * 30, TERMS)
    at_ms = arrivals.at_ms
    arrivals.adopt(others, START_MS)
    assert arrivals.at_ms == at_ms
    assert arrivals.fit_age_ms(START_MS + 90_000) == 30_000
    assert arrivals.intensity() == pytest.approx(batch(arrivals, others, at_ms))


def test_before_a_fit_there_is_no_pace() -> None:
    arrivals = lived([(300, 0)] * 5, None)
    arrivals.on_minute(START_MS + 60_000, RULE)
    assert (arrivals.intensity(), arrivals.surge, arrivals.tops) == (0.0, 0.0, [])
    assert not arrivals.turned(RULE) and arrivals.impact_scale() == 1.0


def test_without_any_arrival_only_strangers_are_expected() -> None:
    arrivals = Arrivals()
    arrivals.adopt(TERMS, START_MS)
    arrivals.on_second(START_MS)
    assert arrivals.intensity() == TERMS.mu
    assert 0.0 < arrivals.surge < 1.0


# What counts as one arrival.


@pytest.mark.parametrize("sides", [(1,), (1, 1, 1), (1, -1), (1, -1, 1, -1, -1), (-1, -1)])
def test_prints_of_one_time_count_once(sides: tuple[int, ...]) -> None:
    prints = [trade(START_MS, side) for side in sides]
    together, apart = Arrivals(TERMS), Arrivals(TERMS)
    together.on_prints(prints)
    for one in prints:
        apart.on_prints([one])
    assert together.times_ms == apart.times_ms == [START_MS]
    assert together.excitation == apart.excitation == 1.0


def test_a_millisecond_later_is_another_arrival() -> None:
    arrivals = Arrivals()
    arrivals.on_prints(at(0, 1, 1, 2))
    assert arrivals.times_ms == [START_MS, START_MS + 1, START_MS + 2]


def test_what_is_older_than_the_newest_is_passed_over() -> None:
    arrivals = Arrivals()
    arrivals.on_prints(at(0, 500, 499, 500))
    assert arrivals.times_ms == [START_MS, START_MS + 500]


def test_a_replayed_stretch_is_no_burst() -> None:
    # What a venue sends to a new subscriber is minutes old: its excitation has faded.
    arrivals = Arrivals(TERMS)
    arrivals.on_second(START_MS + 120_000)
    arrivals.on_prints(at(*range(0, 30_000, 100)))
    assert arrivals.excitation < 1e-20 and arrivals.surge < 1.0


def test_a_replayed_stretch_is_no_burst_though_no_second_passed_since() -> None:
    arrivals = Arrivals(TERMS)
    arrivals.on_prints(at(*range(0, 30_000, 100)), START_MS + 120_000)
    assert arrivals.excitation < 1e-20 and arrivals.surge < 1.0
    assert arrivals.top == arrivals.surge


def test_old_times_go() -> None:
    arrivals = Arrivals()
    arrivals.on_prints(at(*range(2 * KEEP_EVENTS)))
    assert KEEP_EVENTS <= len(arrivals.times_ms) <= KEEP_EVENTS * 9 // 8
    assert arrivals.times_ms[-1] == START_MS + 2 * KEEP_EVENTS - 1
    now_ms = START_MS + 3 * KEEP_MS
    arrivals.on_prints([trade(now_ms - KEEP_MS // 2)])
    arrivals.on_minute(now_ms, RULE)
    assert arrivals.times_ms == [now_ms - KEEP_MS // 2]


# The surge.


def test_the_surge_of_a_long_run_averages_one() -> None:
    model = Hawkes(0.4, 0.6, 1.2)
    times = simulate(model, 40_000.0, np.random.default_rng(5))
    arrivals = Arrivals(ArrivalTerms(*model))
    seen, place = [], 0
    milliseconds = [START_MS + round(t * 1e3) for t in times.tolist()]
    for second in range(40_000):
        now_ms = START_MS + second * 1_000
        until = place
        while until < len(milliseconds) and milliseconds[until] < now_ms:
            until += 1
        arrivals.on_prints([trade(ms) for ms in milliseconds[place:until]])
        place = until
        arrivals.on_second(now_ms)
        seen.append(arrivals.surge)
    assert sum(seen) / len(seen) == pytest.approx(1.0, abs=0.03)
    assert max(seen) > 1.8


def test_the_surge_is_the_expected_count_over_the_usual_one() -> None:
    # With E λ(t) = usual + (λ − usual)·e^{−(β−α)t}, summed numerically over ten seconds.
    arrivals = Arrivals(TERMS)
    arrivals.on_prints(at(*range(0, 2_000, 50)))
    usual, relaxing = TERMS.mu / (1.0 - TERMS.alpha / TERMS.beta), TERMS.beta - TERMS.alpha
    steps = (np.arange(100_000) + 0.5) / 10_000
    path = usual + (arrivals.intensity() - usual) * np.exp(-relaxing * steps)
    assert arrivals.surge == pytest.approx(float(path.mean()) / usual, rel=1e-6)


# Bursts.


def watched(tops: list[float], rule: BurstRule = RULE) -> Arrivals:
    """Return arrivals whose minutes had these highest surges."""
    arrivals = Arrivals(TERMS, at_ms=START_MS)
    for number, top in enumerate(tops):
        arrivals.top = top
        arrivals.on_minute(START_MS + number * 60_000, rule)
    return arrivals


def surges(arrivals: Arrivals, figures: list[float], rule: BurstRule = RULE) -> list[bool]:
    """Return what `turned` says at each figure."""
    said = []
    for figure in figures:
        arrivals.surge = figure
        said.append(arrivals.turned(rule))
    return said


def test_a_burst_can_be_told_only_after_half_an_hour() -> None:
    arrivals = watched([1.0] * (TOPS_MIN - 1))
    assert arrivals.threshold == 0.0 and surges(arrivals, [99.0]) == [False]
    arrivals.on_minute(START_MS, RULE)
    assert arrivals.threshold == RULE.least


def test_a_burst_begins_at_the_threshold_and_ends_below_half_of_it() -> None:
    arrivals = watched([1.0] * TOPS_MIN)
    assert surges(arrivals, [2.99, 3.0, 9.0, 1.51, 2.9, 1.5]) == [False, True] + [False] * 4
    assert arrivals.burst
    assert surges(arrivals, [1.49, 1.49, 2.99]) == [True, False, False]
    assert not arrivals.burst


def test_the_threshold_is_a_percentile_of_the_minutes_tops() -> None:
    tops = [float(i) for i in range(100)]
    rule = BurstRule(percentile=0.9, least=1.5)
    assert watched(tops, rule).threshold == 90.0
    assert watched(tops[::-1], rule).threshold == 90.0
    assert watched([1.0] * 1_000 + tops, rule).threshold == sorted([1.0] * 140 + tops)[216]
    assert len(watched([1.0] * 1_000).tops) == TOPS


@given(st.lists(st.floats(0.0, 50.0), min_size=TOPS_MIN, max_size=80), st.integers(1, 60))
def test_the_threshold_knows_nothing_of_later_minutes(tops: list[float], later: int) -> None:
    at_the_time = watched(tops).threshold
    arrivals, seen = Arrivals(TERMS, at_ms=START_MS), 0.0
    for number, top in enumerate([*tops, *[49.0] * later]):
        arrivals.top = top
        arrivals.on_minute(START_MS, RULE)
        if number == len(tops) - 1:
            seen = arrivals.threshold
    assert seen == at_the_time


def test_a_minute_is_remembered_by_its_highest_surge_not_its_last() -> None:
    arrivals = Arrivals(TERMS)
    arrivals.on_prints(at(*range(0, 2_000, 20)))
    top = arrivals.surge
    arrivals.on_second(START_MS + 30_000)
    assert arrivals.surge < top
    arrivals.on_minute(START_MS + 60_000, RULE)
    assert arrivals.tops == [top] and arrivals.top == arrivals.surge


def test_an_outage_ends_a_burst_and_forgets_the_times_but_not_what_is_usual() -> None:
    arrivals = watched([2.0] * TOPS_MIN)
    arrivals.on_prints(at(*range(2_000_000, 2_003_000, 20)))
    assert arrivals.turned(RULE) and arrivals.burst
    arrivals.interrupt()
    assert (arrivals.times_ms, arrivals.excitation, arrivals.surge) == ([], 0.0, 0.0)
    assert not arrivals.burst and arrivals.impact_scale() == 1.0
    assert arrivals.threshold == RULE.least and arrivals.terms == TERMS
    arrivals.on_prints(at(2_100_000))
    assert arrivals.intensity() == pytest.approx(TERMS.mu + TERMS.alpha)


# Impact.


@given(st.floats(0.0, 1e6), st.booleans())
def test_impact_grows_by_the_root_of_the_surge_within_bounds(surge: float, burst: bool) -> None:
    scale = Arrivals(TERMS, surge=surge, burst=burst).impact_scale()
    assert 1.0 <= scale <= IMPACT_SCALE_MAX
    if not burst:
        assert scale == 1.0
    elif 1.0 < surge < 9.0:
        assert scale == pytest.approx(sqrt(surge))
