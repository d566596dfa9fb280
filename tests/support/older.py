"""Databases brought back to an older version, as if that had written them."""

from __future__ import annotations

import sqlite3

from shadow.store.tables.shortfalls import COSTS

SUMMED = ("rollup_added", "rollup_changed", "refusal_sliced", "outcome_sliced", "shortfall_summed")
SUMS = ("rollup_day", "slice_day", "shortfall_day", "choice_day")


def as_version_9(db: sqlite3.Connection) -> None:
    """Take from a database what came after its ninth version: sums over days, costs of trades."""
    for name in SUMMED:
        db.execute(f"DROP TRIGGER {name}")
    for name in SUMS:
        db.execute(f"DROP TABLE {name}")
    for name in ("exit_decision_mid", *COSTS):
        db.execute(f"ALTER TABLE trade DROP COLUMN {name}")
    db.execute("PRAGMA user_version = 9")
    db.commit()
