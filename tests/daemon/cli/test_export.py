from __future__ import annotations

import csv
import json
import sqlite3
import sys
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from daemon.cli import export as module
from daemon.cli.export import columns, export, relations
from market.errors import OperatorError
from shadow.store.details import Details
from shadow.store.store import open_readonly
from shadow.store.tables.decisions import CheckRow
from tests.daemon.cli.conftest import Cli


def rows_of(state: Path, name: str) -> list[tuple[Any, ...]]:
    """Return a relation's rows, the details of signals unpacked."""
    with closing(open_readonly(state / "local" / "gnomon.db")) as db:
        if name == "signal_detail":
            return [
                (number, d.saw, d.book, d.ages, d.sizing, d.vote, passed(d.checks))
                for number, d in Details(db).all()
            ]
        return [tuple(row) for row in db.execute(f'SELECT * FROM "{name}"')]


def passed(checks: list[CheckRow]) -> str:
    kept = ("filter", "mode", "outcome", "value", "threshold", "reason", "version")
    plain = [{name: getattr(check, name) for name in kept} for check in checks]
    return msgspec.json.encode(plain).decode()


def names_of(state: Path) -> list[str]:
    with closing(open_readonly(state / "local" / "gnomon.db")) as db:
        return relations(db)


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_every_table_and_view_gets_its_file(
    format_: str, cli: Cli, traded: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    ran = cli("db", "export", out, "--format", format_, "--state", traded)
    names = names_of(traded)
    assert ran.code == 0 and ran.out == "" and f"wrote {len(names)} files" in ran.err
    assert {p.name for p in out.iterdir()} == {f"{n}.{format_}" for n in names}
    assert {"trade", "signal", "signal_detail", "rollup", "blocked", "head"} <= set(names)
    assert "dictionary" not in names


def test_csv_reads_back_to_the_last_digit(cli: Cli, traded: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = cli("db", "export", out, "--json", "--state", traded)
    told = {w["table"]: w for w in json.loads(ran.out)}
    for name in names_of(traded):
        with (out / f"{name}.csv").open(newline="") as file:
            head, *lines = csv.reader(file)
        rows = rows_of(traded, name)
        assert told[name] == {"table": name, "file": str(out / f"{name}.csv"), "rows": len(rows)}
        assert len(lines) == len(rows)
        for line, row in zip(lines, rows, strict=True):
            assert len(head) == len(line)
            for text, value in zip(line, row, strict=True):
                assert text.removeprefix("'") == ("" if value is None else str(value))
                rounded = isinstance(value, int) and abs(value) > 2**53
                assert text.startswith("'") == rounded


def test_parquet_holds_the_same_with_types(cli: Cli, traded: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cli("db", "export", out, "--format", "parquet", "--state", traded)
    for name in names_of(traded):
        found = pq.read_table(out / f"{name}.parquet")
        rows = [tuple(r.values()) for r in found.to_pylist()]
        assert rows == rows_of(traded, name)
    schema = pq.read_schema(out / "trade.parquet")
    assert schema.field("net_e6").type == pa.int64() and schema.field("r").type == pa.float64()
    assert schema.field("bot").type == pa.string()
    assert pq.read_schema(out / "head.parquet").field("bps").type == pa.float64()


def test_only_what_was_named(cli: Cli, traded: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wanted = ("--table", "trade", "--table", "blocked", "--table", "trade")
    assert cli("db", "export", out, *wanted, "--state", traded).code == 0
    assert {p.name for p in out.iterdir()} == {"trade.csv", "blocked.csv"}
    ran = cli("db", "export", out / "more", "--table", "trades", "--state", traded)
    assert ran.code == 2 and "trades" in ran.err and "trade_day" in ran.err
    assert not (out / "more").exists()


def test_files_that_exist_are_left_unless_forced(cli: Cli, traded: Path, tmp_path: Path) -> None:
    (tmp_path / "trade.csv").write_text("mine")
    ran = cli("db", "export", tmp_path, "--state", traded)
    assert ran.code == 78 and "exists already; --force" in ran.err and ran.err.count("\n") == 1
    assert (tmp_path / "trade.csv").read_text() == "mine"
    assert not (tmp_path / "signal.csv").exists()
    assert cli("db", "export", tmp_path, "--force", "--state", traded).code == 0
    assert (tmp_path / "trade.csv").read_text() != "mine"


def test_text_with_commas_quotes_and_lines_survives(tmp_path: Path) -> None:
    text = 'a "b", c\nd; ä'
    db = sqlite3.connect(":memory:")
    with closing(db):
        db.execute("CREATE TABLE t (a TEXT, b INTEGER, c REAL) STRICT")
        db.execute("INSERT INTO t VALUES (?, NULL, 0.1)", (text,))
        db.commit()
        assert list(export(db, ["t"], tmp_path, "csv")) == [(tmp_path / "t.csv", 1)]
    with (tmp_path / "t.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["a", "b", "c"], [text, "", "0.1"]]


def test_computed_columns_get_the_type_of_what_is_in_them() -> None:
    db = sqlite3.connect(":memory:")
    with closing(db):
        db.execute("CREATE TABLE t (n INTEGER, x REAL, s TEXT) STRICT")
        db.execute(
            "CREATE VIEW v AS SELECT n, n + 1 AS i, CASE WHEN n = 1 THEN 1 ELSE x END AS m,"
            " s || '!' AS w, NULL AS none FROM t"
        )
        db.execute("INSERT INTO t VALUES (1, 0.5, 'a'), (2, 0.5, 'b')")
        assert columns(db, "v") == {
            "n": "INTEGER", "i": "INTEGER", "m": "REAL", "w": "TEXT", "none": "TEXT",
        }  # fmt: skip


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_large_table_is_never_held_whole(
    format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_A_BATCH", 100)
    db = sqlite3.connect(tmp_path / "large.db")
    with closing(db):
        db.execute("CREATE TABLE t (n INTEGER, s TEXT) STRICT")
        db.executemany("INSERT INTO t VALUES (?, ?)", ((i, "x" * 1000) for i in range(20_000)))
        db.commit()
        list(export(db, ["t"], tmp_path, format_))
        tracemalloc.start()
        try:
            db.rollback()
            assert dict(export(db, ["t"], tmp_path, format_)).popitem()[1] == 20_000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 5_000_000, "twenty megabytes of rows went by"


def test_without_pyarrow_parquet_says_what_is_missing(
    cli: Cli, traded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ran = cli("db", "export", tmp_path / "out", "--format", "parquet", "--state", traded)
    assert (
        ran.code == 78 and "pyarrow, of the extra parquet" in ran.err and ran.err.count("\n") == 1
    )
    assert not list((tmp_path / "out").iterdir())


def test_a_failure_half_way_leaves_no_half_file(
    traded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_stream", full)
    with (
        closing(open_readonly(traded / "local" / "gnomon.db")) as db,
        pytest.raises(OperatorError, match=r"trade.csv: cannot be written \(No space left"),
    ):
        list(export(db, ["trade"], tmp_path, "csv"))
    assert not list(tmp_path.glob("*trade*"))
