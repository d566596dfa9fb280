from __future__ import annotations

import os
import shutil
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import astuple

from market.errors import InputDamaged, OperatorError
from shadow.report.report import report
from shadow.store import store as store_module
from shadow.store.check import broken_promises
from shadow.store.returns import comparable_since
from shadow.store.rows import OF_BRANCHES, OF_SERIES, Rows
from shadow.store.schema import MIGRATIONS, REBUILT, SCHEMA_VERSION
from shadow.store.store import Store, open_readonly, summed
from shadow.store.tables.alarms import AlarmRow
from shadow.store.tables.branches import BranchEnd, BranchRow
from shadow.store.tables.decisions import CheckRow, SignalRow
from shadow.store.tables.desk import EquityRow
from shadow.store.tables.limits import LimitDayRow
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.row import Row, Update
from shadow.store.tables.series import SeriesRow, SeriesUpdate
from shadow.store.tables.trades import OrderEventRow, TradeDayRow, TradeUpdate
from shadow.store.tables.weights import WeightRow
from tests.support.shadow import T0, history_stage, rows_of, tell_history, told

NOBODY = 65534


def local(path: Path) -> Store:
    return Store(path, mode="local", network="testnet")


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    with closing(open_readonly(path)) as db:
        tables = [
            r["name"] for r in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")
        ]
        return {
            t: [tuple(r) for r in db.execute(f"SELECT * FROM {t} ORDER BY 1, 2")] for t in tables
        }


def alarm(n: int) -> Rows:
    return Rows(alarms=[AlarmRow(n, n, "kind", "words")])


# Opening.


def test_a_state_of_hostile_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gnomon.db"
    local(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO state (key, value) VALUES ('desk', '1' || hex(zeroblob(50000)))")
        db.commit()
    monkeypatch.setattr(store_module, "CELL_BYTES_MAX", 100_000)
    with pytest.raises(InputDamaged, match="a piece of its state is no state"):
        local(path)
    with closing(open_readonly(path)) as db, pytest.raises(sqlite3.DataError, match="too big"):
        db.execute("SELECT value FROM state").fetchall()


def test_the_writing_connection_is_durable_and_careful(tmp_path: Path) -> None:
    store = local(tmp_path / "gnomon.db")
    db = store._connection
    pragmas = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "wal_autocheckpoint": 0,
        "busy_timeout": 250,
    }
    assert {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas} == pragmas
    store.close()


def test_what_was_written_is_there_when_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    store.write(alarm(1), {"desk": "{}"})
    store.close()
    again = local(path)
    assert again.state() == {"desk": "{}"}
    again.close()
    assert len(rows_of(path, "SELECT * FROM alarm")) == 1


@pytest.mark.parametrize(("mode", "network"), [("paper", "testnet"), ("local", "mainnet")])
def test_a_file_of_another_mode_or_network_is_refused(
    tmp_path: Path, mode: str, network: str
) -> None:
    path = tmp_path / "gnomon.db"
    local(path).close()
    with pytest.raises(OperatorError, match="belongs to mode local on testnet") as found:
        Store(path, mode=mode, network=network)
    assert found.value.exit_code == 78
    local(path).close()


