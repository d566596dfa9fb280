from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from market.errors import InputDamaged, OperatorError
from shadow.store import backup
from shadow.store.backup import back_up, copies, dated, let_go, require_room
from shadow.store.check import broken_promises
from shadow.store.rows import Rows
from shadow.store.store import Store, open_readonly
from shadow.store.tables.alarms import AlarmRow
from tests.support.shadow import Stage, told


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "gnomon.db"
    told(path)
    return path


def copied(source: Path, target: Path) -> dict[str, str]:
    with closing(open_readonly(source)) as db:
        return back_up(db, target)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def test_a_copy_is_one_sound_file_that_holds_the_same(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "copy.db"
    target.parent.mkdir()
    about = copied(source, target)
    assert about["mode"] == "local" and about["network"]
    assert list(target.parent.iterdir()) == [target]
    with closing(open_readonly(target)) as db:
        assert broken_promises(db) == []
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    assert dump(target) == dump(source)


def test_a_copy_can_be_taken_into_service(source: Path, tmp_path: Path) -> None:
    about = copied(source, tmp_path / "copy.db")
    Store(tmp_path / "copy.db", mode="local", network=about["network"]).close()
    with pytest.raises(OperatorError, match="belongs to mode local"):
        Store(tmp_path / "copy.db", mode="paper-testnet", network="testnet")


def test_a_copy_made_while_another_writes_is_of_one_instant(tmp_path: Path) -> None:
    stage = Stage()
    store = stage.open_store(tmp_path / "gnomon.db")
    stop = threading.Event()

    def write() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            # Two rows a transaction: an odd number would be half of one.
            two = (("a", ""), ("b", "x" * 2000))
            store.write(Rows(alarms=[AlarmRow(count, count, *words) for words in two]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            copied(tmp_path / "gnomon.db", tmp_path / f"copy{number}.db")
    finally:
        stop.set()
        writer.join()
        store.close()
    counts = []
    for number in range(5):
        with closing(open_readonly(tmp_path / f"copy{number}.db")) as db:
            counts.append(db.execute("SELECT COUNT(*) FROM alarm").fetchone()[0])
    assert all(count % 2 == 0 for count in counts) and counts == sorted(counts)


def test_what_breaks_its_promises_is_not_copied_and_an_older_copy_stays(
    source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    copied(source, target)
    before = target.read_bytes()
    with closing(sqlite3.connect(source)) as db:
        db.execute("UPDATE trade SET net_e6 = net_e6 + 1 WHERE net_e6 IS NOT NULL")
        db.commit()
    with pytest.raises(InputDamaged, match=r"breaks its integrity rules .* was not written"):
        copied(source, target)
    assert target.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} <= {"copy.db", "gnomon.db", "gnomon.db-wal",
                                                    "gnomon.db-shm"}  # fmt: skip


def test_a_place_that_cannot_be_written_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"nowhere.*cannot be written \(No such file"):
        copied(source, tmp_path / "nowhere" / "copy.db")


def test_a_full_disk_is_told_and_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("shadow.store.backup.os.fsync", full)
    with pytest.raises(OperatorError, match="No space left"):
        copied(source, tmp_path / "copy.db")
    assert not list(tmp_path.glob("*copy*"))


def test_the_oldest_copies_of_a_mode_go_and_nothing_else(tmp_path: Path) -> None:
    for day in range(9):
        dated(tmp_path, "local", 1_790_000_000.0 + 86_400 * day).touch()
    others = [dated(tmp_path, "paper-testnet", 0.0), tmp_path / "local-by-hand.db"]
    for path in others:
        path.touch()
    all_of_them = copies(tmp_path, "local")
    assert let_go(tmp_path, "local", 7) == all_of_them[:2]
    assert copies(tmp_path, "local") == all_of_them[2:] and all(path.exists() for path in others)
    assert let_go(tmp_path, "local", 7) == []


def test_a_copy_leaves_the_daemon_its_room(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_room(source, tmp_path)
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(backup, "LEFT_BYTES_MIN", free)
    with pytest.raises(OperatorError, match="must be left to the daemon"):
        require_room(source, tmp_path)
