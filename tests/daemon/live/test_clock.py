from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.live.clock import Clock

S = 10**9
WALL = 1_800_000_000 * S


class Machine:
    """A machine whose wall clock can be set and whose monotonic clock cannot."""

    def __init__(self) -> None:
        self.wall = WALL
        self.steady = 5_000 * S

    def passes(self, ns: int) -> None:
        self.wall += ns
        self.steady += ns


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(time, "time_ns", lambda: made.wall)
    monkeypatch.setattr(time, "monotonic_ns", lambda: made.steady)
    return made


def test_stamps_begin_at_the_wall_clock_and_advance_with_time(machine: Machine) -> None:
    clock = Clock()
    assert clock.now_ns() == WALL
    machine.passes(7)
    assert clock.now_ns() == WALL + 7


def test_a_clock_that_was_set_back_changes_no_stamp_and_is_told_of_once(machine: Machine) -> None:
    clock = Clock()
    machine.wall -= 3600 * S
    assert "set back" in clock.check()
    for _ in range(20):
        machine.passes(10 * S)
        assert clock.check() == ""
    assert clock.now_ns() == WALL + 200 * S
    machine.wall -= 5 * S
    assert "set back" in clock.check(), "a second step is news again"


def test_a_clock_that_comes_back_after_it_was_set_back_can_be_set_back_again(
    machine: Machine,
) -> None:
    clock = Clock()
    machine.wall -= 60 * S
    assert clock.check()
    machine.wall += 60 * S
    assert clock.check() == ""
    machine.wall -= 60 * S
    assert "set back" in clock.check()


def test_stamps_follow_a_wall_clock_that_jumps_ahead_at_once(machine: Machine) -> None:
    clock = Clock()
    machine.wall += 3600 * S
    assert clock.now_ns() == WALL, "not before it was looked at"
    assert "3600.0 s ahead" in clock.check()
    assert clock.now_ns() == WALL + 3600 * S
    assert clock.check() == ""


def test_small_differences_are_nobody_s_business(machine: Machine) -> None:
    clock = Clock()
    for step in (S // 2, -S, S // 3):
        machine.wall += step
        assert clock.check() == ""


def test_after_an_earlier_run_that_was_ahead_stamps_go_on_from_there(machine: Machine) -> None:
    """Else time would stand still until the wall clock had caught up: no fill, no bar, no exit."""
    clock = Clock(WALL + 3600 * S)
    first = clock.now_ns()
    assert first >= WALL + 3600 * S
    machine.passes(5 * S)
    assert clock.now_ns() == first + 5 * S
    assert "behind" in clock.check()


def test_an_earlier_run_that_was_behind_holds_nothing_back(machine: Machine) -> None:
    assert Clock(WALL - 3600 * S).now_ns() == WALL


STEPS: st.SearchStrategy[list[tuple[str, int]]] = st.lists(
    st.tuples(st.sampled_from(("passes", "wall", "check")), st.integers(-(10**13), 10**13)),
    max_size=40,
)


@given(steps=STEPS, not_before=st.integers(0, 2 * WALL))
def test_stamps_never_run_backwards_whatever_happens_to_the_wall_clock(
    steps: list[tuple[str, int]], not_before: int
) -> None:
    made = Machine()
    with pytest.MonkeyPatch.context() as m:
        m.setattr(time, "time_ns", lambda: made.wall)
        m.setattr(time, "monotonic_ns", lambda: made.steady)
        clock = Clock(not_before)
        last = clock.now_ns()
        assert last >= not_before
        acts: dict[str, Callable[[int], object]] = {
            "passes": lambda ns: made.passes(abs(ns)),
            "wall": lambda ns: setattr(made, "wall", made.wall + ns),
            "check": lambda ns: clock.check(),
        }
        for what, ns in steps:
            acts[what](ns)
            now = clock.now_ns()
            assert now >= last
            if what == "passes":
                assert now == last + abs(ns), "and never stand still"
            last = now
