from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shadow.store.connection import DatabaseHeld
from shadow.store.rows import Rows
from shadow.store.store import Store
from shadow.store.tables.alarms import AlarmRow


def local(path: Path) -> Store:
    return Store(path, mode="local", network="testnet")


def alarm(n: int) -> Rows:
    return Rows(alarms=[AlarmRow(n, n, "kind", "words")])


@contextmanager
def held(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_file_that_somebody_holds_is_said_to_be_held_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    local(path).close()
    with held(path), pytest.raises(DatabaseHeld, match="another process holds it locked"):
        local(path)
    local(path).close()


def test_whoever_hurries_waits_for_nobody_and_a_patient_commit_gets_its_turn(
    tmp_path: Path,
) -> None:
    store = local(tmp_path / "gnomon.db")
    store.patience_s = 60.0
    with held(store.path):
        threading.Timer(0.3, store.hurry).start()
        began = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.write(alarm(1))
        assert time.monotonic() - began < 3.0
    store.write(alarm(1))
    store.close()
