from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from market.errors import InputDamaged, OperatorError
from shadow.store.restore import Loss, Stand, loss, put_back, stand_of
from tests.support.shadow import told


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "gnomon.db"
    told(path)
    return path


def test_what_a_copy_lacks_is_counted_by_what_it_is() -> None:
    copy = Stand("local", 3, 1_000, {1, 2}, {7: "open", 8: "closed", 9: "open"})
    trades = {7: "closed", 8: "closed", 9: "open", 10: "open", 11: "closed"}
    now = Stand("local", 3, 5_000, {1, 2, 3}, trades)
    assert loss(now, copy) == Loss(since_ns=1_000, signals=1, trades=2, closed=1)
    assert loss(copy, copy) == Loss(1_000, 0, 0, 0)


def test_a_stand_is_read_of_any_schema(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA user_version = 9999")
        signals = db.execute("SELECT COUNT(*) FROM signal").fetchone()[0]
        db.commit()
    stand = stand_of(database)
    assert (stand.mode, stand.schema, len(stand.signals)) == ("local", 9999, signals)
    assert stand.trades and stand.now_ns >= 0


def test_a_file_that_is_no_database_is_not_gone_back_to(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database" * 500)
    with pytest.raises(InputDamaged, match=r"x\.db"):
        stand_of(tmp_path / "x.db")
    with pytest.raises(OperatorError, match="no such database"):
        stand_of(tmp_path / "y.db")


def test_the_copy_stands_alone_and_what_was_there_beside_it(database: Path) -> None:
    folder = database.parent
    copy, aside = folder / "copy.db", folder / "replaced.db"
    copy.write_bytes(database.read_bytes())
    database.with_name("gnomon.db-wal").write_bytes(b"of the one that goes")
    with closing(sqlite3.connect(copy)) as db:
        db.execute("DELETE FROM signal")
        db.commit()
    put_back(copy, database, aside)
    assert stand_of(database).signals == set()
    assert aside.with_name("replaced.db-wal").read_bytes() == b"of the one that goes"
    assert not list(folder.glob(".*"))
    aside.with_name("replaced.db-wal").unlink()
    assert stand_of(aside).signals
    assert database.stat().st_mode & 0o777 == 0o640
    assert database.stat().st_uid == os.stat(folder).st_uid
