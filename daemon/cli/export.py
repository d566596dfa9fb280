"""Export of tables and views to files, a batch of rows at a time.

What the database keeps packed, the details of signals, is written unpacked, as JSON.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict, astuple

from daemon.cli.cells import cells
from market.errors import ExtraMissing, OperatorError
from shadow.store.details import Detail, Details
from shadow.store.tables.details import DictionaryRow

FORMATS = ("csv", "parquet")
ROWS_A_BATCH = 10_000

Batch = list[tuple[Any, ...]]
Write = Callable[[Batch], None]


DETAILS = "signal_detail"
DETAIL_COLUMNS = {"signal_id": "INTEGER", **dict.fromkeys(Detail.__struct_fields__, "TEXT")}


def relations(db: sqlite3.Connection) -> list[str]:
    """Return the names of all tables and views but the one that serves only to unpack another."""
    query = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY type, name"
    names = [name for (name,) in db.execute(query) if not name.startswith("sqlite_")]
    return [name for name in names if name != DictionaryRow.table]


def export(
    db: sqlite3.Connection, names: list[str], folder: Path, format_: str
) -> Iterator[tuple[Path, int]]:
    """Write each table or view to `folder/NAME.FORMAT`; yield each file and its rows.

    All are of the same instant. A file gets its name once it is whole.
    """
    opened = {"csv": _csv, "parquet": _parquet}[format_]
    db.execute("BEGIN")
    for name in names:
        path = folder / f"{name}.{format_}"
        fresh = folder / f".{path.name}.part"
        try:
            with opened(db, name, fresh) as write:
                count = _stream(db, name, write)
            fresh.replace(path)
        except OSError as error:
            raise OperatorError(f"{path}: cannot be written ({error.strerror or error})") from None
        finally:
            fresh.unlink(missing_ok=True)
        yield path, count


def _stream(db: sqlite3.Connection, name: str, write: Write) -> int:
    rows = _details(db) if name == DETAILS else _plain(db, name)
    count = 0
    while batch := list(islice(rows, ROWS_A_BATCH)):
        write(batch)
        count += len(batch)
    return count


def _plain(db: sqlite3.Connection, name: str) -> Iterator[tuple[Any, ...]]:
    cursor = db.execute(f'SELECT * FROM "{name}"')
    cursor.row_factory = None
    return iter(cursor)


def _details(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    for signal_id, detail in Details(db).all():
        *texts, checks = astuple(detail)
        passed = [{k: v for k, v in asdict(check).items() if k != "signal_id"} for check in checks]
        yield (signal_id, *texts, msgspec.json.encode(passed).decode())


def columns(db: sqlite3.Connection, name: str) -> dict[str, str]:
    """Return a relation's columns with their types: INTEGER, REAL or TEXT.

    A column that a view computes declares none; it is looked at row by row instead.
    """
    if name == DETAILS:
        return DETAIL_COLUMNS
    found = {row[1]: row[2] for row in db.execute(f'PRAGMA table_info("{name}")')}
    for column, declared in found.items():
        if declared not in ("INTEGER", "REAL", "TEXT"):
            query = f'SELECT DISTINCT typeof("{column}") FROM "{name}"'
            kinds = {kind for (kind,) in db.execute(query)} - {"null"}
            found[column] = {"integer": "INTEGER", "real": "REAL"}.get(
                "real" if kinds == {"integer", "real"} else "".join(kinds), "TEXT"
            )
    return found


@contextmanager
def _csv(db: sqlite3.Connection, name: str, path: Path) -> Iterator[Write]:
    """Open a file of comma-separated values: a head line, null as an empty field, exact floats.

    Cells are as `daemon.cli.cells` makes them.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = (row[1] for row in db.execute(f'PRAGMA table_info("{name}")'))
        writer.writerow(DETAIL_COLUMNS if name == DETAILS else head)
        yield lambda rows: writer.writerows(map(cells, rows))


@contextmanager
def _parquet(db: sqlite3.Connection, name: str, path: Path) -> Iterator[Write]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        instead = "--format csv needs nothing"
        raise ExtraMissing("parquet", "pyarrow", "parquet", instead=instead) from None
    kinds = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}
    schema = pa.schema([(c, kinds[kind]) for c, kind in columns(db, name).items()])

    def write(rows: Batch) -> None:
        arrays = [
            pa.array(values, type=field.type)
            for values, field in zip(zip(*rows, strict=True), schema, strict=True)
        ]
        sink.write_batch(pa.record_batch(arrays, schema=schema))

    with pq.ParquetWriter(path, schema) as sink:
        yield write
