"""Soundness of a database: its integrity rules, and every step of its weights taken again."""

from __future__ import annotations

import sqlite3

from research.weights.weight_history import differences
from shadow.store.check import broken_promises
from shadow.store.history import from_the_beginning


def unsound(db: sqlite3.Connection) -> list[str]:
    """Return in words everything that is wrong; empty when the database is sound."""
    found = broken_promises(db)
    if found or not _steps_can_be_taken(db):
        return found
    return [f"weights: {line}" for line in differences(db)]


def _steps_can_be_taken(db: sqlite3.Connection) -> bool:
    """Say whether the returns behind every weight are there: the oldest schema kept none."""
    older = db.execute("SELECT 1 FROM weight WHERE days = 0 AND sharpe IS NOT NULL LIMIT 1")
    return from_the_beginning(db) and older.fetchone() is None
