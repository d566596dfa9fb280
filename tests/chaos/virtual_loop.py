"""An event loop in virtual time: sockets are real, waiting costs nothing.

When no socket has anything to say and no callback is due, the clock jumps to the next timer. Venue
and daemon share the loop, so whatever one sends the other has at once, and nothing is in flight
while the clock jumps. Work for threads is done on the spot. `time` tells virtual time meanwhile.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest import mock

T = TypeVar("T")

# What the kernel may need to hand a byte from one end of a loopback connection to the other.
SETTLE_S = 0.000_05
# Nothing to do and no timer: someone waits for a byte that will never come.
STUCK_S = 5.0
# The clock always moves by as much as a float of the wall's seconds can tell apart.
STEP_S = 1e-6


class _Selector(selectors.DefaultSelector):  # type: ignore[valid-type, misc]
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if found or timeout == 0:
            return found
        found = super().select(SETTLE_S)
        if found:
            return found
        if timeout is None:
            found = super().select(STUCK_S)
            if not found:
                raise RuntimeError("virtual time has nothing to wait for")
            return found
        self._loop.now_s += max(timeout, STEP_S)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock moves only when all wait; the wall clock begins at `wall_s`."""

    def __init__(self, wall_s: float) -> None:
        self.now_s = 0.0
        self.wall_s = wall_s
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return virtual seconds."""
        return self.now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do a thread's work now."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def _telling(loop: VirtualLoop) -> Iterator[None]:
    with (
        mock.patch.object(time, "time", lambda: loop.wall_s + loop.now_s),
        mock.patch.object(time, "monotonic", lambda: loop.now_s),
        mock.patch.object(
            time, "time_ns", lambda: int(loop.wall_s) * 10**9 + int(loop.now_s * 1e9)
        ),
        mock.patch.object(time, "monotonic_ns", lambda: int(loop.now_s * 1e9)),
        mock.patch.object(time, "clock_gettime_ns", lambda clock: int(loop.now_s * 1e9)),
    ):
        yield


def run(main: Coroutine[Any, Any, T], wall_s: float) -> T:
    """Return what a coroutine comes to, in virtual time that begins at `wall_s`."""
    loop = VirtualLoop(wall_s)
    with _telling(loop), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)
