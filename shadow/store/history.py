"""Completeness of a database: how far back it holds signals and trades."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from market.events import NS_PER_DAY, NS_PER_MS
from shadow.store.rows import day_of


def whole_signals(db: sqlite3.Connection) -> bool:
    """Say whether the file holds every signal since the desk began."""
    if not from_the_beginning(db):
        return False
    if first_day(db) == "":
        return True
    (held,) = db.execute("SELECT COUNT(*) FROM signal").fetchone()
    vitals = _vitals(db)
    return bool(held == vitals.get("admitted", 0) + vitals.get("blocked", 0))


def whole_trades(db: sqlite3.Connection) -> bool:
    """Say whether the file holds every closed trade since the desk began."""
    if not from_the_beginning(db):
        return False
    if first_day(db) == "":
        return True
    (held,) = db.execute("SELECT COUNT(*) FROM trade WHERE status = 'closed'").fetchone()
    return bool(held == _vitals(db).get("closed", 0))


def first_day(db: sqlite3.Connection) -> str:
    """Return the first UTC date of which nothing was deleted, "" where nothing ever was due."""
    row = db.execute("SELECT value FROM about WHERE key = 'pruned_before_ns'").fetchone()
    return "" if row is None else day_of((int(row[0]) + NS_PER_DAY) // NS_PER_MS)


def every_run_kept_phantoms(db: sqlite3.Connection) -> bool:
    """Say whether no run here had the shadow switched off."""
    blind = db.execute(
        "SELECT 1 FROM run WHERE json_valid(config)"
        " AND json_extract(config, '$.shadow.enabled') IS 0 LIMIT 1"
    ).fetchone()
    return blind is None


def from_the_beginning(db: sqlite3.Connection) -> bool:
    """Say whether the first run here began at the first event: a replay may begin later."""
    (first_seq,) = db.execute("SELECT MIN(first_seq) FROM run").fetchone()
    return first_seq in (None, 0, 1)


def _vitals(db: sqlite3.Connection) -> dict[str, Any]:
    row = db.execute("SELECT value FROM state WHERE key = 'vitals'").fetchone()
    try:
        found = json.loads(row[0]) if row is not None else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
