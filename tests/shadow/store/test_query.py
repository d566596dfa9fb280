from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from shadow.store.query import blocked_signals, open_by_limit
from shadow.store.store import Store, open_readonly
from tests.support.shadow import told

Ids = dict[str, int]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sqlite3.Connection, Ids]]:
    path = tmp_path_factory.mktemp("query") / "gnomon.db"
    ids = told(path)
    with closing(open_readonly(path)) as db:
        yield db, ids


def test_what_is_judged_and_open_is_counted_by_limit(
    history: tuple[sqlite3.Connection, Ids],
) -> None:
    db, _ = history
    # One admitted signal is judged by all, one that `limit` refused by `limit` alone.
    assert open_by_limit(db) == {"limit": 2, "other": 1, "cap": 1, "watch": 1}


def test_a_file_without_series_has_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    with closing(open_readonly(path)) as db:
        assert open_by_limit(db) == {}


BLOCKED = ("phantom", "missed", "joined", "paired", "blind", "shared", "sole")


def listed(history: tuple[sqlite3.Connection, Ids], **how: object) -> list[str]:
    db, ids = history
    names = {signal_id: name for name, signal_id in ids.items()}
    return [names[row.signal_id] for row in blocked_signals(db, **how)]  # type: ignore[arg-type]


def test_blocked_signals_are_listed_newest_first(
    history: tuple[sqlite3.Connection, Ids],
) -> None:
    assert listed(history) == list(BLOCKED)


def test_at_most_so_many(history: tuple[sqlite3.Connection, Ids]) -> None:
    assert listed(history, limit=2) == list(BLOCKED[:2])


def test_only_those_still_open(history: tuple[sqlite3.Connection, Ids]) -> None:
    assert listed(history, only_open=True) == ["phantom"]


@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        ("limit", ["phantom", "joined", "paired", "blind", "shared", "sole"]),
        ("other", ["missed", "joined", "shared"]),
        ("cap", []),
        ("lim", []),
        ("watch", []),
    ],
)
def test_only_those_a_filter_refused(
    history: tuple[sqlite3.Connection, Ids], filter_: str, names: list[str]
) -> None:
    assert listed(history, filter_=filter_) == names


def test_only_those_on_a_coin(history: tuple[sqlite3.Connection, Ids]) -> None:
    assert listed(history, coin="SOL") == list(BLOCKED)
    assert listed(history, coin="ETH") == []
    assert listed(history, coin="SOL", filter_="other", only_open=True) == []


def test_a_joined_signal_shows_the_phantom_it_joined(
    history: tuple[sqlite3.Connection, Ids],
) -> None:
    db, ids = history
    rows = {row.signal_id: row for row in blocked_signals(db)}
    first, joined = rows[ids["paired"]], rows[ids["joined"]]
    assert joined.trade_id == first.trade_id == ids["paired"] * 4 + 2
    assert joined.later_trade_id == ids["later"] * 4
    assert joined.net_e6 == first.net_e6
    assert (first.failing, joined.failing) == ("limit", "limit,other")
    assert rows[ids["missed"]].exit_reason == "UNAVAILABLE"
    assert rows[ids["missed"]].net_e6 is None


def test_an_empty_database_lists_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    with closing(open_readonly(path)) as db:
        assert blocked_signals(db) == []


def test_the_view_of_open_phantoms_shows_just_those(
    history: tuple[sqlite3.Connection, Ids],
) -> None:
    db, ids = history
    rows = db.execute("SELECT signal_id, status FROM shadow_open").fetchall()
    assert [tuple(row) for row in rows] == [(ids["phantom"], "open")]


def test_the_view_of_blocked_signals_has_one_row_each(
    history: tuple[sqlite3.Connection, Ids],
) -> None:
    db, ids = history
    rows = [row["signal_id"] for row in db.execute("SELECT signal_id FROM blocked")]
    assert sorted(rows) == sorted(ids[name] for name in BLOCKED)


def test_a_blocked_signal_is_told_by_the_names_of_columns(
    history: tuple[sqlite3.Connection, Ids],
) -> None:
    db, _ = history
    listed = msgspec.json.decode(msgspec.json.encode(blocked_signals(db)))
    blocked = db.execute("SELECT * FROM blocked ORDER BY signal_id DESC")
    assert [list(row.items()) for row in listed] == [list(dict(row).items()) for row in blocked]
