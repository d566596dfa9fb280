from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.engine.branches.side import BRANCHES_MAX, Side, side_of, signal_of, trade_id_of
from daemon.engine.branches.variant import Variant
from market.desk import Desk


def side() -> Side:
    made = Side(3, Variant("nothing"), {}, lambda: None, lambda _: 0)
    made.view.desk = Desk.opened_with(1_000, 7)
    made.forked(5)
    return made


@given(number=st.integers(0, 2**56), index=st.integers(0, BRANCHES_MAX - 1))
def test_a_trade_s_id_tells_whose_it_is_and_which_signal_it_came_from(
    number: int, index: int
) -> None:
    trade_id = trade_id_of(number, index)
    assert (side_of(trade_id), signal_of(trade_id)) == (index, number)
    assert trade_id < trade_id_of(number + 1, 0)


@given(marks=st.lists(st.integers(-900, 900), min_size=1, max_size=30))
def test_the_largest_fall_of_a_day_is_from_the_highest_equity_before_it(marks: list[int]) -> None:
    made, path = side(), [1_000, *(1_000 + mark for mark in marks)]
    for mark in marks:
        made.revalue(mark)
    falls = [max(path[: at + 1]) - now for at, now in enumerate(path)]
    assert (made.tally.fall_e6, made.course.depth_e6) == (max(falls), max(falls))
    assert made.tally.peak_e6 == made.course.top_e6 == max(path)


def test_a_new_day_begins_at_the_equity_as_it_stands_and_the_course_goes_on() -> None:
    made = side()
    made.revalue(100)
    made.revalue(-100)
    made.begin(5)
    assert (made.tally.base_e6, made.tally.fall_e6, made.course.depth_e6) == (900, 0, 200)


def test_loss_limits_are_looked_at_only_where_they_may_have_been_broken() -> None:
    made = side()
    assert made.unsure
    made.looked()
    made.revalue(50)
    assert not made.unsure, "higher than ever"
    made.revalue(49)
    assert made.unsure
    made.looked()
    made.revalue(49)
    assert not made.unsure
    made.revalue(60)
    made.revalue(59)
    assert made.unsure, "a new peak makes the old floor worth nothing"
