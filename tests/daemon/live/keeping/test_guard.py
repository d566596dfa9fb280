from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.instance import lease
from daemon.instance.lease import KEY
from daemon.live.daemon import Daemon
from daemon.live.keeping import guard
from market.errors import AnotherInstance
from market.events import Notice
from shadow.store.store import Store
from tests.support import virtual
from tests.support.daemons import NOWHERE, daemon_of, plan_of, play, records, rows
from venue.hyperliquid.info import InfoClient


def test_a_deleted_database_halts_entries_and_ends_up_in_a_copy(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)
    path = daemon.state.database

    async def work() -> None:
        daemon.consume(Notice("test", "before"))
        await daemon.journal.flush()
        path.unlink()
        daemon.guard.look(guard.LOOK_EVERY_S)
        assert "was deleted" in daemon.engine.branch.desk.halts["files"]
        daemon.consume(Notice("test", "after"))

    play(daemon, work)
    assert not path.exists()
    with closing(sqlite3.connect(path.with_name("gnomon.rescued.db"))) as db:
        told = [row[0] for row in db.execute("SELECT message FROM alarm WHERE kind = 'test'")]
        (why,) = db.execute("SELECT message FROM alarm WHERE kind = 'files'").fetchone()
    assert told == ["before", "after"], "nothing is lost"
    assert str(path) in why and "gnomon.rescued.db" in why and "stop the daemon" in why
    assert any(b"was deleted" in r.payload for r in records(tmp_path)), "on the tape as well"
    path.with_name("gnomon.rescued.db").rename(path)
    play(daemon_of(tmp_path), lambda: None)
    assert ("after",) in rows(tmp_path, "SELECT message FROM alarm")


def test_a_moved_database_takes_the_rows_with_it(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)
    path, place = daemon.state.database, tmp_path / "elsewhere.db"

    async def work() -> None:
        path.rename(place)
        daemon.guard.look(guard.LOOK_EVERY_S)
        # A halt keeps two hundred letters of a reason, and a temporary folder may have a long name.
        told = f"the database {path} was moved to {place}; "[:200]
        assert daemon.engine.branch.desk.halts["files"].startswith(told)
        daemon.consume(Notice("test", "after"))

    play(daemon, work)
    assert not path.with_name("gnomon.rescued.db").exists()
    place.rename(path)
    assert ("after",) in rows(tmp_path, "SELECT message FROM alarm")


def leased(path: Path) -> tuple[Daemon, Store]:
    """Wire a daemon that holds the lease on its database."""
    plan = plan_of(path)
    store = Store(plan.state.database, mode="local", network="local")
    own = lease.mine(store.path)
    lease.take(store, own)
    info, listed = InfoClient(NOWHERE.rest), virtual.world().instruments
    return Daemon(plan, NOWHERE, info, listed, store=store, own=own), store


def test_a_lease_is_renewed_and_given_back_at_the_end(tmp_path: Path) -> None:
    daemon, _ = leased(tmp_path)
    seen: list[Any] = []

    async def work() -> None:
        (before,) = rows(tmp_path, "SELECT value FROM about WHERE key = 'lease'")
        daemon.guard.look(guard.RENEW_EVERY_S)
        await asyncio.gather(*daemon.guard.tasks)
        (after,) = rows(tmp_path, "SELECT value FROM about WHERE key = 'lease'")
        seen.append(before != after)

    play(daemon, work)
    assert seen == [True]
    assert rows(tmp_path, "SELECT value FROM about WHERE key = 'lease'") == []


def test_a_daemon_that_lost_its_lease_ends(tmp_path: Path) -> None:
    daemon, store = leased(tmp_path)

    async def work() -> None:
        other = lease.mine(daemon.state.database)
        other.began = "5"
        store.agree(KEY, lambda _: lease._encoded(other))
        daemon.guard.look(guard.RENEW_EVERY_S)
        await asyncio.gather(*daemon.guard.tasks)

    with pytest.raises(AnotherInstance, match="took the lease"):
        play(daemon, work)
