"""Rebuilding: a database of an older layout is written anew beside itself and replaces itself.

What changes every row of the largest tables is done in a second file: memory stays bounded, no
log as large as the database is needed, the new file has no holes and can give space back to the
disk later, and until the one step in which it takes the old one's name, the old one is whole.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from msgspec.structs import astuple

from market.errors import OperatorError
from shadow.store.details import Packer, shipped
from shadow.store.schema import REBUILT
from shadow.store.tables.decisions import DECISIONS_5, PASSED, STORED, CheckRow, SignalRow
from shadow.store.tables.details import DETAILS_5, DetailRow, DictionaryRow
from shadow.store.tables.runs import STATE_5

ROWS_A_BATCH = 1_000
WAIT_S = 5.0
SAY_EVERY_S = 2.0
# What a rebuilt file may need of the disk, as a share of the old one; seen: 0.35 to 0.5.
SHARE = 0.75

# Tables with another shape than before.
RESHAPED = ("signal", "state")

Say = Callable[[str], None]


def rebuild(path: Path, say: Say) -> None:
    """Bring a database of the version before `REBUILT` up to it; `say` is told how far it is.

    Raises OperatorError when somebody else has it open or the disk has no room.
    """
    fresh = path.with_name(f".{path.name}.part")
    fresh.unlink(missing_ok=True)
    need, free = path.stat().st_size * SHARE, shutil.disk_usage(path.parent).free
    if free < need:
        raise OperatorError(
            f"{path}: to bring it up to date takes {need / 1e6:,.0f} MB of disk, "
            f"{free / 1e6:,.0f} are free"
        )
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=WAIT_S)) as old:
            _alone(old, path)
            old.execute("BEGIN IMMEDIATE")
            with closing(sqlite3.connect(fresh, isolation_level=None)) as new:
                _write(old, new, say)
            shutil.copymode(path, fresh)
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            old.execute("ROLLBACK")
        fresh.replace(path)
        _sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise OperatorError(f"{path}: cannot be brought up to date ({error})") from None
    finally:
        fresh.unlink(missing_ok=True)


def _alone(old: sqlite3.Connection, path: Path) -> None:
    """Fold in the log and take it away, which SQLite does only for who is alone with a file.

    A log or an index of it that somebody still used would be taken for the new file's.
    """
    try:
        old.execute("PRAGMA journal_mode=DELETE").fetchall()
    except sqlite3.OperationalError as error:
        raise OperatorError(
            f"{path}: must be brought up to date, but another process has it open ({error})"
        ) from None


def _write(old: sqlite3.Connection, new: sqlite3.Connection, say: Say) -> None:
    for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=OFF", "synchronous=OFF"):
        new.execute(f"PRAGMA {pragma}").fetchall()
    made: dict[str, list[tuple[str, str]]] = {"table": [], "index": [], "view": [], "trigger": []}
    for kind, name, sql in old.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid"):
        if sql is not None:
            made[kind].append((name, sql))
    new.execute("BEGIN")
    _run(new, (sql for name, sql in made["table"] if name not in RESHAPED))
    parts = (DECISIONS_5 + DETAILS_5 + STATE_5).split(";\n")
    _run(new, (part for part in parts if part.strip().startswith("CREATE TABLE")))
    for name, _ in made["table"]:
        if name == "signal":
            _copy_signals(old, new, say)
        elif name == "check_result":
            _copy(old, new, name, f"WHERE outcome <> '{PASSED}'")
        else:
            _copy(old, new, name)
    _run(new, (sql for name, sql in made["index"]))
    _run(new, (sql for name, sql in made["view"] + made["trigger"]))
    new.execute(f"PRAGMA user_version = {REBUILT}")
    new.execute("COMMIT")


def _run(db: sqlite3.Connection, statements: Iterator[str] | list[str]) -> None:
    for statement in statements:
        if statement.strip():
            db.execute(statement)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, name: str, where: str = "") -> None:
    cursor = old.execute(f"SELECT * FROM {name} {where}")
    insert = f"INSERT INTO {name} VALUES ({','.join('?' * len(cursor.description))})"
    while rows := cursor.fetchmany(ROWS_A_BATCH):
        new.executemany(insert, rows)


def _copy_signals(old: sqlite3.Connection, new: sqlite3.Connection, say: Say) -> None:
    packer = Packer(shipped())
    new.execute(DictionaryRow.statement(), astuple(shipped()))
    (total,) = old.execute("SELECT COUNT(*) FROM signal").fetchone()
    cursor = old.execute(f"SELECT {SignalRow.columns()} FROM signal ORDER BY signal_id")
    done, said = 0, time.monotonic()
    while rows := cursor.fetchmany(ROWS_A_BATCH):
        signals = [SignalRow(*row) for row in rows]
        checks = old.execute(
            f"SELECT {CheckRow.columns()} FROM check_result WHERE signal_id BETWEEN ? AND ?",
            (signals[0].signal_id, signals[-1].signal_id),
        )
        new.executemany(SignalRow.statement(), map(STORED, signals))
        details = packer.rows(signals, (CheckRow(*check) for check in checks))
        new.executemany(DetailRow.statement(), map(astuple, details))
        done += len(rows)
        if time.monotonic() - said >= SAY_EVERY_S:
            said = time.monotonic()
            say(f"bringing the database up to date: {done:,} of {total:,} signals")


def _sync_folder(folder: Path) -> None:
    """Make a new name outlive a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
