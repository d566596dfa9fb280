"""Soundness of a database: its integrity rules, and every step of its weights taken again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from research.weights.weight_history import differences
from shadow.store.check import broken_promises, damaged
from shadow.store.history import from_the_beginning

TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def damaged_pages(db: sqlite3.Connection, between: Callable[[], object]) -> list[str]:
    """Read the file table by table; return what is wrong with the first that is damaged."""
    tables = [name for (name,) in db.execute(TABLES)]
    for name in tables:
        try:
            found = damaged(db, name)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            found = [f"the file is damaged: {error}"]
        if found:
            return found
        between()
    return []


def unsound(db: sqlite3.Connection, *, pages: bool = True) -> list[str]:
    """Return in words everything that is wrong; empty when the database is sound.

    Without `pages` the file itself is taken to be whole.
    """
    found = broken_promises(db, pages=pages)
    if found or not _steps_can_be_taken(db):
        return found
    return [f"weights: {line}" for line in differences(db)]


def _steps_can_be_taken(db: sqlite3.Connection) -> bool:
    """Say whether the returns behind every weight are there: the oldest schema kept none."""
    older = db.execute("SELECT 1 FROM weight WHERE days = 0 AND sharpe IS NOT NULL LIMIT 1")
    return from_the_beginning(db) and older.fetchone() is None
