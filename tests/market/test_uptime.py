from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from market.desk import Desk
from market.events import NS_PER_DAY, NS_PER_S
from market.uptime import Uptime

STEPS = st.lists(st.tuples(st.integers(0, 9 * NS_PER_S), st.booleans(), st.booleans()), max_size=9)


def desk(*, halted: bool = False, latched: str = "") -> Desk:
    found = Desk.opened_with(0, 0)
    found.latched = latched
    if halted:
        found.halts["operator"] = "told to"
    return found


def test_only_seconds_with_the_feed_up_and_no_halt_are_run() -> None:
    uptime = Uptime()
    for step, (is_up, halted) in enumerate([(True, False), (False, False), (True, True)] * 3):
        uptime.on_second(step * NS_PER_S, desk(halted=halted), feed_up=is_up)
    assert uptime.run_ns == 2 * NS_PER_S, "the first of all is not preceded by any"


def test_a_loss_from_the_peak_counts_apart_and_one_of_the_day_as_run() -> None:
    uptime = Uptime(last_ns=1)
    uptime.on_second(2 * NS_PER_S, desk(latched="loss from the peak 11% of 10%"), feed_up=True)
    uptime.on_second(3 * NS_PER_S, desk(latched="daily loss 4% of 3%"), feed_up=True)
    assert (uptime.latched_ns, uptime.run_ns) == (2 * NS_PER_S - 1, NS_PER_S)


def test_half_a_day_is_enough_and_latched_hours_help_the_limit_that_latches() -> None:
    half = NS_PER_DAY // 2
    assert Uptime(run_ns=half).was_run() and not Uptime(run_ns=half - 1).was_run()
    latched = Uptime(run_ns=half - 9, latched_ns=9)
    assert latched.was_run("drawdown") and not latched.was_run("cooldown")


@given(steps=STEPS)
def test_no_more_is_counted_than_has_passed(steps: list[tuple[int, bool, bool]]) -> None:
    uptime, now_ns = Uptime(last_ns=1), 1
    for step_ns, is_up, halted in steps:
        now_ns += step_ns
        uptime.on_second(now_ns, desk(halted=halted), feed_up=is_up)
    assert 0 <= uptime.run_ns + uptime.latched_ns <= now_ns - 1
