from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from daemon.views.lens_coin import alarms, at_rest, coins, nothing, of_daemon
from shadow.store.schema import MIGRATIONS

BAR_MS = 1_700_000_040_000
Row = tuple[int, str, str, float | None, float | None, int, str, str]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        for migration in MIGRATIONS:
            made.executescript(migration)
        yield made


def put(db: sqlite3.Connection, *rows: Row) -> None:
    db.executemany("INSERT INTO lens VALUES (?,?,?,?,?,?,?,?)", rows)


def row(minute: int, lens: str, value: float | None, flags: str = "", coin: str = "BTC") -> Row:
    """Return a row written as the minute after `BAR_MS` + minute closed."""
    ts_ns = (BAR_MS + (minute + 1) * 60_000) * 1_000_000
    return (ts_ns, coin, lens, value, 0.5, 512, json.dumps({"dim": 3}), flags)


def test_without_rows_there_is_nothing(db: sqlite3.Connection) -> None:
    assert coins(db) == []
    assert at_rest(db, "BTC") == nothing("BTC")


def test_the_newest_of_each_lens_is_told_with_its_own_age(db: sqlite3.Connection) -> None:
    put(
        db,
        row(0, "rqa", 0.1),
        row(5, "rqa", 0.2),
        row(3, "homology", None, "needs 50 values, got 3"),
        row(9, "rqa", 0.9, coin="SOL"),
    )
    found = at_rest(db, "BTC")
    assert coins(db) == ["BTC", "SOL"]
    assert found["bar_ms"] == BAR_MS + 5 * 60_000
    assert found["readings"] == [
        {
            "lens": "homology", "value": None, "null_rank": 0.5, "n": 512, "params": {"dim": 3},
            "flags": ["needs 50 values, got 3"], "bar_ms": BAR_MS + 3 * 60_000,
            "rank_bar_ms": BAR_MS + 3 * 60_000,
        },
        {
            "lens": "rqa", "value": 0.2, "null_rank": 0.5, "n": 512, "params": {"dim": 3},
            "flags": [], "bar_ms": BAR_MS + 5 * 60_000, "rank_bar_ms": BAR_MS + 5 * 60_000,
        },
    ]  # fmt: skip


def test_composite_and_surge_are_no_lenses(db: sqlite3.Connection) -> None:
    put(db, row(0, "composite", 0.8), row(1, "surge", 4.0, "burst begins"))
    found = at_rest(db, "BTC")
    assert found["readings"] == []
    assert (found["composite"], found["composite_bar_ms"]) == (0.8, BAR_MS)
    assert (found["surge"], found["burst"]) == (4.0, True)
    put(db, row(2, "surge", 1.0, "burst ends"), row(3, "composite", None, "too few lenses"))
    found = at_rest(db, "BTC")
    assert (found["burst"], found["composite"], found["composite_reason"]) == (
        False,
        None,
        "too few lenses",
    )


def test_a_row_without_a_rank_has_no_age_of_one(db: sqlite3.Connection) -> None:
    db.execute(
        "INSERT INTO lens VALUES (?,?,?,?,?,?,?,?)", (1, "BTC", "hmm", 1.0, None, 9, "{}", "")
    )
    assert at_rest(db, "BTC")["readings"][0]["rank_bar_ms"] is None


def test_a_running_daemon_writes_parameters_as_text() -> None:
    answer = {**nothing("BTC"), "readings": [{"lens": "rqa", "params": '{"dim":3}'}]}
    assert of_daemon(answer)["readings"] == [{"lens": "rqa", "params": {"dim": 3}}]


def test_an_alarm_lasts_until_the_next_composite(db: sqlite3.Connection) -> None:
    values = {0: 0.99, 15: 0.5, 30: 0.95, 45: 0.97, 60: None, 75: 0.99}
    put(db, *(row(minute, "composite", value) for minute, value in values.items()))
    put(db, row(31, "rqa", 0.99), row(31, "composite", 0.99, coin="SOL"))

    def at(minute: int) -> int:
        return BAR_MS + (minute + 1) * 60_000

    assert alarms(db, "BTC", 0, 0.95) == [(at(0), at(15)), (at(30), at(45)), (at(45), at(60))]
    assert alarms(db, "BTC", at(20), 0.96) == [(at(45), at(60))]
