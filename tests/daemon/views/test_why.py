from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import zstandard

from daemon.views.why import CheckStory, ClampStory, SignalStory, TradeStory, Why, why
from market.errors import InputDamaged
from shadow.store.store import open_readonly
from shadow.store.tables.decisions import APART
from tests.support.shadow import Stage, told

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
        ("signal", SignalStory, set(APART)),
        ("check_result", CheckStory, {"unit", "blocks"}),
        ("trade", TradeStory, {"so_far_e6"}),
    ],
)
def test_a_story_has_every_column_of_its_table(
    table: str, story: type[msgspec.Struct], more: set[str], kept: Kept
) -> None:
    db, _ = kept
    columns = {row[0] for row in db.execute(f"SELECT * FROM {table} LIMIT 0").description}
    assert set(story.__struct_fields__) == columns | more


def test_a_story_is_told_by_the_names_of_columns(kept: Kept) -> None:
    db, ids = kept
    for number in ids.values():
        found = why(db, number)
        plain = msgspec.json.decode(msgspec.json.encode(found))
        assert msgspec.convert(plain, Why) == found
        (row,) = db.execute("SELECT * FROM signal WHERE signal_id = ?", (number,))
        signal = {**dict(row), "clamps": json.loads(row["clamps"])}
        told_ = plain["signal"]
        assert {name: told_[name] for name in signal} == signal
        refused = db.execute("SELECT * FROM check_result WHERE signal_id = ?", (number,))
        # These filters are of the script: nobody knows their units.
        told_checks = [c for c in plain["checks"] if c["outcome"] != "pass"]
        assert told_checks == [{**dict(r), "unit": "", "blocks": ""} for r in refused]
        trades = db.execute(
            "SELECT *, NULL AS so_far_e6 FROM trade WHERE signal_id = ? OR trade_id = ?",
            (number, row["trade_id"]),
        )
        told_ = [{**trade, "so_far_e6": None} for trade in plain["trades"]]
        assert [list(t.items()) for t in told_] == [list(dict(t).items()) for t in trades]


def test_a_signal_is_explained_with_its_checks_and_trades(kept: Kept) -> None:
    db, ids = kept
    found = why(db, ids["clamped"])
    assert found is not None
    signal = found.signal
    assert signal.verdict == "admitted"
    assert signal.clamps == [ClampStory("cap", 1000, 400)]
    assert signal.book.bids and signal.book.asks
    assert signal.saw == {} and set(signal.ages) >= {"lag", "slow"}
    assert [c.filter for c in found.checks] == ["cap", "limit", "other", "watch"]
    assert [(t.kind, t.cause) for t in found.trades] == [
        ("paper", "admit"),
        ("twin", "admit"),
        ("phantom", "clamp"),
    ]


def test_a_joined_signal_is_explained_with_the_phantom_it_joined(kept: Kept) -> None:
    db, ids = kept
    found = why(db, ids["joined"])
    assert found is not None
    assert [t.trade_id for t in found.trades] == [ids["paired"] * 4 + 2]


def known(path: Path, number: int, **halves: object) -> None:
    """Let another detail stand for a signal's; its halves are arrays, packed without dictionary."""
    with closing(sqlite3.connect(path)) as db:
        for name, half in halves.items():
            frame = zstandard.compress(msgspec.json.encode(half))
            db.execute(f"UPDATE signal_detail SET {name} = ? WHERE signal_id = {number}", (frame,))
        db.commit()


BOOK: dict[str, list[object]] = {"bids": [], "asks": []}


def test_whole_numbers_that_a_bot_saw_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    number = told(path)["sole"]
    known(path, number, heard=[{"rank": 2, "ema": 99.5}, BOOK, {}, {}])
    with closing(open_readonly(path)) as db:
        found = why(db, number)
    assert found is not None and msgspec.json.encode(found.signal.saw) == b'{"rank":2,"ema":99.5}'


def test_what_was_not_kept_yet_is_null(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    number = told(path)["sole"]
    known(path, number, heard=[{}, BOOK, {}, {}], judged=[{}, []])
    with closing(open_readonly(path)) as db:
        found = why(db, number)
    assert found is not None
    assert (found.signal.sizing, found.signal.vote) == (None, None)


def test_what_is_not_kept_any_more_is_null_and_what_did_not_pass_is_still_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "gnomon.db"
    number = told(path)["sole"]
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM signal_detail")
        db.commit()
    with closing(open_readonly(path)) as db:
        found = why(db, number)
    assert found is not None
    assert [getattr(found.signal, name) for name in APART] == [None] * 5
    assert [(c.filter, c.outcome) for c in found.checks] == [("limit", "fail")]


def test_a_number_that_is_no_signal_s_has_no_story(kept: Kept) -> None:
    assert why(kept[0], 123_456_789) is None


def test_a_detail_of_another_shape_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    number = told(path)["sole"]
    known(path, number, heard=[{}, [], {}, {}])
    with closing(open_readonly(path)) as db, pytest.raises(InputDamaged, match=f"{number}: "):
        why(db, number)


def test_an_open_trade_tells_what_it_has_earned_by_its_newest_mark(tmp_path: Path) -> None:
    """10 SOL bought at 100.51 for 0.452295 USD of fees; the mid is 100.5 at the last minute."""
    stage = Stage()
    stage.book()
    admitted = stage.signal(lots=1_000, stop=2.0)
    assert admitted is not None
    stage.books(70, 100.5)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        found = why(db, admitted)
    assert found is not None
    assert {t.kind: t.so_far_e6 for t in found.trades} == {
        "paper": -552_295,
        "twin": -552_295,
    }


def test_a_trade_that_is_over_has_nothing_so_far(tmp_path: Path) -> None:
    stage = Stage()
    stage.book()
    admitted = stage.signal(lots=1_000, stop=2.0, horizon_s=5)
    stage.books(80)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        found = why(db, admitted or 0)
    assert found is not None and {t.so_far_e6 for t in found.trades} == {None}
