from __future__ import annotations

import asyncio
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import parse
from daemon.doctor import stored
from daemon.doctor.finding import FAIL, OK, WARN, Case, Finding
from daemon.instance import control
from daemon.instance.paths import StateDir
from shadow.store.store import Store
from tests.daemon.recordings import record


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "ASK_S", 0.5)


def case(root: Path) -> Case:
    places = tuple(p for p in (StateDir(root, "local"),) if p.database.exists())
    return Case(parse({}, "test"), root, "local", places)


def mended(found: Finding, level: str, words: str) -> None:
    """Check a finding that asks for something."""
    assert found.level == level and words in found.text and found.remedy
    assert "\n" not in found.text + found.remedy


def test_a_database_that_breaks_its_promises_is_a_failure(root: Path) -> None:
    assert [f.level for f in stored.databases(case(root))] == [OK]
    path = root / "local" / "gnomon.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE trade SET net_e6 = net_e6 + 1 WHERE net_e6 IS NOT NULL")
        db.commit()
    (found,) = stored.databases(case(root))
    mended(found, FAIL, "net is not gross")
    path.write_bytes(b"no database" * 1000)
    (found,) = stored.databases(case(root))
    mended(found, FAIL, "gnomon.db")


def test_the_newest_segment_is_read(taped: Path, tmp_path: Path) -> None:
    place = StateDir(tmp_path / "state", "local")
    place.create()
    Store(place.database, mode="local", network="local").close()
    (found,) = stored.tapes(case(place.root))
    assert found.level == OK and "none" in found.text
    path = place.tape / taped.name
    whole = taped.read_bytes()
    path.write_bytes(whole)
    (found,) = stored.tapes(case(place.root))
    assert found.level == OK and "1 segments, the newest sound" in found.text
    path.write_bytes(whole[: len(whole) * 2 // 3])
    (found,) = stored.tapes(case(place.root))
    mended(found, WARN, "torn")
    path.write_bytes(whole[:2000] + b"\xff" * 20 + whole[2020:])
    (found,) = stored.tapes(case(place.root))
    mended(found, FAIL, taped.name)


@pytest.fixture(scope="module")
def taped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("tape"), seconds=(20.0,)).paths[0]


def answered(path: Path, work: Any) -> Any:
    async def answer(request: dict[str, Any]) -> dict[str, Any]:
        return {"running": True}

    async def main() -> Any:
        async with await control.serve(path, answer):
            return await asyncio.to_thread(work)

    return asyncio.run(main())


def test_a_daemon_that_answers_one_that_does_not_and_none(root: Path) -> None:
    path = root / "local" / "gnomon.sock"
    assert stored.sockets(case(root)) == Finding("socket", OK, "no daemon is running")
    found = answered(path, lambda: stored.sockets(case(root)))
    assert found.level == OK and "answers" in found.text
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    mended(stored.sockets(case(root)), WARN, "no daemon answers")


def test_a_dead_instrument_is_a_warning_with_a_way_on(root: Path) -> None:
    (found,) = stored.instruments(case(root))
    assert (found.level, found.remedy) == (OK, "")
    with closing(sqlite3.connect(root / "local" / "gnomon.db")) as db:
        (day,) = db.execute("SELECT MAX(day) FROM rollup").fetchone()
        db.execute(
            "INSERT INTO rollup VALUES (?, '', 'run', 'seconds', '', 86400, 0, 0, 0, 0)", (day,)
        )
        db.execute(
            "INSERT INTO rollup VALUES (?, 'deaf', 'enforce', 'sole', 'alpha', 20, 0, 0, 0, 0)",
            (day,),
        )
        db.commit()
    (found,) = stored.instruments(case(root))
    mended(found, WARN, "deaf blocked 20 signals")
    assert "shadow list --filter deaf" in found.remedy
    (root / "local" / "gnomon.db").write_bytes(b"no database" * 1000)
    assert list(stored.instruments(case(root))) == []
