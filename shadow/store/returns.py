"""Weight history, daily returns, and the trades behind those, read from the database."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

from market.money import divide_half_even
from shadow.store.history import every_run_kept_phantoms, first_day, whole_trades
from shadow.store.rows import day_of
from shadow.store.tables.trades import sound
from shadow.store.tables.weights import ReturnRow, WeightRow

# What is ranked: twins for what was admitted, phantoms for what was blocked, whatever blocked
# them; no trade that lacks a fact.
_RANKED = (
    "t.risk_e6 > 0 AND (t.kind = 'twin' OR (t.kind = 'phantom' AND t.cause = 'block'))"
    f" AND {sound('t')}"
)


class Earned(NamedTuple):
    """Day's result of a bot, from its trades; `marks` counts their parts, each rounded once."""

    r_e6: int
    closed: int
    marks: int


def weight_rows(db: sqlite3.Connection, *, since: str = "") -> list[WeightRow]:
    """Return the history of all weights, oldest first."""
    cursor = db.execute(
        f"SELECT {WeightRow.columns()} FROM weight WHERE day >= ? ORDER BY day, scope, name",
        (since,),
    )
    return [WeightRow(*row) for row in cursor]


def latest_weights(db: sqlite3.Connection) -> list[WeightRow]:
    """Return the newest row of every name."""
    cursor = db.execute(
        f"SELECT {WeightRow.columns()} FROM weight w WHERE day ="
        " (SELECT MAX(day) FROM weight WHERE scope = w.scope AND name = w.name)"
        " ORDER BY scope, name"
    )
    return [WeightRow(*row) for row in cursor]


def return_rows(db: sqlite3.Connection) -> list[ReturnRow]:
    """Return all daily returns, in the order in which they became known."""
    cursor = db.execute(f"SELECT {ReturnRow.columns()} FROM return_day ORDER BY known, day, bot")
    return [ReturnRow(*row) for row in cursor]


def waiting(db: sqlite3.Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """Return, by bot and day, what the next step will learn."""
    row = db.execute("SELECT value FROM state WHERE key = 'returns'").fetchone()
    found = json.loads(row[0]) if row is not None else {}
    return {
        (bot, day_of(int(at_ms))): (r_e6, closed)
        for bot, days in found.items()
        for at_ms, (r_e6, closed) in days.items()
    }


def earned(db: sqlite3.Connection, since: str) -> dict[tuple[str, str], Earned]:
    """Return, by bot and day, what the trades themselves make, from a UTC date on."""
    sums: dict[tuple[str, str], Earned] = {}
    marks = db.execute(
        "SELECT t.bot, d.day, d.mtm_e6, t.risk_e6 FROM trade_day d JOIN trade t USING (trade_id)"
        f" WHERE {_RANKED} AND d.day >= ?",
        (since,),
    )
    for bot, day, mtm_e6, risk_e6 in marks:
        r, closed, n = sums.get((bot, day), (0, 0, 0))
        part = divide_half_even(mtm_e6 * 1_000_000, risk_e6)
        sums[bot, day] = Earned(r + part, closed, n + 1)
    ends = db.execute(
        "SELECT t.bot, date(t.closed_ns / 1000000000, 'unixepoch') AS day, COUNT(*) FROM trade t"
        f" WHERE {_RANKED} AND t.net_e6 IS NOT NULL GROUP BY t.bot, day HAVING day >= ?",
        (since,),
    )
    for bot, day, count in ends:
        r, closed, n = sums.get((bot, day), (0, 0, 0))
        sums[bot, day] = Earned(r, closed + count, n)
    return sums


def comparable_since(db: sqlite3.Connection) -> str | None:
    """Return the first UTC date whose trades are all there; None when they never all were.

    An earlier version deleted old trades, one counted those that lack a fact, and a run without
    the shadow writes none but real ones.
    """
    if not every_run_kept_phantoms(db):
        return None
    row = db.execute("SELECT value FROM about WHERE key = 'returns_sound_from'").fetchone()
    return max("" if whole_trades(db) else first_day(db), row[0] if row is not None else "")
