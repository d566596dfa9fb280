from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from market.events import NS_PER_S
from shadow.report.report import report
from shadow.store import retention as module
from shadow.store.check import broken_promises
from shadow.store.retention import Limits, bytes_used
from shadow.store.rows import Rows
from shadow.store.store import Store, open_readonly
from shadow.store.tables.alarms import AlarmRow
from shadow.store.tables.branches import BranchDayRow, BranchRow, BranchTradeRow
from shadow.store.tables.desk import EquityRow
from tests.support.shadow import history_stage, rows_of, tell_history, told

LATE = 2**62
MUCH = 1e15


def local(path: Path) -> Store:
    return Store(path, mode="local", network="testnet")


def tables(path: Path, *names: str) -> dict[str, list[tuple[object, ...]]]:
    with closing(open_readonly(path)) as db:
        return {n: [tuple(r) for r in db.execute(f"SELECT * FROM {n}")] for n in names}


def by_filter(path: Path) -> object:
    with closing(open_readonly(path)) as db:
        return report(db, by="filter")


KEPT = (
    *("trade", "fill", "order_event", "trade_day", "rollup", "series", "spell", "limit_day"),
    *("final_day", "branch", "branch_day"),
)


def test_trades_of_branches_go_by_their_close_and_their_days_stay(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = local(path)
    words = ("alpha", "trend", "SOL", "buy")
    trades = [
        BranchTradeRow(
            *(number, 1, None, *words, 1, 1, 2, closed_ns, 1.0, 1.0),
            *(1, 1, 1, 1, 1, 1, 0.5, "stop", ""),
        )
        for number, closed_ns in ((1, 50), (2, 60), (3, 99), (4, 60))
    ]
    day = BranchDayRow("2025-09-01", 1, "limit", "id", None, None, 1, 2, 0, 0, 0, 1.0, 0)
    branch = BranchRow(1, "limit", "observed", "id", 0, "start")
    store.write(Rows(branches=[branch], branch_days=[day], branch_trades=trades))
    assert store.tidy(Limits(LATE, LATE, MUCH)).deleted == 0
    assert store.tidy(Limits(0, 0, MUCH, 99)).deleted == 3
    store.close()
    assert [row["trade_id"] for row in rows_of(path, "SELECT * FROM branch_trade")] == [3]
    assert all(tables(path, "branch", "branch_day").values())


def test_signals_go_by_age_and_trades_days_and_sums_stay_for_good(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    stage = history_stage()
    ids = tell_history(stage)
    stage.finish(path)
    before, said = tables(path, *KEPT), by_filter(path)
    store = local(path)
    tidied = store.tidy(Limits(0, stage.now_ns - NS_PER_S, MUCH))
    store.close()
    assert tidied.deleted > 0 and not tidied.more and not tidied.over
    assert tables(path, *KEPT) == before
    assert by_filter(path) == said
    left = {r["signal_id"] for r in rows_of(path, "SELECT signal_id FROM signal")}
    assert left == {ids["open"], ids["phantom"]}, "what an open trade came of stays"
    for table in ("signal_detail", "check_result"):
        found = rows_of(path, f"SELECT DISTINCT signal_id FROM {table}")
        assert {r["signal_id"] for r in found} <= left
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []


def test_a_signal_whose_phantom_was_followed_by_a_trade_that_lives_on_stays(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    stage = history_stage()
    tell_history(stage)
    stage.finish(path)
    pair = "SELECT signal_id, later_trade_id FROM trade WHERE later_trade_id > 0 AND closed_ns > 0"
    with closing(sqlite3.connect(path)) as db:
        blocked, later = db.execute(pair).fetchone()
        db.execute("UPDATE trade SET closed_ns = ? WHERE trade_id = ?", (stage.now_ns, later))
        db.commit()
    store = local(path)
    assert store.tidy(Limits(0, stage.now_ns - NS_PER_S, MUCH)).deleted > 0
    store.close()
    assert blocked in {r["signal_id"] for r in rows_of(path, "SELECT signal_id FROM signal")}


def test_nothing_goes_before_its_time_and_then_no_mark_is_left(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    told(path)
    names = ("signal", "signal_detail", "check_result", "equity", "lens", "alarm", "about")
    before = tables(path, *names)
    store = local(path)
    assert store.tidy(Limits(1, 1, MUCH)).deleted == 0
    store.close()
    assert tables(path, *names) == before
    store = local(path)
    assert store.tidy(Limits(LATE, LATE, MUCH)).deleted > 0
    assert store.tidy(Limits(LATE, LATE, MUCH)).deleted == 0
    store.close()


def test_details_go_sooner_than_signals_and_the_file_stays_sound(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    told(path)
    times = [r["ts_ns"] for r in rows_of(path, "SELECT ts_ns FROM signal ORDER BY signal_id")]
    store = local(path)
    assert store.tidy(Limits(times[5], 0, MUCH)).deleted == 5
    store.close()
    kept = rows_of(path, "SELECT ts_ns FROM signal JOIN signal_detail USING (signal_id)")
    assert [r["ts_ns"] for r in kept] == times[5:]
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []


def detail(db: sqlite3.Connection, number: int, content: bytes) -> None:
    db.execute("INSERT INTO signal_detail VALUES (?, ?, x'')", (number, content))


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Store]:
    """A database with 3,000 details of 2,000 bytes and of no age."""
    store = local(tmp_path / "gnomon.db")
    store.close()
    with closing(sqlite3.connect(store.path)) as db:
        signal = ",".join(["?", "1", str(LATE), *["''"] * 2, "'c'", "'buy'", "1.0", "'admitted'"])
        rest = "'', '', 0, NULL, 1, 1, 1, '', 1.0, 1.0, NULL, NULL, 1, '', '', ''"
        for i in range(3_000):
            db.execute(f"INSERT INTO signal VALUES ({signal}, {rest})", (i,))
            detail(db, i, bytes(2_000))
        db.commit()
    store = local(store.path)
    yield store
    store.close()


def test_beyond_its_size_the_oldest_details_go_whatever_their_age(large: Store) -> None:
    limits = Limits(0, 0, 4e6)
    slices = 0
    while (tidied := large.tidy(limits)).more:
        slices += 1
        assert tidied.deleted <= module.ROWS_A_SLICE
    (row,) = rows_of(large.path, "SELECT MIN(signal_id) AS n, COUNT(*) AS c FROM signal_detail")
    assert row["n"] == 3_000 - row["c"] and 500 <= row["c"] < 2_000
    assert slices >= 2 and not tidied.over
    assert len(rows_of(large.path, "SELECT 1 FROM signal")) == 3_000


def test_what_is_kept_for_good_and_exceeds_the_size_is_said_and_stays(large: Store) -> None:
    limits = Limits(0, 0, 1.0)
    while (tidied := large.tidy(limits)).more:
        pass
    tidied = large.tidy(limits)
    assert tidied.over and tidied.deleted == 0
    assert rows_of(large.path, "SELECT COUNT(*) AS n FROM signal") == [{"n": 3_000}]


def test_space_is_given_back_to_the_disk_in_slices(
    large: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESERVE_PAGES", 16)
    large._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = large.path.stat().st_size
    while large.tidy(Limits(LATE + 1, 0, MUCH)).more:
        pass
    large._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    after = large.path.stat().st_size
    free = large._connection.execute("PRAGMA freelist_count").fetchone()[0]
    assert before > 6e6 and after < 0.2 * before, (before, after, free)
    assert 0 < free <= 16 + before // 4096 // module.RESERVE_SHARE


def test_rows_of_one_time_go_in_slices(tmp_path: Path) -> None:
    store = local(tmp_path / "gnomon.db")
    rows = Rows(
        equity=[EquityRow(i, 1, 1, 0, 0, 0, 0, 0) for i in range(1_200)],
        alarms=[AlarmRow(i // 3, i, "kind", "words") for i in range(30)],
    )
    store.write(rows)
    deleted = []
    while (tidied := store.tidy(Limits(0, 1_100, MUCH))).more:
        deleted.append(tidied.deleted)
    store.close()
    assert deleted[0] == 530 and sum(deleted) + tidied.deleted == 1_130
    assert len(rows_of(store.path, "SELECT 1 FROM equity")) == 100


def test_with_nothing_due_a_call_costs_as_little_with_many_rows_as_with_few(
    tmp_path: Path,
) -> None:
    """Counted in steps of SQLite's machine, which no other work of this computer moves."""
    costs = []
    for count in (100, 10_000):
        path = tmp_path / f"{count}.db"
        store = local(path)
        with closing(sqlite3.connect(path)) as db:
            trade = "1, 'c', 'buy', 1, 1, 1, 1.0, 0, ''"
            names = "signal_id, bot, division, coin, side, asked_lots, qty_lots, decided_ns,"
            for i in range(count):
                db.execute(
                    f"INSERT INTO trade (trade_id, kind, cause, status, {names} decision_mid,"
                    f" repeats, flags) VALUES ({i}, 'paper', 'admit', 'closed', {i}, 'b', 'd',"
                    f" {trade[3:]})"
                )
            db.commit()
        steps = [0]
        store._connection.set_progress_handler(lambda s=steps: s.__setitem__(0, s[0] + 1), 1)
        began = time.perf_counter()
        assert store.tidy(Limits(LATE, LATE, MUCH)).deleted == 0
        assert time.perf_counter() - began < 1.0
        costs.append(steps[0])
        store.close()
    assert costs[1] <= 1.2 * costs[0], costs


def test_bytes_used_are_those_of_pages_that_hold_something(large: Store) -> None:
    before = bytes_used(large._connection)
    assert 6e6 < before < 14e6
    large._connection.execute("DELETE FROM signal_detail")
    assert bytes_used(large._connection) < before - 5e6
