from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from shadow.store.history import (
    every_run_kept_phantoms,
    first_day,
    whole_signals,
    whole_trades,
)
from tests.support.lies import sound_history


def test_a_marker_alone_takes_nothing_away_but_missing_rows_do(tmp_path: Path) -> None:
    path, ids = sound_history(tmp_path)
    with closing(sqlite3.connect(path)) as db:
        assert whole_signals(db) and whole_trades(db) and first_day(db) == ""
        db.execute("INSERT INTO about VALUES ('pruned_before_ns', '1756684800000000000')")
        assert whole_signals(db) and whole_trades(db) and first_day(db) == "2025-09-02"
        db.execute("DELETE FROM signal WHERE signal_id = ?", (ids["sole"],))
        assert not whole_signals(db) and whole_trades(db)
        db.execute("DELETE FROM trade WHERE trade_id = ?", (4 * ids["sole"] + 2,))
        assert not whole_trades(db)


def test_a_history_that_begins_late_is_not_whole(tmp_path: Path) -> None:
    path, _ = sound_history(tmp_path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE run SET first_seq = 900")
        assert not whole_signals(db) and not whole_trades(db)


def test_a_run_without_the_shadow_is_seen(tmp_path: Path) -> None:
    path, _ = sound_history(tmp_path)
    with closing(sqlite3.connect(path)) as db:
        assert every_run_kept_phantoms(db)
        db.execute("""UPDATE run SET config = '{"shadow":{"enabled":false}}'""")
        assert not every_run_kept_phantoms(db)
