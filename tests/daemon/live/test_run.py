from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from daemon.instance import control
from daemon.instance.control import Reply, Request, StillStarting
from daemon.instance.lock import alone, lock_of
from daemon.live import run as module
from daemon.live.startup import Endpoint
from market.errors import AnotherInstance, OperatorError
from shadow.store.store import Store
from tests.support import virtual
from tests.support.daemons import NOWHERE, plan_of, rows

T = TypeVar("T")


def test_a_running_daemon_holds_its_state_alone(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    with alone(plan.state), pytest.raises(AnotherInstance):
        asyncio.run(module.run(plan))


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stand in for a venue that says nothing until something to list is put here."""
    listed: list[Any] = []

    async def meet_venue(info: Any, *, waiting: Any) -> Any:
        waiting("venue unreachable (nobody there)")
        return await until(lambda: listed[0] if listed else None)

    monkeypatch.setattr(module, "meet_venue", meet_venue)
    monkeypatch.setattr(module, "open_endpoint", nowhere)
    return listed


class nowhere:
    def __init__(self, plan: Any) -> None:
        pass

    async def __aenter__(self) -> Endpoint:
        return NOWHERE

    async def __aexit__(self, *_: object) -> None:
        pass


async def until(found: Callable[[], T | None]) -> T:
    """Return what is found as soon as it is."""
    async with asyncio.timeout(20.0):
        while (value := found()) is None:  # noqa: ASYNC110 (what is waited for tells nobody)
            await asyncio.sleep(0.01)
    return value


async def once_there(path: Path, request: Request) -> Any:
    await until(lambda: path.exists() or None)
    return await asyncio.to_thread(control.ask, path, request, Reply)


async def once_waiting(path: Path, what: str) -> None:
    """Return when the daemon says that it waits for something."""
    said = ""
    while what not in said:
        try:
            await once_there(path, Request("status"))
        except StillStarting as error:
            said = error.phase


async def once_up(path: Path, request: Request) -> Any:
    while True:
        try:
            return await once_there(path, request)
        except StillStarting:
            await asyncio.sleep(0.02)


def test_a_halt_given_before_the_venue_answers_is_what_the_daemon_begins_with(
    tmp_path: Path, venue: list[Any]
) -> None:
    plan = plan_of(tmp_path)

    async def main() -> None:
        task = asyncio.create_task(module.run(plan))
        await once_there(plan.state.socket, Request("halt", "not today"))
        await once_waiting(plan.state.socket, "nobody there")
        venue.append((virtual.world().instruments, None))
        await once_up(plan.state.socket, Request("rearm", "donchian"))
        os.kill(os.getpid(), signal.SIGHUP)
        assert await task == "SIGHUP", "a terminal that goes is an orderly end"

    asyncio.run(main())
    (halt, _) = rows(tmp_path, "SELECT message FROM alarm WHERE kind IN ('halt', 'rearm')")
    assert halt == ("operator: not today",)
    assert rows(tmp_path, "SELECT key FROM about ORDER BY key") == [
        ("closed",), ("mode",), ("network",),
    ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_start_that_waits_for_the_venue_ends_at_once_and_in_order(
    tmp_path: Path, venue: list[Any], number: signal.Signals
) -> None:
    plan = plan_of(tmp_path)

    async def main() -> None:
        task = asyncio.create_task(module.run(plan))
        await once_waiting(plan.state.socket, "nobody there")
        os.kill(os.getpid(), number)
        assert await asyncio.wait_for(task, 5.0) == number.name

    asyncio.run(main())
    keys = "SELECT key FROM about WHERE key IN ('closed', 'lease')"
    assert rows(tmp_path, keys) == [("closed",)]


def test_a_start_refused_for_its_coins_gives_the_lease_back(
    tmp_path: Path, venue: list[Any]
) -> None:
    plan = plan_of(tmp_path, coins=["NOSUCH"])
    venue.append((virtual.world().instruments, None))
    with pytest.raises(OperatorError, match="NOSUCH"):
        asyncio.run(module.run(plan))
    keys = "SELECT key FROM about WHERE key IN ('closed', 'lease')"
    assert rows(tmp_path, keys) == [("closed",)]


def test_a_second_daemon_is_kept_out_though_the_lock_was_deleted(
    tmp_path: Path, venue: list[Any]
) -> None:
    plan = plan_of(tmp_path)
    venue.append((virtual.world().instruments, None))

    async def main() -> None:
        task = asyncio.create_task(module.run(plan))
        await once_up(plan.state.socket, Request("resume"))
        lock_of(plan.state).unlink()
        for _ in range(2):
            with pytest.raises(AnotherInstance, match="in use by a running daemon"):
                await module.run(plan)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await task == "SIGTERM"

    asyncio.run(main())


def test_a_stop_while_another_process_holds_the_database_is_quick_and_loses_no_row(
    tmp_path: Path, venue: list[Any]
) -> None:
    plan = plan_of(tmp_path)
    venue.append((virtual.world().instruments, None))

    async def main() -> float:
        task = asyncio.create_task(module.run(plan))
        await once_up(plan.state.socket, Request("rearm", "donchian"))
        with closing(sqlite3.connect(plan.state.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            halt = Request("halt", "in time")
            asked = threading.Thread(target=_ask, args=(plan.state.socket, halt))
            asked.start()
            await asyncio.sleep(0.5)
            began = time.monotonic()
            os.kill(os.getpid(), signal.SIGTERM)
            assert await task == "SIGTERM"
            took_s = time.monotonic() - began
        asked.join()
        return took_s

    assert asyncio.run(main()) < 5.0
    halts = "SELECT message FROM alarm WHERE kind = 'halt'"
    assert rows(tmp_path, halts) == []
    Store(plan.state.database, mode="local", network="local").close()
    assert ("operator: in time",) in rows(tmp_path, halts)


def _ask(path: Path, request: Request) -> None:
    try:
        control.ask(path, request, Reply, timeout_s=20.0)
    except Exception:
        return
