"""The database: one writing connection, one transaction a batch, state and rows together.

`write` puts rows and the durable state of the same instant into one transaction, so a crash
leaves the ledger and the statistics as they were at one event, never between two. Replay calls
it inline; a live daemon calls it from a single writer thread (see `daemon.live.journal`).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import quote

import msgspec
from msgspec.structs import astuple, fields

from market.errors import InputDamaged, OperatorError
from shadow.store.connection import (
    closed_in_order,
    connect,
    ended,
    is_busy,
    is_the_file,
    require_sound,
    transaction,
    unusable,
)
from shadow.store.details import Packer, shipped
from shadow.store.late import Late, late_rows, put_aside, put_aside_earlier, seq_of
from shadow.store.rebuild import rebuild
from shadow.store.retention import Limits, Tidied, give_back, tidy
from shadow.store.rows import Rows
from shadow.store.schema import MIGRATIONS, REBUILT, SCHEMA_VERSION
from shadow.store.seal import WHOLE, broken_seals, put_state, sums_after
from shadow.store.tables.decisions import PASSED, STORED, CheckRow, SignalRow
from shadow.store.tables.details import DetailRow, DictionaryRow
from shadow.store.tables.folds import ChoiceDayRow, LimitFoldRow
from shadow.store.tables.rollups import Key, RollupRow

if TYPE_CHECKING:
    from collections.abc import Iterator

# A page that was written often since the last time is folded in once.
CHECKPOINT_PAGES = 4000
# How long a commit waits for somebody else's transaction to end.
PATIENCE_S = 5.0
# How long it waits once the daemon is told to stop.
HURRY_S = 0.5


# What a key of `about` shall hold, from what it holds; None for nothing.
Decide = Callable[[str | None], str | None]

# Lists in `Rows` that are written in ways of their own.
APART = ("signals", "checks", "cuts", "rollups", "left_out", "limit_shifts")
# By name of the list in `Rows`, in the order of writing: what each kind of row is written with.
WRITES: tuple[tuple[str, str], ...] = tuple(
    (kind.name, get_args(kind.type)[0].statement())
    for kind in fields(Rows)
    if kind.name not in APART
)

# The largest piece of state is some hundred kilobytes; SQLite itself would take a gigabyte.
CELL_BYTES_MAX = 64 << 20


def summed(rollups: Iterable[RollupRow]) -> list[RollupRow]:
    """Return rollup rows added up by key, so that a batch touches each key once."""
    sums: dict[Key, RollupRow] = {}
    for row in rollups:
        found = sums.get(row.key)
        sums[row.key] = row if found is None else found.plus(row)
    return list(sums.values())


class Store:
    """The one writer of a database file. Call every method from one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        mode: str,
        network: str,
        say: Callable[[str], None] = lambda text: None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """Open or create; raises OperatorError for another mode, network or schema version.

        The pages of a file that was closed in order are not read; those of any other are. Raises
        DatabaseHeld while another process holds the file. `say` is told how far a migration is
        that takes long, `given_up` is asked now and then whether reading still makes sense.
        """
        self.path = path
        self.patience_s = PATIENCE_S
        self._connection = connect(path)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, CELL_BYTES_MAX)
        try:
            version = recognise(self._connection, path)
            if version:
                identify(self._connection, path, mode=mode, network=network)
            else:
                self._connection.execute("PRAGMA auto_vacuum=INCREMENTAL").fetchall()
            if version and not closed_in_order(self._connection):
                self._connection.set_progress_handler(given_up, 100_000)
                require_sound(self._connection, path)
                self._connection.set_progress_handler(None, 0)
            if 0 < version < REBUILT:
                migrate(self._connection, version, REBUILT - 1)
                self._connection.close()
                rebuild(path, say)
                self._connection, version = connect(path), REBUILT
            self._connection.execute("PRAGMA journal_mode=WAL").fetchall()
            migrate(self._connection, version, SCHEMA_VERSION)
            identify(self._connection, path, mode=mode, network=network)
            self._packer = Packer(adopt(self._connection, path, shipped()))
            self._sums = self._sealed()
            self._connection.execute("DELETE FROM about WHERE key = 'closed'")
            self._take_in()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            if is_the_file(error):
                raise unusable(path, error) from None
            raise
        except BaseException:
            self._connection.close()
            raise

    def write(self, rows: Rows, state: Mapping[str, str | None] | None = None) -> None:
        """Commit rows and durable state; a None value drops its key."""
        self._write(rows, state or {})
        self._checkpoint()

    def _write(self, rows: Rows, state: Mapping[str, str | None]) -> None:
        sums = sums_after(self._sums, state)
        with self._transaction() as db:
            if rows.signals:
                self._write_signals(db, rows)
            for name, statement in WRITES:
                batch = getattr(rows, name)
                if batch:
                    db.executemany(statement, map(astuple, batch))
            for shift in rows.limit_shifts:
                for moving, values in shift.statements():
                    db.execute(moving, values)
            sums_of_days = summed(rows.rollups + rows.left_out)
            if sums_of_days:
                db.executemany(RollupRow.statement(), map(astuple, sums_of_days))
            if state:
                put_state(db, state, sums)
        self._sums = sums

    def _write_signals(self, db: sqlite3.Connection, rows: Rows) -> None:
        """Write what plain SQL should find as columns, and the rest packed."""
        db.executemany(SignalRow.statement(), map(STORED, rows.signals))
        details = self._packer.rows(rows.signals, rows.checks)
        db.executemany(DetailRow.statement(), map(astuple, details))
        refused = (check for check in rows.checks if check.outcome != PASSED)
        db.executemany(CheckRow.statement(), map(astuple, chain(refused, rows.cuts)))

    def hurry(self) -> None:
        """Wait for nobody any more than a stop has time for; callable from any thread."""
        self.patience_s = HURRY_S

    def put_aside(self, rows: Rows, state: Mapping[str, str | None]) -> Path:
        """Keep rows that cannot be written in a file beside; the next opening takes them in."""
        return put_aside(self.path, Late(rows, dict(state)))

    def _take_in(self) -> None:
        """Write what an earlier run had to put aside, unless it is here already."""
        late = put_aside_earlier(self.path)
        if late is not None and late.seq > seq_of(self.state().get("vitals")):
            self._write(late.rows, late.state)
        late_rows(self.path).unlink(missing_ok=True)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run one write transaction, waiting for another process as long as patience lasts."""
        began = time.monotonic()
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() - began >= self.patience_s:
                    raise
        with ended(self._connection) as db:
            yield db

    def _checkpoint(self) -> None:
        wal = self.path.with_name(self.path.name + "-wal")
        if wal.exists() and wal.stat().st_size > CHECKPOINT_PAGES * 4096:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def state(self) -> dict[str, str]:
        """Return the durable state as last committed."""
        query = "SELECT key, value FROM state WHERE key <> ?"
        try:
            return dict(self._connection.execute(query, (WHOLE,)))
        except (sqlite3.DataError, sqlite3.OperationalError) as error:
            if is_the_file(error):
                raise
            # Too large, or bytes that are no text.
            raise InputDamaged(f"{self.path}: a piece of its state is no state ({error})") from None

    def known_coins(self) -> set[str]:
        """Return every coin that a run has traded."""
        query = (
            "SELECT DISTINCT c.value FROM run, json_each(run.config, '$.coins') c"
            " WHERE json_valid(run.config)"
        )
        return {str(name) for (name,) in self._connection.execute(query)}

    def _sealed(self) -> dict[str, int]:
        """Return the checksums of the durable state; raises OperatorError where one differs."""
        state = self.state()
        rows = self._connection.execute("SELECT key, value, sum FROM state").fetchall()
        broken = broken_seals(rows)
        if broken:
            raise OperatorError(
                f"{self.path}: damaged ({broken[0]}); restore a backup or move it aside"
            )
        sums = sums_after({}, state)
        if len(rows) != len(state) + 1:
            # Of a version that sealed nothing.
            with self._transaction() as db:
                put_state(db, state, sums)
        return sums

    def agree(self, key: str, decide: Decide) -> None:
        """Replace what `about` says of a key by what `decide` makes of it; None takes it away."""
        with self._transaction() as db:
            row = db.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
            value = decide(None if row is None else row[0])
            if value is None:
                db.execute("DELETE FROM about WHERE key = ?", (key,))
            else:
                db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, value))

    def copy_to(self, target: Path) -> None:
        """Write everything to a file of its own, whatever became of the name of this one."""
        fresh = target.with_name(f".{target.name}.part")
        fresh.unlink(missing_ok=True)
        with closing(sqlite3.connect(fresh)) as copy:
            self._connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").fetchall()
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(target)

    def leave(self) -> None:
        """Close without a word: another process holds the database."""
        self._connection.close()

    def keep(self, found: Iterable[LimitFoldRow | ChoiceDayRow | RollupRow]) -> None:
        """Keep what rows come to: folds in place of those before, and sums that lack a row."""
        with self._transaction() as db:
            for row in found:
                db.execute(row.statement(), astuple(row))

    def begin_run(self, **columns: Any) -> int:
        """Record the start of a run; return its id."""
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        with self._transaction() as db:
            cursor = db.execute(
                f"INSERT INTO run ({names}) VALUES ({marks})", tuple(columns.values())
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def update_run(self, run_id: int, **columns: Any) -> None:
        """Record how far a run has come, or how it ended."""
        sets = ", ".join(f"{name} = ?" for name in columns)
        with self._transaction() as db:
            db.execute(f"UPDATE run SET {sets} WHERE run_id = ?", (*columns.values(), run_id))

    def tidy(self, limits: Limits) -> Tidied:
        """Delete a slice of what is due, and give a slice of free pages back to the disk."""
        with self._transaction() as db:
            found = tidy(db, limits)
        shrinks = give_back(self._connection)
        self._checkpoint()
        return msgspec.structs.replace(found, more=found.more or shrinks)

    def close(self) -> None:
        """Fold the write-ahead log into the file and close."""
        self.hurry()
        with closing(self._connection) as db:
            with suppress(sqlite3.Error), self._transaction():
                # Last of all: whoever finds it need not read the file to trust it.
                db.execute("INSERT OR REPLACE INTO about VALUES ('closed', 'in order')")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def recognise(db: sqlite3.Connection, path: Path) -> int:
    """Return the schema version of a file, 0 for an empty one; refuse what is not ours."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise OperatorError(
            f"{path}: written by a newer gnomon (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade gnomon or name another --state"
        )
    if version == 0 and db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        raise OperatorError(f"{path}: not a gnomon database; move it aside or name another --state")
    return version


