"""The writing connection to a database file, its transactions, and who else may hold the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from market.errors import OperatorError

# In which steps a commit asks whether somebody else's transaction has ended.
STEP_S = 0.25
DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR", "SQLITE_CANTOPEN")


class DatabaseHeld(OperatorError):
    """A database that another process holds locked."""


def is_busy(error: sqlite3.Error) -> bool:
    """Say whether an error only means that somebody else is at it."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def unusable(path: Path, error: sqlite3.Error) -> OperatorError:
    """Return what an error at opening means to the operator."""
    if is_busy(error):
        return DatabaseHeld(f"{path}: another process holds it locked ({error})")
    return OperatorError(f"{path}: not a usable database ({error}); move it aside to start afresh")


def is_the_file(error: sqlite3.Error) -> bool:
    """Say whether an error is one of the file rather than of what was asked of it."""
    name = getattr(error, "sqlite_errorname", "")
    return is_busy(error) or name.startswith(DAMAGE)


def connect(path: Path) -> sqlite3.Connection:
    """Open the writing connection; raises OperatorError when the file cannot be used.

    Nothing is written yet: the file may turn out to be somebody else's.
    """
    db = None
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=STEP_S)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "wal_autocheckpoint=0",
            # A log that was folded in shrinks again, so that its size says when to do it next.
            "journal_size_limit=0",
        ):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        if db is not None:
            db.close()
        raise unusable(path, error) from None
    return db


def closed_in_order(db: sqlite3.Connection) -> bool:
    """Say whether the last writer wrote that it closed, which it does last of all."""
    return db.execute("SELECT 1 FROM about WHERE key = 'closed'").fetchone() is not None


def require_sound(db: sqlite3.Connection, path: Path) -> None:
    """Read every page of a file that was not closed in order; raises OperatorError."""
    damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise OperatorError(f"{path}: damaged ({damage}); restore a backup or move it aside")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run one write transaction; a failed one leaves nothing behind."""
    db.execute("BEGIN IMMEDIATE")
    with ended(db):
        yield db


@contextmanager
def ended(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit what has begun, or take it back when it fails."""
    try:
        yield db
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
