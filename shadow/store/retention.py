"""Retention: what is too old or too much goes, oldest first, a bounded slice at a time.

Trades, series of limits, branches, the days of all three and the rollups stay for good. Signals
with their checks, equity, readings of lenses and alarms stay for as long as is asked; the details
of signals and the trades of branches for a shorter time, and details are also what goes when the
file exceeds its size. With nothing due a call costs a few look-ups in
indexes, whatever the size of the file. Pages that became free go back to the disk, but for a
reserve that new rows will soon want again.
"""

from __future__ import annotations

import sqlite3

from msgspec import Struct

ROWS_A_SLICE = 500
PAGES_A_SLICE = 128
# Free pages that stay in the file: these, and one in so many of all.
RESERVE_PAGES, RESERVE_SHARE = 512, 32

# Tables whose rows go by their time alone.
TIMED = ("equity", "lens", "alarm")
MARK = (
    "INSERT INTO about VALUES (?, ?) ON CONFLICT DO UPDATE"
    " SET value = MAX(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))"
)
DETAILS_GONE_TO = "details_gone_to"
PRUNED_BEFORE_NS = "pruned_before_ns"


class Limits(Struct, frozen=True):
    """Times before which details, other rows and trades of branches go, and the bytes that the
    file may hold.
    """

    details_from_ns: int
    rows_from_ns: int
    bytes_max: float
    branch_trades_from_ns: int = 0


class Tidied(Struct, frozen=True):
    """Result of a slice: rows deleted, whether more is due, bytes in use, and whether they exceed
    the limit with nothing left to delete.
    """

    deleted: int
    more: bool
    bytes_used: int
    over: bool


def tidy(db: sqlite3.Connection, limits: Limits) -> Tidied:
    """Delete one slice of what is due, inside a transaction."""
    used = bytes_used(db)
    details, left = _details(db, limits, over=used > limits.bytes_max)
    counts = [details, _signals(db, limits.rows_from_ns)]
    counts += [_timed(db, table, limits.rows_from_ns) for table in TIMED]
    counts.append(_timed(db, "branch_trade", limits.branch_trades_from_ns, by="closed_ns"))
    return Tidied(
        sum(counts),
        any(count >= ROWS_A_SLICE for count in counts),
        used,
        over=used > limits.bytes_max and not left,
    )


def bytes_used(db: sqlite3.Connection) -> int:
    """Return the bytes of the pages that hold something."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def give_back(db: sqlite3.Connection) -> bool:
    """Cut a few free pages off the file, outside a transaction; return whether more could go."""
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    spare = db.execute("PRAGMA freelist_count").fetchone()[0]
    spare -= RESERVE_PAGES + pages // RESERVE_SHARE
    if spare <= 0:
        return False
    # A plain `execute` takes one step of the statement, and each step cuts off a single page.
    db.executescript(f"PRAGMA incremental_vacuum({min(spare, PAGES_A_SLICE)})")
    return bool(spare > PAGES_A_SLICE)


def _details(db: sqlite3.Connection, limits: Limits, *, over: bool) -> tuple[int, bool]:
    """Delete the oldest details; return how many, and whether there are others."""
    oldest = db.execute(
        "SELECT d.signal_id, COALESCE(s.ts_ns, 0) FROM signal_detail d"
        " LEFT JOIN signal s USING (signal_id) ORDER BY d.signal_id LIMIT ?",
        (ROWS_A_SLICE + 1,),
    )
    due: list[int] = []
    for signal_id, ts_ns in oldest:
        if len(due) == ROWS_A_SLICE or not (over or ts_ns < limits.details_from_ns):
            break
        due.append(signal_id)
    else:
        if not due:
            return 0, False
    if due:
        db.execute("DELETE FROM signal_detail WHERE signal_id <= ?", (due[-1],))
        db.execute(MARK, (DETAILS_GONE_TO, str(due[-1])))
    return len(due), True


def _signals(db: sqlite3.Connection, before_ns: int) -> int:
    """Delete the oldest signals with all that hangs on them.

    What came of one, and what followed that, must have ended before the same time: no day that is
    still made again from signals then lacks one.
    """
    due = db.execute(
        "SELECT signal_id FROM signal s WHERE ts_ns < :before_ns AND NOT EXISTS"
        " (SELECT 1 FROM trade t LEFT JOIN trade l ON l.trade_id = t.later_trade_id"
        f" WHERE t.signal_id = s.signal_id AND ({_lives('t')} OR {_lives('l')}))"
        " ORDER BY ts_ns LIMIT :most",
        {"before_ns": before_ns, "most": ROWS_A_SLICE},
    ).fetchall()
    if due:
        for table in ("signal_detail", "check_result", "signal"):
            db.executemany(f"DELETE FROM {table} WHERE signal_id = ?", due)
        db.execute(MARK, (PRUNED_BEFORE_NS, str(before_ns)))
    return len(due)


def _lives(trade: str) -> str:
    return f"{trade}.status <> 'closed' OR {trade}.closed_ns >= :before_ns"


def _timed(db: sqlite3.Connection, table: str, before_ns: int, by: str = "ts_ns") -> int:
    """Delete the oldest rows of a table; those of one instant go together."""
    (until,) = db.execute(
        f"SELECT MAX({by}) FROM"
        f" (SELECT {by} FROM {table} WHERE {by} < ? ORDER BY {by} LIMIT {ROWS_A_SLICE})",
        (before_ns,),
    ).fetchone()
    if until is None:
        return 0
    return db.execute(f"DELETE FROM {table} WHERE {by} <= ?", (until,)).rowcount