def test_a_file_of_a_newer_gnomon_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    local(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(OperatorError, match="newer gnomon"):
        local(path)
    with pytest.raises(OperatorError, match=f"schema {SCHEMA_VERSION + 1}"):
        open_readonly(path)
    assert path.read_bytes() == before


def test_somebody_elses_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE accounts (a)")
        db.execute("INSERT INTO accounts VALUES (1)")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(OperatorError, match="not a gnomon database"):
        local(path)
    with pytest.raises(OperatorError):
        open_readonly(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["gnomon.db"]


@pytest.mark.parametrize("length", [4096, 20_000])
def test_what_is_no_database_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "gnomon.db"
    path.write_bytes(b"no database " * (length // 12))
    before = path.read_bytes()
    with pytest.raises(OperatorError, match="not a usable database"):
        local(path)
    with pytest.raises(InputDamaged):
        open_readonly(path)
    assert path.read_bytes() == before


def torn_off(path: Path) -> None:
    """Take the mark of an orderly end away: what a crash leaves."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM about WHERE key = 'closed'")
        db.commit()


@pytest.mark.parametrize("damage", ["torn", "zeroed", "flipped"])
def test_a_damaged_database_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "gnomon.db"
    told(path)
    torn_off(path)
    raw = bytearray(path.read_bytes())
    pages = len(raw) // 4096
    if damage == "torn":
        raw = raw[: pages // 2 * 4096 + 100]
    elif damage == "zeroed":
        raw[4096 * 2 : 4096 * 4] = bytes(8192)
    else:
        for page in range(2, pages, 3):
            raw[page * 4096 + 3] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(OperatorError) as found:
        local(path)
    assert found.value.exit_code == 78


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError):
        local(tmp_path / "nowhere" / "gnomon.db")
    with pytest.raises(OperatorError, match="no such database"):
        open_readonly(tmp_path / "nowhere" / "gnomon.db")


@pytest.mark.parametrize("name", ["a b", "100%25", "what?", "no#1", "ä"])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    store = local(folder / "gnomon.db")
    store.write(alarm(1))
    store.close()
    assert len(rows_of(folder / "gnomon.db", "SELECT * FROM alarm")) == 1


# Orderly ends.


def test_only_a_file_that_was_not_closed_in_order_is_read_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gnomon.db"
    read: list[Path] = []
    monkeypatch.setattr(store_module, "require_sound", lambda db, path: read.append(path))
    local(path).close()
    store = local(path)
    assert read == []
    store.write(alarm(1))
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(copy)) as to:
        store._connection.backup(to)
    local(copy).close()
    assert read == [copy], "a run that has not ended leaves no mark of an end"
    store.close()
    local(path).close()
    assert read == [copy]


# Migrations.


def migrated(monkeypatch: pytest.MonkeyPatch, *scripts: str) -> None:
    """Let a later gnomon know more migrations."""
    monkeypatch.setattr(store_module, "MIGRATIONS", (*MIGRATIONS, *scripts))
    monkeypatch.setattr(store_module, "SCHEMA_VERSION", SCHEMA_VERSION + len(scripts))


def test_an_older_file_is_brought_up_to_date_with_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    store.write(alarm(1))
    store.close()
    second = "CREATE TABLE later (a INTEGER) STRICT;\nINSERT INTO later SELECT ts_ns FROM alarm;\n"
    migrated(monkeypatch, second, "ALTER TABLE later ADD COLUMN b TEXT;\n")
    local(path).close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 2,)
        assert db.execute("SELECT a, b FROM later").fetchall() == [(1, None)]
    local(path).close()


SUMS = ("rollup", "rollup_day", "slice_day")


def test_a_file_of_every_earlier_version_ends_up_the_same(tmp_path: Path) -> None:
    """What a migration derives from old rows is what they would have been written with."""
    stage = history_stage()
    tell_history(stage)
    for name in (*OF_SERIES, *OF_BRANCHES):
        # Of these no earlier version had any.
        getattr(stage.rows, name).clear()
    paths = [tmp_path / f"{version}.db" for version in range(1, SCHEMA_VERSION + 1)]
    for version, path in enumerate(paths, start=1):
        if version < REBUILT:
            write_before_5(path, version, stage.rows)
        else:
            store = local(path)
            store.write(stage.rows)
            store.close()
        local(path).close()
    newest = content(paths[-1])
    assert [row for row in newest["rollup"] if row[2] == "head"] != []
    assert newest["signal_detail"] and newest["dictionary"]
    known = newest
    for version, path in enumerate(paths[2:], start=3):
        found = content(path)
        newest = without_costs(known) if version < REBUILT else known
        found["about"] = [row for row in found["about"] if row[0] != "returns_sound_from"]
        # Sums that were made again may differ in their last digit.
        for name in SUMS:
            sums = [[approx_real(cell) for cell in row] for row in found.pop(name)]
            assert sums == [[approx_real(cell) for cell in row] for row in newest[name]], name
        assert found == {name: rows for name, rows in newest.items() if name not in SUMS}
        assert schema(path) == schema(paths[-1])
    newest = without_costs(known)
    for path in paths[:2]:
        old_content = content(path)
        assert old_content.pop("return_day") == []
        assert old_content["about"].pop() == ("returns_sound_from", "2025-09-02")
        for name, rows in old_content.items():
            kept = {"weight": 6}.get(name)
            mine, theirs = ([r[:kept] for r in found] for found in (rows, newest[name]))
            if name in SUMS:
                mine, theirs = ([[approx_real(c) for c in r] for r in rs] for rs in (mine, theirs))
            if name == "signal_detail":
                # Sizing and vote were not kept yet.
                assert [r[0] for r in mine] == [r[0] for r in theirs]
                continue
            assert mine == theirs, name


def without_costs(
    newest: dict[str, list[tuple[object, ...]]],
) -> dict[str, list[tuple[object, ...]]]:
    """Return what a file holds whose trades closed before their costs were kept."""
    trades = [(*row[: -len(COSTS)], *[None] * len(COSTS)) for row in newest["trade"]]
    days = [(row[0], 0, row[2], *[None] * 5, *row[8:]) for row in newest["shortfall_day"]]
    assert {row[1] for row in newest["shortfall_day"]} == {1} and days
    return {**newest, "trade": trades, "shortfall_day": days}


def before(path: Path, version: int, rows: Rows) -> None:
    """Write a file as a version did that packed details already."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum=INCREMENTAL").fetchall()
        db.execute("PRAGMA journal_mode=WAL").fetchall()
        for migration in MIGRATIONS[:version]:
            db.executescript(migration)
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("INSERT INTO about VALUES ('mode', 'local'), ('network', 'testnet')")
        for name, statement in store_module.WRITES:
            if batch := getattr(rows, name):
                db.executemany(statement, map(astuple, batch))


def test_version_9_adds_tables_and_touches_no_other(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    before(path, 8, alarm(1))
    with closing(sqlite3.connect(path)) as db:
        was = set(
            db.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name <> 'trade'"
            )
        )
    store = local(path)
    beside = Rows(
        series=[SeriesRow("id", "limit", 1, 5, None, "{}")],
        series_updates=[SeriesUpdate(20_000_000, "id")],
        branches=[BranchRow(4, "limit", "observed", "id", 5, "start")],
        branch_ends=[BranchEnd(9, "Monday", 4)],
        left_out=[RollupRow("day", "limit", "left_out", "open", "bot", 0, n, 0.0, 0.0, 0)
                  for n in (1, -1, 1)],
        limit_days=[
            LimitDayRow("day", "limit", "id", "bot", "clean", 1, r, 1, r, r, r)
            for r in (0.5, -1.0, 0.25)
        ],
    )  # fmt: skip
    store.write(beside)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        assert was < set(db.execute("SELECT name, sql FROM sqlite_schema"))
        assert db.execute("SELECT ts_ns FROM alarm").fetchall() == [(1,)]
        assert db.execute("SELECT * FROM series").fetchall() == [
            ("id", "limit", 1, 5, 20_000_000, "{}")
        ]
        assert db.execute("SELECT forked_ns, ended_ns, why FROM branch").fetchall() == [
            (5, 9, "start | Monday")
        ]
        assert db.execute("SELECT * FROM limit_day").fetchall() == [
            ("day", "limit", "id", "bot", "clean", 3, -0.25, 3, -0.25, 0.5, -1.0)
        ]
        assert db.execute("SELECT scope, entries FROM rollup").fetchall() == [("open", 1)]


def test_returns_of_an_older_version_are_compared_from_the_day_after_it(tmp_path: Path) -> None:
    """It counted trades that lack a fact; a new database is compared from its beginning."""
    path = tmp_path / "gnomon.db"
    desk = EquityRow(T0 + 5 * 86_400 * 10**9 + 7, 1, 1, 0, 0, 0, 0, 0)
    before(path, 8, Rows(equity=[desk]))
    local(path).close()
    local(tmp_path / "new.db").close()
    found = []
    for name in (path, tmp_path / "new.db"):
        with closing(open_readonly(name)) as db:
            found.append(comparable_since(db))
    assert found == ["2025-09-07", ""]


def schema(path: Path) -> set[tuple[str, str, str]]:
    with closing(open_readonly(path)) as db:
        rows = db.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {(kind, name, " ".join(sql.split())) for kind, name, sql in rows}


def write_before_5(path: Path, version: int, rows: Rows) -> None:
    """Write rows as a version before the fifth did: every column of a signal, every check."""
    if version < 3:
        rows = as_before_3(rows)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL").fetchall()
        for migration in MIGRATIONS[:version]:
            db.executescript(migration)
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("INSERT INTO about VALUES ('mode', 'local'), ('network', 'testnet')")
        signal = SIGNAL if version < 3 else SignalRow
        statements = {
            **dict(store_module.WRITES),
            "signals": Row.statement.__func__(signal),  # type: ignore[attr-defined]
            "checks": CheckRow.statement(),
            "trade_updates": UPDATE.statement(),
        }
        updates = [UPDATE(*(getattr(r, n) for n in LESS)) for r in rows.trade_updates]
        rows = msgspec.structs.replace(rows, trade_updates=updates)
        if version < 3:
            statements["weights"] = WEIGHT.statement()
            del statements["returns"]
        for name, statement in statements.items():
            if batch := getattr(rows, name):
                db.executemany(statement, map(astuple, batch))
        db.executemany(RollupRow.statement(), map(astuple, summed(rows.rollups)))


def approx_real(value: object) -> object:
    return round(value, 9) if isinstance(value, float) else value


def first(kind: type[Row], count: int) -> type[Row]:
    """Return a kind of row as it was when its table had only its first columns."""
    spec = [(name, object) for name in kind.__struct_fields__[:count]]
    made = msgspec.defstruct(kind.__name__, spec, bases=(Row,))
    made.table, made.verb = kind.table, kind.verb  # type: ignore[attr-defined]
    return made  # type: ignore[return-value]


# What signals and weights had before the third version of the schema.
SIGNAL, WEIGHT = first(SignalRow, 28), first(WeightRow, 6)
# What trades had not before the eleventh.
COSTS = (
    *("exit_decision_mid", "entry_delay_e6", "entry_impact_e6"),
    *("exit_delay_e6", "exit_impact_e6"),
)
LESS = [name for name in TradeUpdate.__struct_fields__ if name not in COSTS]
UPDATE = msgspec.defstruct("Less", [(n, object) for n in LESS], bases=(Update,))
UPDATE.table = TradeUpdate.table  # type: ignore[attr-defined]


def as_before_3(rows: Rows) -> Rows:
    """Return rows as they were written then."""
    older = Rows()
    older.extend(rows)
    older.signals = [SIGNAL(*astuple(row)[:28]) for row in rows.signals]  # type: ignore[misc]
    older.weights = [WEIGHT(*astuple(row)[:6]) for row in rows.weights]  # type: ignore[misc]
    older.rollups = [row for row in rows.rollups if row.mode != "score"]
    return older


def test_a_migration_that_fails_leaves_the_version_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gnomon.db"
    local(path).close()
    good = "CREATE TABLE fine (a INTEGER) STRICT;\n"
    bad = "CREATE TABLE half (a INTEGER) STRICT;\nINSERT INTO nowhere VALUES (1);\n"
    migrated(monkeypatch, good, bad)
    with pytest.raises(sqlite3.OperationalError):
        local(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        assert "fine" in names
        assert "half" not in names


def test_a_reader_refuses_a_file_that_was_not_migrated_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gnomon.db"
    local(path).close()
    migrated(monkeypatch, "CREATE TABLE x (a INTEGER) STRICT;\n")
    with pytest.raises(OperatorError, match=f"reads {SCHEMA_VERSION + 1}"):
        open_readonly(path)


# Writing.


def test_rows_and_state_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    stage = history_stage()
    tell_history(stage)
    store = stage.open_store(path)
    stage.commit()
    before = content(path)
    (trade_id,) = rows_of(path, "SELECT MIN(trade_id) AS id FROM trade")[0].values()
    rows = Rows(
        alarms=[AlarmRow(9, 9, "kind", "words")],
        equity=[EquityRow(9, 1, 1, 0, 0, 0, 0, 0)],
        trade_days=[TradeDayRow(trade_id, "2025-09-01", 5)],
        rollups=[RollupRow("2025-09-01", "limit", "enforce", "sole", "alpha", 1, 1, 1.0, 1.0, 1)],
        order_events=[OrderEventRow(1, 1, "event", None)],  # type: ignore[arg-type] # NOT NULL: fails after other tables were written
    )
    with pytest.raises(sqlite3.IntegrityError):
        store.write(rows, {"desk": "gone"})
    assert content(path) == before
    rows.order_events.clear()
    store.write(rows, {"desk": "new"})
    assert content(path) != before
    store.close()


def test_a_batch_cannot_be_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    stage = history_stage()
    tell_history(stage)
    rows, _ = stage.rows, stage.open_store(path)
    stage.commit()
    before = content(path)
    with pytest.raises(sqlite3.IntegrityError):
        stage.store.write(rows)  # type: ignore[union-attr]
    assert content(path) == before
    stage.store.close()  # type: ignore[union-attr]


def test_a_state_that_is_none_goes(tmp_path: Path) -> None:
    store = local(tmp_path / "gnomon.db")
    store.write(Rows(), {"a": "1", "b": "2"})
    store.write(Rows(), {"a": None, "b": "3", "never": None})
    assert store.state() == {"b": "3"}
    store.write(Rows(), None)
    assert store.state() == {"b": "3"}
    store.close()


def test_days_and_sums_of_one_key_add_up(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    key = ("2025-09-01", "limit", "enforce", "sole", "alpha")
    for _ in range(2):
        store.write(
            Rows(
                trade_days=[TradeDayRow(1, "2025-09-01", part) for part in (5, -2)],
                rollups=[
                    RollupRow(*key, 1, 1, 0.5, 2.0, 7),
                    RollupRow(*key, 0, -1, 0.25, 1.0, -3),
                ],
            )
        )
    store.close()
    assert rows_of(path, "SELECT mtm_e6 FROM trade_day") == [{"mtm_e6": 6}]
    (row,) = rows_of(path, "SELECT * FROM rollup")
    assert tuple(row.values()) == (*key, 2, 0, 1.5, 6.0, 8)


def test_sums_touch_each_key_once() -> None:
    a, b = ("d", "f", "m", "s", "x"), ("d", "f", "m", "s", "y")
    rows = [
        RollupRow(*a, 1, 1, 0.5, 1.0, 10),
        RollupRow(*b, 1, 0, 0.0, 0.0, 0),
        RollupRow(*a, 0, -1, 0.25, -1.0, 5),
    ]
    assert summed(rows) == [RollupRow(*a, 1, 0, 0.75, 0.0, 15), RollupRow(*b, 1, 0, 0.0, 0.0, 0)]
    assert summed([]) == []


def test_a_run_is_recorded_and_followed(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    columns = {
        "started_ns": 1, "mode": "local", "network": "testnet", "config_hash": "c",
        "policy_hash": "p", "code_version": "v", "seed": 7, "first_seq": 1, "last_seq": 0,
        "config": "{}",
    }  # fmt: skip
    first, second = store.begin_run(**columns), store.begin_run(**columns)
    assert second == first + 1
    store.update_run(second, last_seq=9, ended_why="told to", digest="d")
    store.close()
    found = rows_of(path, "SELECT last_seq, ended_why, digest, code_version FROM run")
    assert [tuple(r.values()) for r in found] == [(0, None, "", "v"), (9, "told to", "d", "v")]


# The write-ahead log.


def test_the_log_is_folded_in_every_so_many_pages_and_not_at_every_commit(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "CHECKPOINT_PAGES", 1_000)
    path = quick / "wal.db"
    store = local(path)
    checkpoints = 0

    def trace(statement: str) -> None:
        nonlocal checkpoints
        checkpoints += "wal_checkpoint" in statement

    store._connection.set_trace_callback(trace)
    pages = []
    for i in range(120):
        store.write(Rows(alarms=[AlarmRow(i, j, "kind", "w" * 200) for j in range(300)]))
        pages.append(path.with_name("wal.db-wal").stat().st_size // 4096)
    assert max(pages) < 1_200
    assert 2 <= checkpoints <= 4
    store._connection.set_trace_callback(None)
    store.close()
    assert not path.with_name("wal.db-wal").exists()


# Reading beside a writer.


def test_a_reader_sees_commits_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    with closing(open_readonly(path)) as db:
        assert db.execute("SELECT COUNT(*) FROM alarm").fetchone()[0] == 0
        store.write(alarm(1))
        assert db.execute("SELECT COUNT(*) FROM alarm").fetchone()[0] == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("DELETE FROM alarm")
        # Names instead of positions.
        assert db.execute("SELECT kind FROM alarm").fetchone()["kind"] == "kind"
    store.close()


def test_a_reader_in_the_middle_of_a_read_holds_no_writer_up(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    store.write(Rows(alarms=[AlarmRow(i, i, "kind", "words") for i in range(100)]))
    with closing(open_readonly(path)) as db:
        cursor = db.execute("SELECT * FROM alarm")
        cursor.fetchone()
        store.write(alarm(1_000))
        assert len(cursor.fetchall()) == 99
    store.close()


def as_nobody(work: Callable[[], None]) -> Callable[[], None]:
    """Begin work as an unprivileged user in a process of its own; return how to await it.

    The process is made before anything is opened here: SQLite must not be carried over a fork.
    """
    go_read, go_write = os.pipe()
    said_read, said_write = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(go_write)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.read(go_read, 1)
            work()
            code = 0
        except BaseException:
            os.write(said_write, traceback.format_exc().encode())
        finally:
            os._exit(code)
    os.close(go_read)
    os.close(said_write)

    def finish() -> None:
        os.close(go_write)
        _, status = os.waitpid(pid, 0)
        words = os.read(said_read, 65536).decode()
        os.close(said_read)
        assert os.waitstatus_to_exitcode(status) == 0, words

    return finish


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("when", ["running", "closed", "killed"])
def test_a_user_who_may_not_write_can_read(quick: Path, when: str) -> None:
    """While the log exists, after a clean close, and after a kill -9 that left the log behind."""
    folder = quick / when
    folder.mkdir(mode=0o755)
    quick.chmod(0o755)
    path = folder / "gnomon.db"

    def read() -> None:
        with closing(open_readonly(path)) as db:
            assert db.execute("SELECT COUNT(*) FROM alarm").fetchone()[0] == 2
            assert broken_promises(db) == []
            assert report(db, by="filter").rows == []
        with pytest.raises(PermissionError):
            (folder / "mine").write_text("no")

    finish = as_nobody(read)
    if when == "killed":
        writer = os.fork()
        if not writer:
            store = local(path)
            store.write(alarm(1))
            store.write(alarm(2))
            os.kill(os.getpid(), 9)
        os.waitpid(writer, 0)
    else:
        store = local(path)
        store.write(alarm(1))
        store.write(alarm(2))
        if when == "closed":
            store.close()
    assert path.with_name("gnomon.db-wal").exists() == (when != "closed")
    finish()
    if when == "running":
        store.write(alarm(3))
        store.close()
        assert len(rows_of(path, "SELECT * FROM alarm")) == 3


def test_after_a_clean_close_the_file_alone_is_the_whole_database(tmp_path: Path) -> None:
    path, copy = tmp_path / "gnomon.db", tmp_path / "copy.db"
    told(path)
    shutil.copy(path, copy)
    assert content(copy) == content(path)
