"""What every table's rows promise: their encoding, and that their fields are its columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import astuple, fields

from shadow.store.rows import OF_DESK, Rows
from shadow.store.store import Store, open_readonly
from shadow.store.tables.alarms import AlarmRow
from shadow.store.tables.branches import BranchEnd
from shadow.store.tables.decisions import APART, SignalRow
from shadow.store.tables.row import Row, Update
from shadow.store.tables.trades import RepeatsUpdate, TradeDayRow, TradeRow

KINDS: dict[str, type[Row]] = {
    f.name: kind for f in fields(Rows) if issubclass(kind := get_args(f.type)[0], Row)
}
AFFINITY = {int: "INTEGER", float: "REAL", str: "TEXT"}


def sample(kind: type[Row], *, empty: bool = False) -> list[Any]:
    """Return a value for every field, each another one; where it may be, None if `empty`."""
    values: list[Any] = []
    for i, spec in enumerate(fields(kind), start=1):
        options = get_args(spec.type) or (spec.type,)
        if empty and NoneType in options:
            values.append(None)
        else:
            values.append({int: i << 40, float: i + 0.1, str: f"text {i}"}[options[0]])
    return values


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_a_row_is_encoded_as_the_bare_array_of_its_values(name: str, empty: bool) -> None:
    values = sample(KINDS[name], empty=empty)
    row = KINDS[name](*values)
    assert msgspec.msgpack.encode(row) == msgspec.msgpack.encode(tuple(values))
    assert astuple(row) == tuple(values)


def test_rows_are_encoded_as_they_were_when_they_were_tuples() -> None:
    """The digest of a run is over these bytes: what was recorded replays to the same one."""
    rows = Rows(**{name: [kind(*sample(kind))] for name, kind in KINDS.items()})
    content = rows.encoded(OF_DESK)
    assert content == msgspec.msgpack.encode(
        {name: [tuple(sample(kind))] for name, kind in KINDS.items() if name in OF_DESK}
    )
    assert blake2b(content, digest_size=16).hexdigest() == "e45795903ed4324ec7aa900284f6ef1e"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    return path


@pytest.fixture(scope="module")
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_readonly(path)) as found:
        yield found


@pytest.mark.parametrize("name", KINDS)
def test_fields_are_columns_of_their_type(db: sqlite3.Connection, name: str) -> None:
    kind = KINDS[name]
    columns = {row["name"]: row for row in db.execute(f"PRAGMA table_info({kind.table})")}
    assert columns
    apart = APART if kind is SignalRow else ()
    assert not set(apart) & set(columns)
    for spec in fields(kind):
        if spec.name in apart:
            continue
        column, options = columns[spec.name], get_args(spec.type) or (spec.type,)
        assert column["type"] == AFFINITY[options[0]], spec.name
        # Only a later update knows that a column which begins empty will not be.
        if not issubclass(kind, Update):
            assert (NoneType in options) == (not column["notnull"] and not column["pk"]), spec.name


@pytest.mark.parametrize("name", [n for n, k in KINDS.items() if not issubclass(k, Update)])
def test_a_new_row_fills_every_column_that_must_not_be_empty(
    db: sqlite3.Connection, name: str
) -> None:
    kind = KINDS[name]
    filled = {*kind.__struct_fields__, *kind.constants}
    must = {
        row["name"]
        for row in db.execute(f"PRAGMA table_info({kind.table})")
        if row["notnull"] or row["pk"]
    }
    assert must <= filled


@pytest.mark.parametrize("name", [n for n, k in KINDS.items() if issubclass(k, Update)])
def test_an_update_ends_with_the_key_of_its_table(db: sqlite3.Connection, name: str) -> None:
    kind = KINDS[name]
    keys = [row["name"] for row in db.execute(f"PRAGMA table_info({kind.table})") if row["pk"]]
    assert [kind.__struct_fields__[-1]] == keys


def test_the_statement_of_a_row_names_its_columns() -> None:
    assert AlarmRow.statement() == (
        "INSERT INTO alarm (ts_ns, seq, kind, message) VALUES (?,?,?,?)"
    )
    assert BranchEnd.statement() == (
        "UPDATE branch SET ended_ns=?, why=why || ' | ' || ? WHERE branch_id=?"
    )
    assert RepeatsUpdate.statement() == "UPDATE trade SET repeats=? WHERE trade_id=?"
    assert TradeRow.statement().endswith(
        "qty_lots, repeats, flags) VALUES " + "(" + "?," * 13 + "0,0,'')"
    )
    assert TradeDayRow.statement().endswith("DO UPDATE SET mtm_e6 = mtm_e6 + excluded.mtm_e6")


def test_rows_can_be_compared_and_not_be_changed() -> None:
    one, two = AlarmRow(1, 2, "kind", "words"), AlarmRow(1, 2, "kind", "words")
    assert one == two and len({one, two}) == 1
    with pytest.raises(AttributeError):
        one.kind = "other"  # type: ignore[misc]


def test_no_row_is_watched_by_the_garbage_collector() -> None:
    assert all(kind.__struct_config__.gc is False for kind in KINDS.values())
    assert all(kind.__struct_config__.array_like for kind in KINDS.values())
    assert issubclass(SignalRow, Row)
