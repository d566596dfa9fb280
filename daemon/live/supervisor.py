"""Supervisor of the daemon's tasks: restarts within a budget, and an orderly stop.

A child that raises is started again after a growing pause, until it has failed too often within
its window; then the daemon ends and systemd is the next supervisor. What the engine raised is
never retried: its state can no longer be trusted, and the tape reproduces the fault.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from daemon.live.telemetry import log
from market.errors import GnomonError, InvariantBroken

Run = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Budget:
    """Limit of restarts: `failures` within `window_s`, pausing up to `pause_max_s`."""

    failures: int = 5
    window_s: float = 600.0
    pause_max_s: float = 30.0


class Supervisor:
    """Children by name; `run` ends when one is given up, or when told to stop."""

    def __init__(self, *, on_restart: Callable[[str, str], None]) -> None:
        self._children: list[tuple[str, Run, Budget]] = []
        self._on_restart = on_restart
        self._stop = asyncio.Event()
        self._fault: Exception | None = None
        self._ending = False
        self.stopped_by = ""

    def add(self, name: str, run: Run, budget: Budget | None = None) -> None:
        """Add a child; without a budget its first failure ends the daemon."""
        self._children.append((name, run, budget or Budget(failures=0)))

    def stop(self, why: str) -> None:
        """Ask for an orderly end; later reasons do not replace the first."""
        self.stopped_by = self.stopped_by or why
        self._stop.set()

    def fail(self, fault: Exception) -> None:
        """End at once with a fault, whoever met it; the first one is the one that counts."""
        self._fault = self._fault or fault
        self._stop.set()

    async def run(self) -> None:
        """Run every child until told to stop; raises what a child was given up for."""
        tasks = [
            asyncio.create_task(self._keep(name, run, budget), name=name)
            for name, run, budget in self._children
        ]
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait((stop, *tasks), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ending = True
            for task in (stop, *tasks):
                task.cancel()
            await asyncio.gather(stop, *tasks, return_exceptions=True)
        if self._fault is not None:
            raise self._fault
        for task in done:
            if task is not stop and not task.cancelled() and task.exception() is not None:
                raise task.exception()  # type: ignore[misc]

    async def _keep(self, name: str, run: Run, budget: Budget) -> None:
        loop = asyncio.get_running_loop()
        failures: deque[float] = deque()
        while True:
            try:
                await run()
                raise InvariantBroken(f"{name} ended by itself")
            except InvariantBroken:
                raise
            except Exception as error:
                if self._ending:
                    raise
                now = loop.time()
                failures.append(now)
                while failures and now - failures[0] > budget.window_s:
                    failures.popleft()
                if len(failures) > budget.failures:
                    if isinstance(error, GnomonError):
                        raise
                    raise InvariantBroken(f"{name}: {error!r}") from error
                log.warning("task failed, starting it again", task=name, error=error)
                self._on_restart(name, f"{type(error).__name__}: {error}")
                await asyncio.sleep(min(budget.pause_max_s, 0.5 * 2.0 ** len(failures)))
