"""Queries: blocked signals, what is judged and open, which coins and filters any signal met."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
from msgspec import Struct


class BlockedSignal(Struct):
    """A row of the view `blocked`: a refused signal with what its phantom has earned."""

    signal_id: int
    ts_ns: int
    bot: str
    division: str
    coin: str
    side: str
    failing: str
    sole: str
    fail_closed: int
    reason: str
    trade_id: int | None
    status: str | None
    exit_reason: str | None
    net_e6: int | None
    r: float | None
    bps: float | None
    mae_bps: float | None
    mfe_bps: float | None
    repeats: int | None
    later_trade_id: int | None
    flags: str | None


def blocked_signals(
    db: sqlite3.Connection,
    *,
    only_open: bool = False,
    filter_: str | None = None,
    coin: str | None = None,
    limit: int = 50,
) -> list[BlockedSignal]:
    """Return blocked signals with their phantoms, newest first."""
    where = ["1"]
    values: list[str | int] = []
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
    return [msgspec.convert(row, BlockedSignal) for row in named(cursor)]


def coins_seen(db: sqlite3.Connection) -> list[str]:
    """Return the coins that any signal was about."""
    return [coin for (coin,) in db.execute("SELECT DISTINCT coin FROM signal ORDER BY coin")]


def filters_seen(db: sqlite3.Connection) -> list[str]:
    """Return the filters that any signal did not pass."""
    return [name for (name,) in db.execute("SELECT DISTINCT filter FROM check_result ORDER BY 1")]


class _Series(Struct):
    filter: str


class _Book(Struct):
    known: list[_Series] = []


class _Trade(Struct):
    judged: list[int] = []


def open_by_limit(db: sqlite3.Connection) -> dict[str, int]:
    """Return, by limit, how many signals it judged that have no outcome yet.

    It reads what a restart would take up, so it costs no more than there are open trades.
    """
    row = db.execute("SELECT value FROM state WHERE key = 'series'").fetchone()
    known = [] if row is None else msgspec.json.decode(row[0], type=_Book).known
    found: dict[str, int] = {}
    # From the first to the last key that begins with "trade/".
    for (text,) in db.execute("SELECT value FROM state WHERE key > 'trade/' AND key < 'trade0'"):
        for at in msgspec.json.decode(text, type=_Trade).judged:
            name = known[at].filter
            found[name] = found.get(name, 0) + 1
    return found


def named(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """Return rows by the names of their columns."""
    names = [column for column, *_ in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
