from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shadow.store.returns import (
    comparable_since,
    earned,
    latest_weights,
    return_rows,
    waiting,
    weight_rows,
)
from shadow.store.rows import day_of, ms_of
from shadow.store.store import open_readonly
from tests.support.learning import DAY_MS, five, season
from tests.support.shadow import T0_MS


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of three days and a half. Only to be read."""
    stage = season(five(), range(4))
    return stage.finish(tmp_path_factory.mktemp("returns") / "gnomon.db")


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_readonly(path)) as found:
        yield found


def day(number: int) -> str:
    return day_of(T0_MS + number * DAY_MS)


def test_dates_and_times_are_each_others_inverse() -> None:
    assert ms_of(day_of(T0_MS)) == T0_MS and day_of(ms_of("2024-02-29")) == "2024-02-29"


def test_what_is_known_and_what_waits_are_what_trades_make(db: sqlite3.Connection) -> None:
    known = {(r.bot, r.day): (r.r_e6, r.closed) for r in return_rows(db)}
    assert {d for _, d in known} == {day(0), day(1), day(2)}
    assert {d for _, d in waiting(db)} == {day(3)}
    made = {key: (e.r_e6, e.closed) for key, e in earned(db, "").items()}
    assert made == {**known, **waiting(db)}
    assert all(e.marks == 2 for e in earned(db, "").values())
    assert {d for _, d in earned(db, day(2))} == {day(2), day(3)}


def test_returns_say_from_which_step_on_they_were_known(db: sqlite3.Connection) -> None:
    assert {(r.day, r.known) for r in return_rows(db)} == {(day(n), day(n + 1)) for n in range(3)}
    assert {(r.bot, r.division) for r in return_rows(db)} >= {("flow_bot", "flow")}


def test_weights_come_oldest_first_and_the_latest_once(db: sqlite3.Connection) -> None:
    rows = weight_rows(db)
    assert [r.day for r in rows] == sorted(r.day for r in rows) and len(rows) == 40
    latest = latest_weights(db)
    assert {r.day for r in latest} == {day(3)} and len(latest) == 10
    assert {r.day for r in weight_rows(db, since=day(2))} == {day(2), day(3)}


def test_only_whole_days_can_be_compared(path: Path, tmp_path: Path) -> None:
    with closing(open_readonly(path)) as db:
        assert comparable_since(db) == ""
    copy = tmp_path / "gnomon.db"
    copy.write_bytes(path.read_bytes())
    # As an earlier version left it, which deleted trades as well.
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        mark = str((T0_MS + DAY_MS + 5) * 10**6)
        db.execute("DELETE FROM trade WHERE closed_ns < ?", (mark,))
        db.execute("INSERT INTO about VALUES ('pruned_before_ns', ?)", (mark,))
    with closing(open_readonly(copy)) as db:
        assert comparable_since(db) == day(2)
    with closing(sqlite3.connect(copy)) as db:
        db.execute('UPDATE run SET config = \'{"shadow": {"enabled": false}}\'')
        assert comparable_since(db) is None
