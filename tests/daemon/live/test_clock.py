from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.live import clock as module
from daemon.live.clock import Clock, Reading, steady_ns

S = 10**9
WALL = 1_800_000_000 * S
DAY = 86_400 * S


class Machine:
    """A machine whose wall clock can be set and whose uptime cannot; the venue knows the time."""

    def __init__(self) -> None:
        self.wall = WALL
        self.steady = 5_000 * S
        self.venue = WALL

    def passes(self, ns: int) -> None:
        self.wall += ns
        self.steady += ns
        self.venue += ns

    def pauses(self, ns: int) -> None:
        """Stand still, as a virtual machine does whose uptime does not count it."""
        self.wall += ns
        self.venue += ns

    def reading(self) -> Reading:
        return Reading(self.venue // 10**6, self.steady - S // 10, self.steady + S // 10)

    def offset(self, clock: Clock) -> int:
        """Return by how much stamps are ahead of the venue's clock."""
        return clock.now_ns() - self.venue

    def on(self, patch: pytest.MonkeyPatch) -> Machine:
        patch.setattr(time, "time_ns", lambda: self.wall)
        patch.setattr(module, "steady_ns", lambda: self.steady)
        return self


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine().on(monkeypatch)


def test_uptime_goes_on() -> None:
    first = steady_ns()
    assert steady_ns() >= first > 0


def test_stamps_begin_at_the_wall_clock_and_advance_with_time(machine: Machine) -> None:
    clock = Clock()
    assert clock.now_ns() == WALL
    machine.passes(7)
    assert clock.now_ns() == WALL + 7


@pytest.mark.parametrize("step", [3600 * S, -3600 * S, DAY, -2 * 365 * DAY])
def test_a_clock_that_is_set_moves_no_stamp_and_is_told_of_once(
    machine: Machine, step: int
) -> None:
    clock = Clock(reading=machine.reading())
    machine.wall += step
    said = clock.check(machine.offset(clock))
    way = "ahead of" if step > 0 else "behind"
    assert said == (
        f"this machine's clock is {abs(step) / S:.1f} s {way} the venue's; time goes on without it"
    )
    for _ in range(20):
        machine.passes(10 * S)
        assert clock.check(machine.offset(clock)) == ""
    assert clock.now_ns() == WALL + 200 * S
    machine.wall -= 5 * S
    assert clock.check(machine.offset(clock)), "another step is news again"
    machine.wall = machine.venue
    assert "agrees with the venue's again" in clock.check(machine.offset(clock))


def test_without_the_venues_word_the_wall_clock_moves_no_stamp_either(machine: Machine) -> None:
    clock = Clock()
    machine.wall += 3600 * S
    assert "ahead of our stamps" in clock.check(None)
    assert clock.now_ns() == WALL


def test_after_a_pause_that_wall_clock_and_venue_know_of_stamps_follow(machine: Machine) -> None:
    clock = Clock(reading=machine.reading())
    machine.pauses(3600 * S)
    assert clock.now_ns() == WALL
    assert "stood still here for 3600.0 s" in clock.check(machine.offset(clock))
    assert clock.now_ns() == WALL + 3600 * S
    assert clock.check(machine.offset(clock)) == ""


def test_a_venue_that_is_alone_with_its_time_moves_no_stamp(machine: Machine) -> None:
    clock = Clock(reading=machine.reading())
    machine.venue += 90 * S
    assert clock.check(machine.offset(clock)) == "", "that stamps are off is the engine's to tell"
    assert clock.now_ns() == WALL


def test_small_differences_are_nobody_s_business(machine: Machine) -> None:
    clock = Clock()
    for step in (S // 2, -S, S // 3):
        machine.wall += step
        assert clock.check(S // 5) == ""


@pytest.mark.parametrize("wrong", [5 * S, -5 * S, DAY, 2 * 365 * DAY])
def test_a_clock_far_from_the_venues_does_not_begin_the_stamps(
    machine: Machine, wrong: int
) -> None:
    machine.wall += wrong
    clock = Clock(reading=machine.reading())
    assert clock.now_ns() == WALL
    assert f"{abs(wrong) / S:.1f} s" in clock.check(0)


def test_a_clock_near_the_venues_begins_them(machine: Machine) -> None:
    machine.wall += S
    assert Clock(reading=machine.reading()).now_ns() == WALL + S


@pytest.mark.parametrize("ahead", [DAY, 2 * 365 * DAY])
def test_an_earlier_run_from_a_future_the_venue_does_not_know_holds_nothing(
    machine: Machine, ahead: int
) -> None:
    """It blocked a day, and two years stopped every start."""
    assert Clock(WALL + ahead, machine.reading()).now_ns() == WALL


def test_an_earlier_run_a_moment_ahead_is_gone_on_from(machine: Machine) -> None:
    assert Clock(WALL + S, machine.reading()).now_ns() == WALL + S


def test_without_the_venues_word_stamps_go_on_from_an_earlier_run(machine: Machine) -> None:
    """Else time would stand still until the wall clock had caught up: no fill, no bar, no exit."""
    clock = Clock(WALL + 3600 * S)
    first = clock.now_ns()
    assert first >= WALL + 3600 * S
    machine.passes(5 * S)
    assert clock.now_ns() == first + 5 * S
    assert "behind" in clock.check(None)


def test_an_earlier_run_that_was_behind_holds_nothing_back(machine: Machine) -> None:
    assert Clock(WALL - 3600 * S).now_ns() == WALL


def test_a_reading_is_told_in_stamps(machine: Machine) -> None:
    reading = machine.reading()
    machine.passes(7 * S)
    clock = Clock(reading=reading)
    event = clock.event_of(reading)
    assert (event.venue_ms, event.asked_ns, event.read_ns) == (
        WALL // 10**6,
        WALL - S // 10,
        WALL + S // 10,
    )


def test_even_an_uptime_that_runs_backwards_takes_no_stamp_back(machine: Machine) -> None:
    """None should; virtual machines have been seen to."""
    clock = Clock()
    machine.passes(10 * S)
    last = clock.now_ns()
    machine.steady -= 5 * S
    assert clock.now_ns() == last
    machine.steady += 6 * S
    assert clock.now_ns() == last + S


STEPS: st.SearchStrategy[list[tuple[str, int]]] = st.lists(
    st.tuples(st.sampled_from(("passes", "wall", "check")), st.integers(-(10**13), 10**13)),
    max_size=40,
)


@given(steps=STEPS, not_before=st.integers(0, 2 * WALL))
def test_stamps_never_run_backwards_whatever_happens_to_the_wall_clock(
    steps: list[tuple[str, int]], not_before: int
) -> None:
    with pytest.MonkeyPatch.context() as m:
        made = Machine().on(m)
        clock = Clock(not_before)
        last = clock.now_ns()
        assert last >= not_before
        acts: dict[str, Callable[[int], object]] = {
            "passes": lambda ns: made.passes(abs(ns)),
            "wall": lambda ns: setattr(made, "wall", made.wall + ns),
            "check": lambda ns: clock.check(None),
        }
        for what, ns in steps:
            acts[what](ns)
            now = clock.now_ns()
            assert now >= last
            if what == "passes":
                assert now == last + abs(ns), "and never stand still"
            last = now
