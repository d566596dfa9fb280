from __future__ import annotations

from pathlib import Path

from daemon.instance.database import reading
from daemon.views.panels.system import system_panel
from shadow.store.backup import dated
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import empty_db

DAY_NS = 86_400 * 10**9
# 2026-11-30, 00:40 UTC.
MADE_S = 1_795_999_200.0


def test_sizes_stand_beside_their_growth_and_how_long_the_disk_lasts(traded: Traded) -> None:
    state = traded.state
    with reading(state) as db:
        began = db.execute("SELECT MIN(started_ns) FROM run").fetchone()[0]
        later = system_panel(db, state.database, state.tape, traded.status, began + 10 * DAY_NS)
        soon = system_panel(db, state.database, state.tape, None, began + 60 * 10**9)
    rows = {row.name: row for row in later.rows}
    assert (
        rows["Database"].limit.endswith("a day") and "days at this pace" in rows["Disk free"].limit
    )
    size = state.database.stat().st_size + sum(p.stat().st_size for p in state.tape.glob("*"))
    assert later.disk_days == traded.status.disk_free_mb * 1e6 / (size / 10)
    # In the first hour nobody knows how fast it grows.
    assert soon.disk_days is None and soon.rows[0].limit == "too early to tell"
    assert {row.name for row in later.rows} > {row.name for row in soon.rows}


def test_where_there_is_no_file_nothing_is_guessed(tmp_path: Path) -> None:
    found = system_panel(empty_db(), tmp_path / "x.db", tmp_path / "tape", None, 1)
    assert found.rows[0].value == "0.0 MB" and found.disk_days is None


def test_the_newest_of_the_daily_copies_is_told_with_its_age(tmp_path: Path) -> None:
    database, tape = tmp_path / "local" / "gnomon.db", tmp_path / "local" / "tape"

    def told(now_s: float) -> tuple[str, str]:
        panel = system_panel(empty_db(), database, tape, None, int(now_s * 1e9))
        (row,) = (row for row in panel.rows if row.name == "Last backup")
        return row.value, row.limit

    assert told(1.0) == ("none", "one a day, by timer")
    (tmp_path / "backups").mkdir()
    for mode, when in (
        ("local", MADE_S - 86_400),
        ("local", MADE_S),
        ("paper-testnet", MADE_S + 9),
    ):
        dated(tmp_path / "backups", mode, when).touch()
    assert told(MADE_S + 7 * 3_600) == ("2026-11-30 00:40 UTC", "7 h ago, 2 kept")
    assert told(MADE_S + 3 * 86_400) == ("2026-11-30 00:40 UTC", "3 days ago, 2 kept")
