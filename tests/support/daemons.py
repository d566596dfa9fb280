"""Daemons without a venue, stand-ins for one, and clients that ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.config.load import parse
from daemon.engine.engine import Engine
from daemon.instance import control
from daemon.instance.control import Request
from daemon.instance.paths import StateDir
from daemon.live.daemon import Daemon
from daemon.live.startup import Endpoint, Plan
from daemon.views.rim import Figures
from shadow.store.store import open_readonly
from tests.daemon import rig
from tests.support import virtual
from tests.support.process import PATIENCE_S
from venue.hyperliquid.info import InfoClient
from venue.tape.lines import Record
from venue.tape.segment import segments_of

NOWHERE = Endpoint("ws://127.0.0.1:9/ws", "http://127.0.0.1:9")


def plan_of(path: Path, **config: Any) -> Plan:
    """Return a plan for the local mode, without a lens process."""
    # What the lens process does for a daemon is shown by tests/daemon/lens/test_client.py.
    lens = {"enabled": False}
    settings = parse({"coins": list(rig.PAIR), "lens": lens, **config}, "test")
    state = StateDir(path, "local")
    state.create()
    return Plan(settings, "local", "testnet", state)


def daemon_of(path: Path, *, info: Any = None, **config: Any) -> Daemon:
    """Wire a daemon whose venue does not exist."""
    plan = plan_of(path, **config)
    return Daemon(plan, NOWHERE, info or InfoClient(NOWHERE.rest), virtual.world().instruments)


def play(daemon: Daemon, work: Callable[[], Any], *, after_s: float = 0.05) -> str:
    """Run a daemon, do some work in its loop, then stop it."""

    async def main() -> str:
        async def then() -> None:
            await asyncio.sleep(after_s)
            found = work()
            if asyncio.iscoroutine(found):
                await found
            daemon.supervisor.stop("the test is over")

        task = asyncio.create_task(then())
        try:
            return await asyncio.wait_for(daemon.run(), 2 * PATIENCE_S)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return asyncio.run(main())


def closed(daemon: Daemon) -> None:
    """Close a daemon that was never run."""
    asyncio.run(daemon.close("never run"))


def rows(path: Path, query: str) -> list[Any]:
    """Return what a query finds in the database of a state's local mode."""
    db = open_readonly(path / "local" / "gnomon.db")
    try:
        return [tuple(row) for row in db.execute(query)]
    finally:
        db.close()


def records(path: Path) -> list[Record]:
    """Return every line on the tape of a state's local mode."""
    return [
        record for segment in segments_of(path / "local" / "tape") for record in segment.records()
    ]


def busy(path: Path) -> Daemon:
    """Return a daemon that has traded for a while, fed from a recorded market."""
    daemon = daemon_of(path, coins=list(rig.BUSY), lens={}, **rig.TIGHT)
    lines = [r for r in rig.records_of(rig.eventful().run.lines) if r.kind in "FfTRCXL"]

    async def feed() -> None:
        for record in lines[:12_000]:
            daemon.intake.replay(record)

    # Whatever is asked on the way is asked by the clock of a loop.
    asyncio.run(feed())
    return daemon


async def echo(request: Request) -> dict[str, Request]:
    """Answer with what was asked."""
    return {"heard": request}


def serving(path: Path, work: Callable[[], Any], answer: Any = echo) -> Any:
    """Serve at a path while `work` runs in a thread of its own."""

    async def main() -> Any:
        server = await control.serve(path, answer)
        async with server:
            return await asyncio.to_thread(work)

    return asyncio.run(main())


def figures(**changes: Any) -> Figures:
    """Return the figures of a daemon that has just begun."""
    usual: dict[str, Any] = {
        "mode": "local", "network": "local", "ready": False, "now_ns": 2_000_000_000,
        "started_ns": 1_000_000_000, "frames": 0, "skipped": 0, "violations": {},
        "connected": True, "connects": 1, "recent": [], "recording": True, "disk_free_mb": 5000.0,
        "loop_late_ms": 0.0, "gc_pause_ms_max": 0.0, "gone": {}, "requests": 0, "wall_ahead_ns": 0,
        "lenses_warm": True, "lenses_waiting": 0, "lens_answers": 0,
        "database": "x.db", "tape": "tape",
    }  # fmt: skip
    return Figures(**(usual | changes))


@dataclass
class StandIn:
    """Engine and figures, for tests that need no more of a daemon."""

    engine: Engine
    numbers: Figures = field(default_factory=figures)

    def figures(self) -> Figures:
        """Return the figures it was given."""
        return self.numbers
