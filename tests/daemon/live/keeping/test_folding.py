from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from daemon.live.keeping.folding import keep_folds
from market.events import NS_PER_DAY, NS_PER_MS
from shadow.store.rows import Rows, ms_of
from shadow.store.store import Store
from shadow.store.tables.limits import LimitDayRow
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
    now_ns = ms_of("2026-01-20") * NS_PER_MS
    assert [keep_folds(store, now_ns) for _ in range(3)] == [True, True, False]
    assert keep_folds(store, now_ns + 30 * NS_PER_DAY) is False, "no row has come since"
    away = path.rename(tmp_path / "moved.db")
    assert keep_folds(store, now_ns) is False
    away.rename(path)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(
            "SELECT filter, sample, day, json_extract(fold, '$.booked.judged') FROM limit_fold"
        ).fetchall()
    assert found == [
        (name, sample, "2026-01-18", 3) for name in names for sample in ("all", "clean")
    ]
