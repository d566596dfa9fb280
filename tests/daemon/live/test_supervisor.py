from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from daemon.live.supervisor import Budget, Supervisor
from market.errors import GnomonError, InvariantBroken, OperatorError, VenueUnreachable


class Child:
    """A child that fails as often as it is told and then stays up."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.starts = 0
        self.ended = False

    async def run(self) -> None:
        self.starts += 1
        if self.failures:
            raise self.failures.pop(0)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let pauses pass at once; returns how long they would have been."""
    found: list[float] = []
    real = asyncio.sleep

    async def sleep(delay: float) -> None:
        found.append(delay)
        await real(0)

    monkeypatch.setattr("daemon.live.supervisor.asyncio.sleep", sleep)
    return found


def supervised(
    *children: tuple[str, Callable[[], Awaitable[None]], Budget | None],
    then: Callable[[Supervisor], Any] | None = None,
) -> tuple[Supervisor, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    supervisor = Supervisor(on_restart=lambda name, why: told.append((name, why)))

    async def main() -> None:
        for name, run, budget in children:
            supervisor.add(name, run, budget)

        async def later() -> None:
            for _ in range(50):
                await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            supervisor.stop("enough")

        task = asyncio.create_task(then(supervisor) if then else later())
        try:
            await supervisor.run()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    return supervisor, told


def test_an_orderly_stop_ends_every_child_and_keeps_the_first_reason() -> None:
    a, b = Child(), Child()

    async def stop(supervisor: Supervisor) -> None:
        await asyncio.sleep(0.01)
        supervisor.stop("SIGTERM")
        supervisor.stop("SIGINT")

    supervisor, told = supervised(("a", a.run, None), ("b", b.run, Budget()), then=stop)
    assert supervisor.stopped_by == "SIGTERM"
    assert a.ended and b.ended and not told


def test_a_stop_before_the_start_stops_at_once() -> None:
    supervisor = Supervisor(on_restart=lambda *_: None)
    supervisor.stop("early")
    supervisor.add("a", Child().run)
    asyncio.run(asyncio.wait_for(supervisor.run(), 1))


def test_what_may_fail_is_started_again_after_a_growing_pause(pauses: list[float]) -> None:
    child = Child(*(OSError(str(i)) for i in range(4)))
    _, told = supervised(("a", child.run, Budget(failures=4, pause_max_s=5.0)))
    assert child.starts == 5 and child.ended
    assert pauses == [1.0, 2.0, 4.0, 5.0]
    assert told == [("a", f"OSError: {i}") for i in range(4)]


def test_a_child_that_fails_too_often_within_the_window_is_given_up(pauses: list[float]) -> None:
    child = Child(*(OSError("again") for _ in range(9)))
    with pytest.raises(InvariantBroken, match="a: OSError"):
        supervised(("a", child.run, Budget(failures=3)))
    assert child.starts == 4


def test_failures_outside_the_window_are_forgiven(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = Child(*(OSError("again") for _ in range(9)))
    supervised(("a", child.run, Budget(failures=0, window_s=-1.0)))
    assert child.starts == 10 and child.ended
    assert set(pauses) == {0.5}


def test_a_child_without_a_budget_ends_the_daemon_with_its_first_failure() -> None:
    child, other = Child(OSError("gone")), Child()
    with pytest.raises(InvariantBroken, match="gone"):
        supervised(("a", child.run, None), ("b", other.run, None))
    assert child.starts == 1 and other.ended


@pytest.mark.parametrize("error", [VenueUnreachable("away"), OperatorError("mend it")])
def test_a_named_failure_keeps_its_own_exit_code(error: GnomonError) -> None:
    with pytest.raises(type(error), match=str(error)):
        supervised(("a", Child(error).run, None))


def test_a_broken_invariant_is_never_retried(pauses: list[float]) -> None:
    child = Child(InvariantBroken("half done"))
    with pytest.raises(InvariantBroken, match="half done"):
        supervised(("a", child.run, Budget(failures=100)))
    assert child.starts == 1 and not pauses


def test_a_child_that_ends_by_itself_is_a_bug() -> None:
    async def ends() -> None:
        return None

    with pytest.raises(InvariantBroken, match="ended by itself"):
        supervised(("a", ends, Budget(failures=100)))


def test_a_fault_met_by_somebody_else_ends_the_daemon_as_well() -> None:
    """A connection's callback cannot raise into any child, and must not go unheard."""
    child = Child()

    async def fail(supervisor: Supervisor) -> None:
        await asyncio.sleep(0.01)
        supervisor.fail(InvariantBroken("in a callback"))
        supervisor.fail(InvariantBroken("a later one"))

    with pytest.raises(InvariantBroken, match="in a callback"):
        supervised(("a", child.run, None), then=fail)
    assert child.ended


def test_a_child_that_fails_when_it_is_stopped_does_not_hold_up_the_stop() -> None:
    async def clumsy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("cannot clean up")

    async def main() -> None:
        supervisor = Supervisor(on_restart=lambda *_: None)
        supervisor.add("a", clumsy, Budget())
        asyncio.get_running_loop().call_later(0.02, supervisor.stop, "SIGTERM")
        await asyncio.wait_for(supervisor.run(), 2)
        assert supervisor.stopped_by == "SIGTERM"

    asyncio.run(main())


def test_no_task_is_left_behind() -> None:
    async def main() -> None:
        supervisor = Supervisor(on_restart=lambda *_: None)
        supervisor.add("a", Child().run)
        supervisor.add("b", Child(OSError("x")).run)
        with pytest.raises(InvariantBroken):
            await supervisor.run()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
