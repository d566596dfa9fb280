from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.events import LensReading, LensUpdate
from market.lenses import SLOT_MS, SLOTS, History, Lenses
from tests.support.market import MINUTE_MS, START_MS


def raw(minute: int, kind: str = "raw", **values: float | None) -> LensUpdate:
    """Return values of a minute after the start."""
    readings = [LensReading(name, value, n=512) for name, value in values.items()]
    return LensUpdate("BTC", START_MS + minute * MINUTE_MS, kind, "bar", readings)  # type: ignore[arg-type]


def ranks(
    minute: int, score: float | None = 0.5, cause: str = "bar", reason: str = "", **pairs: float
) -> LensUpdate:
    """Return ranks of a minute; each lens's value is ten times its rank."""
    readings = [
        LensReading(name, 10.0 * rank, rank, 512, f'{{"minute":{minute}}}')
        for name, rank in pairs.items()
    ]
    bar_ms = START_MS + minute * MINUTE_MS
    return LensUpdate("BTC", bar_ms, "rank", cause, readings, score, reason)  # type: ignore[arg-type]


def taken(*updates: LensUpdate) -> Lenses:
    lenses = Lenses()
    for update in updates:
        lenses.take(update)
    return lenses


def test_at_first_nothing_is_known_and_why_is_said() -> None:
    lenses = Lenses()
    assert lenses.value("rqa") is None and lenses.score is None
    assert "no lens" in lenses.reason


def test_newer_values_replace_older_ones_and_never_the_other_way() -> None:
    lenses = taken(raw(2, rqa=2.0), raw(1, rqa=1.0))
    assert (lenses.value("rqa"), lenses.bar_ms) == (2.0, START_MS + 2 * MINUTE_MS)
    lenses.take(raw(3, rqa=None))
    assert lenses.value("rqa") is None
    assert lenses.values_age_ms(START_MS + 5 * MINUTE_MS) == MINUTE_MS


def test_a_model_of_an_older_minute_does_not_replace_a_newer_opinion() -> None:
    lenses = taken(raw(1, hmm=0.1), raw(2, hmm=0.2), raw(1, kind="hmm", hmm=0.9))
    assert lenses.value("hmm") == 0.2
    lenses.take(raw(2, kind="hmm", hmm=0.7))
    assert lenses.value("hmm") == 0.7


def test_the_pace_has_no_minute() -> None:
    lenses = taken(raw(9, rqa=0.1), raw(3, kind="arrivals", hawkes=0.6))
    assert (lenses.value("hawkes"), lenses.bar_ms) == (0.6, START_MS + 9 * MINUTE_MS)


def test_only_raw_values_make_values_young() -> None:
    lenses = taken(raw(1, rqa=0.1), raw(5, kind="hmm", hmm=0.2), ranks(6, rqa=0.5))
    assert lenses.bar_ms == START_MS + MINUTE_MS


def test_ranks_stay_until_they_are_renewed() -> None:
    lenses = taken(ranks(1, rqa=0.9, koopman=0.2), raw(2, rqa=0.3, koopman=0.4))
    assert lenses.value("rqa") == 0.3
    assert lenses.readings["rqa"].null_rank == 0.9
    assert lenses.readings["rqa"].params == '{"minute":1}'
    assert lenses.ranks_age_ms(START_MS + 4 * MINUTE_MS) == 2 * MINUTE_MS
    lenses.take(ranks(3, rqa=0.1, koopman=0.3))
    assert (lenses.value("rqa"), lenses.readings["rqa"].null_rank) == (1.0, 0.1)


def test_ranks_that_come_after_newer_values_leave_the_values_alone() -> None:
    lenses = taken(raw(5, rqa=0.3), ranks(4, rqa=0.9))
    assert lenses.value("rqa") == 0.3
    assert lenses.readings["rqa"].null_rank == 0.9
    assert lenses.readings["rqa"].params == '{"minute":4}'
    assert lenses.rank_bar_ms == START_MS + 4 * MINUTE_MS


def test_older_ranks_are_passed_over() -> None:
    lenses = taken(ranks(5, 0.7, rqa=0.9), ranks(4, 0.2, rqa=0.1))
    assert (lenses.score, lenses.readings["rqa"].null_rank) == (0.7, 0.9)
    assert lenses.scores.values == [0.7]


def test_an_abstaining_score_replaces_the_last_one_and_says_why() -> None:
    lenses = taken(ranks(1, 0.7), ranks(2, None, reason="too few sound lenses"))
    assert (lenses.score, lenses.reason) == (None, "too few sound lenses")
    assert lenses.scores.values == [0.7]
    lenses.take(ranks(3, 0.6))
    assert (lenses.score, lenses.reason) == (0.6, "")


def test_histories_have_one_figure_a_slot_the_first() -> None:
    lenses = Lenses()
    for minute in range(46):
        lenses.take(ranks(minute, minute / 100))
        lenses.take(raw(minute, volatility=float(minute)))
    assert lenses.scores.values == [0.0, 0.15, 0.3, 0.45]
    assert lenses.volatilities.values == [0.0, 15.0, 30.0, 45.0]


def test_a_slot_whose_first_figure_is_missing_takes_the_next() -> None:
    lenses = taken(raw(0, volatility=None), raw(7, volatility=0.7), raw(8, volatility=0.8))
    assert lenses.volatilities.values == [0.7]


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(-5.0, 5.0)), max_size=400))
def test_a_history_never_forgets_order_and_never_grows(
    figures: list[tuple[int, float]],
) -> None:
    history, slots = History(), list[int]()
    for slot, value in figures:
        before = len(history.values)
        history.add((slot + 1) * SLOT_MS + slot, value)
        if not slots or slot > slots[-1]:
            slots.append(slot)
            assert history.values[-1] == value
        else:
            assert len(history.values) == before
    assert len(history.values) == min(len(slots), SLOTS)


def test_a_history_reaches_back_two_days() -> None:
    history = History()
    for slot in range(1, 3 * SLOTS):
        history.add(slot * SLOT_MS, float(slot))
    assert history.values == [float(slot) for slot in range(2 * SLOTS, 3 * SLOTS)]


def test_the_first_ranks_of_a_slot_are_for_the_record_and_those_of_a_burst() -> None:
    lenses = Lenses()
    assert not lenses.due_for_record(raw(0, rqa=1.0))
    assert lenses.due_for_record(ranks(0))
    assert not lenses.due_for_record(ranks(14))
    assert lenses.due_for_record(ranks(14, cause="burst"))
    assert lenses.due_for_record(ranks(15))
    # A late answer to a burst is kept, but does not open its slot again.
    assert lenses.due_for_record(ranks(14, cause="burst"))
    assert not lenses.due_for_record(ranks(16))


@pytest.mark.parametrize("when", ["fresh", "full"])
def test_all_of_it_comes_back_from_its_written_form(when: str) -> None:
    lenses = Lenses()
    if when == "full":
        lenses = taken(raw(1, rqa=0.1, volatility=1 / 3), ranks(1, 2 / 3, rqa=0.25))
        lenses.due_for_record(ranks(1))
    assert msgspec.json.decode(msgspec.json.encode(lenses), type=Lenses) == lenses
