from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from daemon.views.blocked import BlockedSignal, blocked
from shadow.store.query import blocked_signals
from shadow.store.store import open_readonly
from tests.support.shadow import told


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("blocked") / "gnomon.db"
    told(path)
    with closing(open_readonly(path)) as made:
        yield made


def test_a_row_has_every_column_of_the_view_and_no_other(db: sqlite3.Connection) -> None:
    columns = [row[0] for row in db.execute("SELECT * FROM blocked LIMIT 0").description]
    assert list(BlockedSignal.__struct_fields__) == columns


def test_rows_are_those_of_the_database(db: sqlite3.Connection) -> None:
    rows = blocked(db)
    assert len(rows) == 7 and msgspec.to_builtins(rows) == blocked_signals(db)


def test_what_is_asked_for_is_passed_on(db: sqlite3.Connection) -> None:
    assert len(blocked(db, limit=2)) == 2
    assert {row.status for row in blocked(db, only_open=True)} == {"open"}
    assert all("other" in row.failing.split(",") for row in blocked(db, filter_="other"))
    assert blocked(db, coin="DOGE") == []
