"""Databases with trades of which every figure was chosen."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from daemon.instance.paths import StateDir
from shadow.store.schema import MIGRATIONS
from shadow.store.store import Store

# 2026-11-30T00:00:00Z
MONDAY_NS = 1_796_000_000 // 86_400 * 86_400 * 10**9
HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS


def empty_db() -> sqlite3.Connection:
    """Return an empty database in memory, with every table there is."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    for step in MIGRATIONS:
        db.executescript(step)
    return db


def put_trade(db: sqlite3.Connection, **cells: Any) -> int:
    """Write one trade, closed and of the desk unless told otherwise; return its number.

    `gross_e6`, `fees_e6` and `funding_e6` make its net, `risk_e6` its R.
    """
    row: dict[str, Any] = {
        "trade_id": (db.execute("SELECT MAX(trade_id) FROM trade").fetchone()[0] or 0) + 1,
        "kind": "paper", "cause": "admit", "status": "closed", "signal_id": 1, "bot": "donchian",
        "division": "trend", "coin": "BTC", "side": "buy", "asked_lots": 10, "qty_lots": 10,
        "decided_ns": MONDAY_NS, "opened_ns": MONDAY_NS + 10**9, "closed_ns": MONDAY_NS + HOUR_NS,
        "decision_mid": 100.0, "entry_px": 100.0, "exit_px": 101.0,
        "entry_notional_e6": 1_000_000_000, "gross_e6": 0, "fees_e6": 0, "funding_e6": 0,
        "risk_e6": 10_000_000, "exit_reason": "stop", "repeats": 0, "flags": "",
    } | cells  # fmt: skip
    if row["status"] == "closed" and "net_e6" not in row:
        row["net_e6"] = row["gross_e6"] - row["fees_e6"] - row["funding_e6"]
        row["r"] = row["net_e6"] / row["risk_e6"]
    if row["status"] != "closed":
        gone = ("closed_ns", "exit_px", "gross_e6", "fees_e6", "funding_e6", "exit_reason")
        row |= dict.fromkeys(gone)
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    # The sums that triggers keep are made by the rise to `closed`.
    db.execute(f"INSERT INTO trade ({names}) VALUES ({marks})", list(row.values()))
    db.execute("UPDATE trade SET status = status WHERE trade_id = ?", (row["trade_id"],))
    return int(row["trade_id"])


def writable(root: Path) -> tuple[StateDir, sqlite3.Connection]:
    """Return a state with an empty database, and a connection that may write to it."""
    state = StateDir(root, "local")
    state.create()
    Store(state.database, mode="local", network="testnet").close()
    return state, sqlite3.connect(state.database, isolation_level=None)
