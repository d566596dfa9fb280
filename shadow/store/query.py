"""Reading single stories out of the database."""

from __future__ import annotations

import json
import sqlite3
from typing import Any


def blocked_signals(
    db: sqlite3.Connection,
    *,
    only_open: bool = False,
    filter_: str | None = None,
    coin: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Return blocked signals with their phantoms, newest first."""
    where = ["1"]
    values: list[Any] = []
    if only_open:
        where.append("status <> 'closed'")
    if filter_ is not None:
        where.append("(',' || failing || ',') LIKE ?")
        values.append(f"%,{filter_},%")
    if coin is not None:
        where.append("coin = ?")
        values.append(coin)
    cursor = db.execute(
        f"SELECT * FROM blocked WHERE {' AND '.join(where)} ORDER BY signal_id DESC LIMIT ?",
        (*values, limit),
    )
    return _dicts(cursor)


def coins_seen(db: sqlite3.Connection) -> list[str]:
    """Return the coins that any signal was about."""
    return [coin for (coin,) in db.execute("SELECT DISTINCT coin FROM signal ORDER BY coin")]


def filters_seen(db: sqlite3.Connection) -> list[str]:
    """Return the filters that ever judged a signal."""
    return [name for (name,) in db.execute("SELECT DISTINCT filter FROM check_result ORDER BY 1")]


def explain(db: sqlite3.Connection, signal_id: int) -> dict[str, Any] | None:
    """Return a signal, its checks, and every trade that came of it; None when there is none."""
    signals = _dicts(db.execute("SELECT * FROM signal WHERE signal_id = ?", (signal_id,)))
    if not signals:
        return None
    signal = signals[0]
    for name in ("clamps", "saw", "book", "ages", "sizing", "vote"):
        signal[name] = json.loads(signal[name])
    checks = _dicts(db.execute("SELECT * FROM check_result WHERE signal_id = ?", (signal_id,)))
    trades = _dicts(
        db.execute(
            "SELECT * FROM trade WHERE signal_id = ? OR trade_id = ? ORDER BY trade_id",
            (signal_id, signal["trade_id"]),
        )
    )
    for trade in trades:
        trade["so_far_e6"] = _so_far(db, trade)
    return {"signal": signal, "checks": checks, "trades": trades}


def _so_far(db: sqlite3.Connection, trade: dict[str, Any]) -> int | None:
    """Return what an open trade has earned by its newest mark, before the costs of leaving it.

    Marks are written once a minute; None for one that is closed or was never marked.
    """
    key = f"trade/{trade['trade_id']}"
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    held = json.loads(row[0]) if row is not None else {}
    if trade["status"] == "closed" or not held.get("mark_px") or not held.get("entry_px"):
        return None
    left = (held["filled_lots"] - held["exit_lots"]) / held["filled_lots"]
    rest = left * held["entry_notional_e6"] * held["mark_px"] / held["entry_px"]
    gross = held["side"] * (held["exit_notional_e6"] + rest - held["entry_notional_e6"])
    earned: int = round(gross - held["fees_e6"] - held["funding_e6"])
    return earned


def _dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
