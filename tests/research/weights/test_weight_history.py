from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from research.weights.weight_history import differences
from shadow.store.store import open_readonly
from tests.support.learning import DAY_MS, five, learned, season
from tests.support.shadow import T0_MS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database whose weights have moved. Only to be read."""
    return learned(tmp_path_factory.mktemp("learned") / "gnomon.db", 24)


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "gnomon.db"))


def after(path: Path, *statements: str) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            assert db.execute(statement).rowcount, statement
        db.commit()
    with closing(open_readonly(path)) as db:
        return differences(db)


def test_an_honest_history_comes_out_as_stored(path: Path) -> None:
    assert after(path) == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE weight SET weight = 1.1025 WHERE name = 'flow' AND day = (SELECT MAX(day) FROM"
         " weight)", "weight is 1.1025"),
        ("UPDATE weight SET sharpe = sharpe + 1e-9 WHERE name = 'carry_bot' AND days = 22",
         "sharpe is"),
        ("UPDATE weight SET reason = 'because' WHERE name = 'trend' AND days = 21", "because"),
        ("DELETE FROM weight WHERE name = 'trend' AND days = 21", "no row"),
        ("DELETE FROM weight WHERE days = 21 OR (reason LIKE 'too%' AND days = 10)", "no step"),
        ("UPDATE return_day SET r_e6 = r_e6 + 1000000 WHERE bot = 'trend_bot' AND day ="
         " (SELECT MIN(day) FROM return_day)", "trades make"),
        ("UPDATE return_day SET closed = closed + 1 WHERE bot = 'trend_bot' AND day ="
         " (SELECT MIN(day) FROM return_day)", "closed trades"),
        ("UPDATE trade_day SET mtm_e6 = mtm_e6 + 1000000 WHERE trade_id ="
         " (SELECT MIN(trade_id) FROM trade WHERE kind = 'twin')", "trades make"),
        ("UPDATE weight SET weight = 1.2 WHERE reason = 'start' AND name = 'flow'", "starts at"),
    ],
)  # fmt: skip
def test_whatever_is_changed_is_found(path: Path, statement: str, says: str) -> None:
    found = after(path, statement)
    assert found and any(says in line for line in found), found


def test_a_history_that_was_pruned_is_compared_where_it_can_be(path: Path) -> None:
    until = (T0_MS + 12 * DAY_MS) * 10**6
    with closing(sqlite3.connect(path)) as db:
        old = "(SELECT trade_id FROM trade WHERE closed_ns < ?)"
        for table in ("trade_day", "fill", "order_event", "trade"):
            db.execute(f"DELETE FROM {table} WHERE trade_id IN {old}", (until,))
        db.execute("INSERT INTO about VALUES ('pruned_before_ns', ?)", (str(until),))
        db.commit()
    assert after(path) == []
    late = "(SELECT MAX(day) FROM return_day)"
    changed = f"UPDATE return_day SET r_e6 = r_e6 + 50 WHERE bot = 'flow_bot' AND day = {late}"
    assert after(path, changed)


def test_without_the_shadow_the_steps_alone_are_compared(tmp_path: Path) -> None:
    stage = season(five(shadow=False), range(22))
    path = stage.finish(tmp_path / "gnomon.db")
    assert after(path) == []
    assert after(path, "UPDATE weight SET weight = 1.2 WHERE name = 'flow' AND days = 21")


def test_a_history_with_restarts_and_nights_off_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    stage = five()
    stage.open_store(path)
    season(stage, range(21), commit=True)
    again = stage.restart(3 * 86_400)
    season(again, range(25, 28), commit=True)
    assert again.store is not None
    again.store.close()
    assert after(path) == []
