from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.backtest.known.episodes import lay_out
from daemon.backtest.known.verify import START, compare, known

DAYS = 5
LAYOUT = lay_out(DAYS, 7, first_weekday=START.weekday())


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("known") / "known.db"
    found = known(DAYS, 7, path)
    assert found.unequal == []
    assert (found.episodes, found.limit_days) > (100, 60) and found.branch_days == 11 * DAYS
    return path


@pytest.mark.parametrize(
    ("change", "of"),
    [
        ("UPDATE limit_day SET judged_r = judged_r + 0.00001 WHERE filter = 'coin'", "limit_day"),
        ("DELETE FROM limit_day WHERE filter = 'watches'", "limit_day"),
        ("UPDATE branch_day SET with_e6 = with_e6 + 1", "branch_day"),
        ("UPDATE branch_day SET without_r = NULL WHERE day > '2026-01-10'", "branch_day"),
    ],
)
def test_a_row_that_is_not_what_it_must_be_is_found(database: Path, change: str, of: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute(change)
        assert any(line.startswith(of) for line in compare(db, LAYOUT).unequal)
        db.execute("ROLLBACK")


@pytest.mark.long
def test_forty_days_are_what_was_laid_out() -> None:
    found = known(40)
    assert found.unequal == [] and found.limit_days > 400 and found.branch_days > 400
    assert found.verdicts == {
        "knows": "PROTECTIVE",
        "coin": "UNDETERMINED",
        "dislikes": "RESTRICTIVE",
        "watches": "UNDETERMINED",
    }
