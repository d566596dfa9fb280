from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import zstandard

from market.errors import InputDamaged
from shadow.store.details import BYTES_MAX, Detail, Details, Packer, halves, shipped
from shadow.store.rows import Rows
from shadow.store.store import Store, open_readonly
from shadow.store.tables.decisions import APART, CheckRow
from tests.support.shadow import history_stage, tell_history


@pytest.fixture(scope="module")
def rows() -> Rows:
    stage = history_stage()
    tell_history(stage)
    return stage.rows


@pytest.fixture(scope="module")
def path(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("details") / "gnomon.db"
    store = Store(path, mode="local", network="testnet")
    store.write(rows)
    store.close()
    return path


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_readonly(path)) as found:
        yield found


def damaged(path: Path, tmp_path: Path, statement: str, *values: object) -> sqlite3.Connection:
    copy = tmp_path / "gnomon.db"
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as db:
        db.execute(statement, values)
        db.commit()
    return open_readonly(copy)


def test_what_was_packed_comes_out_as_it_was(rows: Rows, db: sqlite3.Connection) -> None:
    details = Details(db)
    for signal in rows.signals:
        found = details.of(signal.signal_id)
        assert found is not None
        assert [getattr(found, n) for n in APART] == [getattr(signal, n) for n in APART]
        mine = [c for c in rows.checks if c.signal_id == signal.signal_id]
        passed = sorted((c for c in mine if c.outcome == "pass"), key=lambda c: c.filter)
        assert found.checks == passed
        refused = db.execute("SELECT * FROM check_result WHERE signal_id = ?", (signal.signal_id,))
        assert [CheckRow(*r) for r in refused] == [c for c in mine if c.outcome != "pass"]
    assert [number for number, _ in details.all()] == [s.signal_id for s in rows.signals]
    assert details.of(123) is None


def test_every_frame_names_its_dictionary_and_needs_it(
    path: Path, db: sqlite3.Connection, tmp_path: Path
) -> None:
    for frames in db.execute("SELECT heard, judged FROM signal_detail"):
        assert {zstandard.get_frame_parameters(f).dict_id for f in frames} == {1}
    with (
        closing(damaged(path, tmp_path, "DELETE FROM dictionary")) as blind,
        pytest.raises(InputDamaged, match=r"dictionary 1, which is missing .* backup"),
    ):
        list(Details(blind).all())


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"no frame",
        zstandard.compress(b"[]"),
        zstandard.compress(b"[{},{},{},{}] "[:-2]),
        zstandard.compress(bytes(BYTES_MAX + 1)),
        zstandard.ZstdCompressor(write_content_size=False).compress(b"[{},{},{},{}]"),
    ],
    ids=["empty", "no frame", "too short", "cut", "too long", "of unknown length"],
)
def test_a_frame_that_is_none_is_damage(path: Path, tmp_path: Path, frame: bytes) -> None:
    with (
        closing(damaged(path, tmp_path, "UPDATE signal_detail SET heard = ?", frame)) as db,
        pytest.raises(InputDamaged, match="its detail"),
    ):
        list(Details(db).all())


def test_the_dictionary_halves_what_is_packed_without_one(rows: Rows) -> None:
    packer = Packer(shipped())
    packed = sum(len(r.heard) + len(r.judged) for r in packer.rows(rows.signals, rows.checks))
    plain = sum(len(half) for s in rows.signals for half in halves(s, []))
    bare = sum(len(zstandard.compress(h, 19)) for s in rows.signals for h in halves(s, []))
    assert packed < 0.6 * bare and bare < 0.8 * plain, (packed, bare, plain)


def test_a_detail_is_what_is_not_a_column() -> None:
    assert {*Detail.__struct_fields__} == {*APART, "checks"}


def test_the_dictionary_in_the_file_is_the_one_that_is_shipped(db: sqlite3.Connection) -> None:
    (row,) = db.execute("SELECT * FROM dictionary")
    assert tuple(row) == msgspec.structs.astuple(shipped())
