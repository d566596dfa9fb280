from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from daemon.views.why import CheckStory, SignalStory, TradeStory, Why, why
from market.errors import InputDamaged
from shadow.store.query import explain
from shadow.store.store import open_readonly
from tests.support.shadow import told

Kept = tuple[sqlite3.Connection, dict[str, int]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    path: Path = tmp_path_factory.mktemp("why") / "gnomon.db"
    ids = told(path)
    with closing(open_readonly(path)) as db:
        yield db, ids


@pytest.mark.parametrize(
    ("table", "story", "more"),
    [
        ("signal", SignalStory, set()),
        ("check_result", CheckStory, set()),
        ("trade", TradeStory, {"so_far_e6"}),
    ],
)
def test_a_story_has_every_column_of_its_table(
    table: str, story: type[msgspec.Struct], more: set[str], kept: Kept
) -> None:
    db, _ = kept
    columns = {row[0] for row in db.execute(f"SELECT * FROM {table} LIMIT 0").description}
    assert set(story.__struct_fields__) == columns | more


def test_every_signal_s_json_is_its_rows(kept: Kept) -> None:
    db, ids = kept
    for name, number in ids.items():
        found = why(db, number)
        assert found is not None, name
        rows = explain(db, number)
        assert rows is not None
        rows["signal"]["sizing"] = rows["signal"]["sizing"] or None
        assert msgspec.json.decode(msgspec.json.encode(found)) == rows
        assert msgspec.json.decode(msgspec.json.encode(found), type=Why) == found


def test_whole_numbers_that_a_bot_saw_stay_whole(kept: Kept, tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    number = told(path)["sole"]
    with closing(sqlite3.connect(path)) as db:
        db.execute('UPDATE signal SET saw = \'{"rank":2,"ema":99.5}\'')
        found = why(db, number)
    assert found is not None and msgspec.json.encode(found.signal.saw) == b'{"rank":2,"ema":99.5}'


def test_what_was_not_kept_is_null(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    number = told(path)["sole"]
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE signal SET sizing = '{}', vote = '{}'")
        found = why(db, number)
    assert found is not None
    assert (found.signal.sizing, found.signal.vote) == (None, None)


def test_a_number_that_is_no_signal_s_has_no_story(kept: Kept) -> None:
    assert why(kept[0], 123_456_789) is None


def test_rows_of_another_shape_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    number = told(path)["sole"]
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE signal SET book = '[]'")
        with pytest.raises(InputDamaged, match=f"signal {number}: "):
            why(db, number)
