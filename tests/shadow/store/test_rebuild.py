from __future__ import annotations

import shutil
import sqlite3
import tracemalloc
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from msgspec.structs import astuple

from market.errors import OperatorError
from shadow.report.report import report
from shadow.store import rebuild as module
from shadow.store.check import broken_promises
from shadow.store.details import Details
from shadow.store.store import Store, open_readonly
from shadow.store.tables.decisions import APART

# Written by the last version before the fifth: the history of `told`, and a state.
OLD = Path(__file__).parents[2] / "support" / "golden" / "database-4.sql.zst"


def old_file(path: Path) -> Path:
    text = zstandard.ZstdDecompressor().decompress(OLD.read_bytes()).decode()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL").fetchall()
        db.executescript(text)
    return path


def local(path: Path) -> None:
    Store(path, mode="local", network="testnet", say=[].append).close()


def test_a_file_of_the_fourth_version_keeps_everything(tmp_path: Path) -> None:
    path = old_file(tmp_path / "gnomon.db")
    path.chmod(0o640)
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        before = {
            name: [dict(row) for row in db.execute(f"SELECT * FROM {name}")]
            for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
    local(path)
    assert {p.name for p in tmp_path.iterdir()} == {"gnomon.db"}
    assert path.stat().st_mode & 0o777 == 0o640
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []
        assert report(db, by="filter").rows != []
        before["about"].insert(0, {"key": "closed", "value": "in order"})
        before["about"].append({"key": "returns_sound_from", "value": "2025-09-02"})
        kept = {row["key"]: row["value"] for row in before.pop("state")}
        state = dict(tuple(row) for row in db.execute("SELECT key, value FROM state"))
        assert {key: state[key] for key in kept} == kept
        for name in before.keys() - {"signal", "check_result"}:
            after = [dict(row) for row in db.execute(f"SELECT * FROM {name}")]
            # Of the score a later version thinks otherwise; what it knows besides is empty here.
            assert [row for row in after if row.get("mode") != "score"] == [
                {**dict.fromkeys(after[0]), **row}
                for row in before[name]
                if row.get("mode") != "score"
            ], name
        details = dict(Details(db).all())
        for signal in before["signal"]:
            (row,) = db.execute("SELECT * FROM signal WHERE signal_id = ?", (signal["signal_id"],))
            detail = details[signal["signal_id"]]
            assert signal == {**dict(row), **{n: getattr(detail, n) for n in APART}}
        checks = {tuple(row) for row in db.execute("SELECT * FROM check_result")}
        checks |= {astuple(c) for d in details.values() for c in d.checks}
        assert checks == {tuple(row.values()) for row in before["check_result"]}


@pytest.mark.parametrize("when", ["before the copy", "in the copy", "before the name"])
def test_what_is_interrupted_leaves_the_old_file_and_begins_again(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "gnomon.db")

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    where = {"before the copy": "_write", "in the copy": "_copy_signals", "before the name": ""}
    with monkeypatch.context() as m:
        if where[when]:
            m.setattr(module, where[when], full)
        else:
            m.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
        with pytest.raises(OperatorError, match="cannot be brought up to date"):
            local(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (4,)
        assert db.execute("SELECT COUNT(*), COUNT(vote) FROM signal").fetchone() == (12, 12)
    # As a kill leaves it: half a new file, whose name is taken again.
    (tmp_path / ".gnomon.db.part").write_bytes(b"half")
    local(path)
    assert {p.name for p in tmp_path.iterdir()} == {"gnomon.db"}


def test_who_has_it_open_is_waited_for_and_then_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that a reader still used would be taken for the new file's."""
    path = old_file(tmp_path / "gnomon.db")
    monkeypatch.setattr(module, "WAIT_S", 0.05)
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("SELECT COUNT(*) FROM trade").fetchone()
        with pytest.raises(OperatorError, match="another process has it open"):
            local(path)
    local(path)


def test_a_disk_without_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "gnomon.db")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 1000))
    with pytest.raises(OperatorError, match=r"takes 0 MB of disk|free"):
        local(path)


def test_memory_stays_bounded_and_progress_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "gnomon.db")
    with closing(sqlite3.connect(path)) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(signal)")][1:]
        for i in range(1, 400):
            db.execute(
                f"INSERT INTO signal SELECT signal_id + {i << 40}, {', '.join(names)} FROM signal"
                f" WHERE signal_id < {1 << 40}"
            )
        db.commit()
    monkeypatch.setattr(module, "ROWS_A_BATCH", 100)
    monkeypatch.setattr(module, "SAY_EVERY_S", 0.0)
    said: list[str] = []
    tracemalloc.start()
    try:
        module.rebuild(path, said.append)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(said) == 48 and said[-1].endswith("4,800 of 4,800 signals")
    assert peak < 4 << 20
