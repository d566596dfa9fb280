"""Read-only access to a state folder's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.instance.paths import StateDir
from market.errors import InputDamaged, OperatorError
from shadow.store.store import open_readonly

DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR", "SQLITE_TOOBIG")


def _belongs(db: sqlite3.Connection, state: StateDir) -> None:
    row = db.execute("SELECT value FROM about WHERE key = 'mode'").fetchone()
    if row is None or row[0] != state.folder:
        raise OperatorError(
            f"{state.database}: written in mode {row[0] if row else 'unknown'}, but lies in the "
            f"folder of {state.folder}; put it back where it came from"
        )


@contextmanager
def reading(state: StateDir) -> Iterator[sqlite3.Connection]:
    """Open a state's database for reading; raises InputDamaged when its pages cannot be."""
    with reading_file(state.database) as db:
        _belongs(db, state)
        yield db


@contextmanager
def reading_file(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database wherever it lies; raises InputDamaged when its pages cannot be read."""
    db = open_readonly(path)
    try:
        yield db
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        if not name.startswith(DAMAGE):
            raise
        raise InputDamaged(f"{path}: cannot be read ({error})") from None
    finally:
        db.close()
