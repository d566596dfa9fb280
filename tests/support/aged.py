"""Databases of any age, made at once: signals, their blocked trades, fills and days without end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from market.events import NS_PER_S
from shadow.store.store import Store

T0_NS = 1_700_000_000 * NS_PER_S
# A signal every twenty seconds, each with one phantom that lived for an hour.
EVERY_NS = 20 * NS_PER_S
_AT = f"({T0_NS} + i * {EVERY_NS})"
_CLOSED = f"({_AT} + 3600000000000)"

# What stands in a column, wherever one of that name is; what is not named is empty.
CELLS = {
    "signal_id": "i", "trade_id": "i * 4 + 2", "seq": "i", "ts_ns": _AT, "bot": "'donchian'",
    "division": "'trend'", "coin": "'BTC'", "side": "'buy'", "verdict": "'blocked'",
    "failing": "'direction'", "sole": "'direction'", "filter": "'direction'",
    "mode": "'enforce'", "outcome": "'fail'", "reason": "'the vote is against it'",
    "clamps": "'[]'", "kind": "'phantom'", "cause": "'block'", "status": "'closed'",
    "exit_reason": "'horizon'", "decided_ns": _AT, "opened_ns": _AT, "closed_ns": _CLOSED,
    "day": f"date({_CLOSED} / 1000000000, 'unixepoch')", "qty_lots": "100", "net_e6": "910000",
    "mtm_e6": "910000", "gross_e6": "1000000", "fees_e6": "90000", "funding_e6": "0",
    "risk_e6": "1000000", "entry_notional_e6": "100000000", "r": "0.91", "bps": "91.0",
    "action": "'entry'", "packed": "zeroblob(300)", "lots": "100",
}  # fmt: skip
EMPTY = {"INTEGER": "0", "REAL": "0.0", "TEXT": "''", "BLOB": "zeroblob(300)"}
TABLES = ("signal", "signal_detail", "check_result", "trade", "fill", "trade_day")


def age(path: Path, trades: int) -> Path:
    """Fill a new database of local mode with closed phantoms of blocked signals; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Store(path, mode="local", network="local").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("BEGIN")
        db.execute("CREATE TEMP TABLE n (i INTEGER PRIMARY KEY)")
        db.execute(
            "INSERT INTO n WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < ?) SELECT i FROM n",
            (trades,),
        )
        for table in TABLES:
            columns = db.execute(f"PRAGMA table_info({table})").fetchall()
            cells = {
                name: CELLS.get(name, EMPTY[kind])
                for _, name, kind, needed, *_ in columns
                if needed or name in CELLS
            }
            if cells:
                names, values = ", ".join(cells), ", ".join(cells.values())
                db.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM n")
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return path
