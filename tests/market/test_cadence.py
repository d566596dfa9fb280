from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.cadence import Cadence
from market.events import NS_PER_S

SLOW_NS, FAST_NS = 5_400_000_000, 540_000_000


def hear(cadence: Cadence, gaps: list[int], start_ns: int = NS_PER_S) -> int:
    now = cadence.last_ns or start_ns
    if not cadence.count:
        now += 1
        cadence.observe(now)
    for gap in gaps:
        now += gap
        cadence.observe(now)
    return now


def test_nothing_is_known_before_the_second_event() -> None:
    cadence = Cadence()
    hear(cadence, [])
    assert (cadence.count, cadence.peak_ns) == (1, 0.0)


def test_a_periodic_stream_is_learned_from_its_first_gap() -> None:
    cadence = Cadence()
    hear(cadence, [FAST_NS] * 5)
    assert cadence.peak_ns == FAST_NS


def test_a_longer_silence_is_taken_up_at_once_and_fades_slowly() -> None:
    cadence = Cadence()
    hear(cadence, [FAST_NS] * 10 + [SLOW_NS])
    assert cadence.peak_ns == SLOW_NS
    hear(cadence, [FAST_NS] * 5)
    assert cadence.peak_ns > 0.9 * SLOW_NS


@pytest.mark.parametrize(("before", "after"), [(SLOW_NS, FAST_NS), (FAST_NS, SLOW_NS)])
def test_a_change_of_cadence_is_followed(before: int, after: int) -> None:
    cadence = Cadence()
    hear(cadence, [before] * 300)
    hear(cadence, [after] * 600)
    assert cadence.peak_ns == pytest.approx(after, rel=0.01)


@given(st.lists(st.integers(1, 10 * NS_PER_S), min_size=1, max_size=200))
def test_the_estimate_lies_within_the_gaps_heard(gaps: list[int]) -> None:
    cadence = Cadence()
    hear(cadence, gaps)
    assert min(gaps) * (1 - 1e-12) <= cadence.peak_ns <= max(gaps)
    assert cadence.peak_ns >= gaps[-1] * (1 - 1e-12)


def test_an_outage_is_not_learned() -> None:
    cadence = Cadence()
    now = hear(cadence, [FAST_NS] * 10)
    cadence.interrupt()
    assert cadence.count == 0, "what was learned must prove itself again"
    cadence.observe(now + 3_600 * NS_PER_S)
    cadence.observe(now + 3_600 * NS_PER_S + FAST_NS)
    assert cadence.peak_ns == FAST_NS


def test_age_is_the_time_since_the_last_event() -> None:
    cadence = Cadence()
    now = hear(cadence, [FAST_NS])
    assert cadence.age_ns(now + 7) == 7


@pytest.mark.parametrize("after", [FAST_NS // 5, 4 * FAST_NS, SLOW_NS])
def test_the_usual_gap_follows_a_new_cadence_and_no_single_silence(after: int) -> None:
    cadence = Cadence()
    hear(cadence, [FAST_NS] * 10 + [100 * SLOW_NS])
    assert cadence.usual_ns < 2 * FAST_NS
    hear(cadence, [after] * 16)
    assert cadence.usual_ns == pytest.approx(after, rel=0.1)
