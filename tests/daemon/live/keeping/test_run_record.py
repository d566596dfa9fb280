from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import parse
from daemon.live.journal import Journal
from daemon.live.keeping.run_record import RunRecord
from daemon.version import code_version
from market.events import Notice
from shadow.store.store import Store, open_readonly
from tests.daemon import rig

NOW_NS = 1_795_428_000_000_000_000
CONFIG = parse({"coins": list(rig.PAIR), "seed": 11}, "test")


def row(path: Path) -> dict[str, Any]:
    """Return the only row of `run`."""
    with closing(open_readonly(path / "gnomon.db")) as db:
        db.row_factory = sqlite3.Row
        (found,) = db.execute("SELECT * FROM run")
        return dict(found)


def with_record(path: Path, play: Callable[[RunRecord, rig.Fresh], Awaitable[None]]) -> None:
    """Let a run begin after one event, then play with its record."""

    async def main() -> None:
        store = Store(path / "gnomon.db", mode="local", network="local")
        made = rig.fresh({}, rig.PAIR)
        made.intake.fact(Notice("test", "before", recv_ns=NOW_NS))
        journal = Journal(
            store,
            commit_s=1.0,
            quiet_s=1.0,
            durable=dict,
            position=lambda: made.engine.vitals.seq,
            pressure=lambda level: None,
            failed=lambda why: None,
            tape_failed=lambda why: None,
        )
        record = RunRecord(
            store,
            journal,
            made.engine,
            made.session,
            config=CONFIG,
            mode="local",
            network="local",
            started_ns=NOW_NS,
        )
        try:
            await play(record, made)
        finally:
            await journal.close(b"")

    asyncio.run(main())


def test_a_run_begins_with_what_decides_it(tmp_path: Path) -> None:
    async def play(record: RunRecord, made: rig.Fresh) -> None:
        found = row(tmp_path)
        assert (found["started_ns"], found["mode"], found["network"]) == (NOW_NS, "local", "local")
        assert found["config_hash"] == CONFIG.hash()
        assert json.loads(found["config"]) == json.loads(json.dumps(CONFIG.resolved()))
        assert found["policy_hash"] == made.engine.branch.books.identity.policy_hash
        assert (found["code_version"], found["seed"]) == (code_version(), 11)
        assert (found["first_seq"], found["last_seq"], found["events"]) == (2, 1, 0)
        assert (found["ended_ns"], found["ended_why"], found["digest"]) == (None, None, "")

    with_record(tmp_path, play)


def test_how_far_it_has_come_and_how_it_ended_is_written(tmp_path: Path) -> None:
    async def play(record: RunRecord, made: rig.Fresh) -> None:
        for i in range(3):
            made.intake.fact(Notice("test", "an event", recv_ns=NOW_NS + i))
        made.session.frames = 17
        await record.progress()
        found = row(tmp_path)
        assert (found["last_seq"], found["events"], found["frames"]) == (4, 3, 17)
        assert found["digest"] == made.engine.digest and found["ended_why"] is None
        made.intake.fact(Notice("test", "the last", recv_ns=NOW_NS + 9))
        await record.end("SIGTERM", NOW_NS + 10)
        found = row(tmp_path)
        assert (found["last_seq"], found["events"]) == (5, 4)
        assert (found["ended_why"], found["ended_ns"]) == ("SIGTERM", NOW_NS + 10)

    with_record(tmp_path, play)


def test_a_database_that_cannot_be_written_is_no_fault_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(record: RunRecord, made: rig.Fresh) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(Store, "update_run", full)
            await record.progress()
            await record.end("fault", NOW_NS)
        assert row(tmp_path)["ended_why"] is None
        await record.end("fault", NOW_NS)
        assert row(tmp_path)["ended_why"] == "fault"

    with_record(tmp_path, play)
