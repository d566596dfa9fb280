from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from daemon.live.keeping.folding import keep_folds
from shadow.store.rows import Rows
from shadow.store.store import Store
from shadow.store.tables.limits import LimitDayRow
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.series import SeriesRow


def test_series_that_lag_behind_are_folded_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    store = Store(path, mode="local", network="testnet")
    names = ("limit", "other")
    store.write(
        Rows(
            series=[SeriesRow(name, name, 1, 0, None, "{}") for name in names],
            limit_days=[
                LimitDayRow("2026-01-05", name, name, "bot", "clean", 3, 1.0, 1, -1.0, 1.5, -1.0)
                for name in names
            ],
        )
    )
    assert keep_folds(store) is False, "no day has ended"
    store.write(Rows(left_out=[RollupRow("2026-01-18", "", "run", "seconds", "", 1, 0, 0, 0, 0)]))
    assert [keep_folds(store) for _ in range(3)] == [True, True, False]
    away = path.rename(tmp_path / "moved.db")
    assert keep_folds(store) is False
    away.rename(path)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(
            "SELECT filter, sample, day, json_extract(fold, '$.booked.judged') FROM limit_fold"
        ).fetchall()
    assert found == [
        (name, sample, "2026-01-18", 3 * (sample != "matched"))
        for name in names
        for sample in ("all", "clean", "matched")
    ]