def adopt(db: sqlite3.Connection, path: Path, dictionary: DictionaryRow) -> DictionaryRow:
    """Put a dictionary into the file that is to be packed with it; return it."""
    query = "SELECT content FROM dictionary WHERE dictionary_id = ?"
    found = db.execute(query, (dictionary.dictionary_id,)).fetchone()
    if found is None:
        with transaction(db):
            db.execute(DictionaryRow.statement(), astuple(dictionary))
    elif found[0] != dictionary.content:
        raise OperatorError(
            f"{path}: holds another dictionary {dictionary.dictionary_id} than this gnomon packs "
            "with; restore a backup or move it aside"
        )
    return dictionary


def migrate(db: sqlite3.Connection, version: int, target: int) -> None:
    """Bring the schema from one version to another, one migration a transaction."""
    for number in range(version, target):
        with transaction(db):
            for statement in MIGRATIONS[number].split(";\n"):
                if statement.strip():
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {number + 1}")


def identify(db: sqlite3.Connection, path: Path, *, mode: str, network: str) -> None:
    """Write mode and network into a new file; refuse a file that holds others."""
    about = dict(db.execute("SELECT key, value FROM about"))
    if "mode" not in about:
        with transaction(db):
            db.executemany(
                "INSERT INTO about VALUES (?, ?)", [("mode", mode), ("network", network)]
            )
        return
    if (about.get("mode"), about.get("network")) != (mode, network):
        raise OperatorError(
            f"{path}: belongs to mode {about.get('mode')} on {about.get('network')}, "
            f"not to {mode} on {network}"
        )


def open_readonly(path: Path) -> sqlite3.Connection:
    """Open a database for reading beside a running daemon, also for a user who may not write.

    A reader of a write-ahead-logged database needs its shared-memory file. When the daemon has
    stopped, that file is gone and a read-only user could not make it; the database is then at
    rest and is read as immutable.
    """
    if not path.exists():
        raise OperatorError(f"{path}: no such database")
    at_rest = not path.with_name(path.name + "-wal").exists()
    immutable = "&immutable=1" if at_rest and not os.access(path.parent, os.W_OK) else ""
    db = None
    try:
        db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro{immutable}", uri=True, timeout=5.0)
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, CELL_BYTES_MAX)
        db.row_factory = sqlite3.Row
        version = db.execute("PRAGMA user_version").fetchone()[0]
        readable = db.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if db is not None:
            db.close()
        raise InputDamaged(f"{path}: cannot be read ({error})") from None
    if version != SCHEMA_VERSION or not readable:
        db.close()
        raise OperatorError(f"{path}: schema {version}, this gnomon reads {SCHEMA_VERSION}")
    return db
