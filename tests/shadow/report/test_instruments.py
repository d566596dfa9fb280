"""Dead instruments, each planted alone into day rows in which all seems to live."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from shadow.report.instruments import dead_instruments
from shadow.store.rows import Rows
from shadow.store.store import Store
from shadow.store.tables.branches import BranchDayRow, BranchRow
from shadow.store.tables.limits import LimitDayRow
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.series import SeriesRow, SpellRow

FIRST = date(2026, 1, 1)
FROM_NS = 1_767_225_600 * 10**9
DAYS = 20
LIMITS = ("cooldown", "control")


def alive() -> Rows:
    """Return twenty days of a limit and the coin, of which each day brought something."""
    rows = Rows()
    terms = json.dumps({"settings": {"share": 0.2}})
    for at, name in enumerate(LIMITS):
        rows.series.append(SeriesRow(f"id {name}", name, 1, FROM_NS, None, terms))
        rows.spells.append(SpellRow(name, 1, f"id {name}"))
        rows.branches.append(BranchRow(at, name, "observed", f"id {name}", FROM_NS, "first"))
    for number in range(DAYS):
        day = (FIRST + timedelta(days=number)).isoformat()
        rows.left_out.append(RollupRow(day, "", "run", "seconds", "", 80_000, 0, 0.0, 0.0, 0))
        rows.rollups.append(RollupRow(day, "cooldown", "enforce", "sole", "bot", 5, 2, 0.5, 1.0, 1))
        for at, name in enumerate(LIMITS):
            rows.limit_days.append(
                LimitDayRow(day, name, f"id {name}", "bot", "clean", 10, 1.0, 2, -0.5, 2.0, -1.0)
            )
            rows.branch_days.append(
                BranchDayRow(day, at, name, f"id {name}", None, None, 5, number, 3, 0, 0, 0.9, 0)
            )
    return rows


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    store = Store(tmp_path / "gnomon.db", mode="local", network="testnet")
    store.write(alive())
    store.close()
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as found:
        yield found


def test_where_all_live_nothing_is_said(db: sqlite3.Connection) -> None:
    assert dead_instruments(db) == []


def test_a_new_desk_has_nothing_to_be_dead(tmp_path: Path) -> None:
    Store(tmp_path / "gnomon.db", mode="local", network="testnet").close()
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as new:
        assert dead_instruments(new) == []


PLANTED = {
    "cooldown blocked 100 signals since 2025-12-22, and no phantom followed any of them": (
        "UPDATE rollup SET entries = 0 WHERE scope = 'sole'",
    ),
    "all 200 outcomes of the series of cooldown since 2025-12-22 are exactly 0 R": (
        "UPDATE limit_day SET best_r = 0, worst_r = 0 WHERE filter = 'cooldown'",
    ),
    "cooldown blocked 40 signals, yet with and without it the desk made exactly the same on each of"
    " 20 days": ("UPDATE branch_day SET without_e6 = with_e6 WHERE filter = 'cooldown'",),
    "the branch that toggles nothing was not the desk on 2 days since 2025-12-22, the last of them"
    " 2026-01-20": (
        "INSERT INTO branch VALUES (9, '', 'nothing', '', 0, NULL, 'first')",
        "INSERT INTO branch_day VALUES"
        " ('2026-01-05', 9, '', '', NULL, NULL, 5, 5, 0, 0, 0, 1.0, 0),"
        " ('2026-01-19', 9, '', '', NULL, NULL, 5, 6, 0, 0, 0, 1.0, 0),"
        " ('2026-01-20', 9, '', '', NULL, NULL, 5, 4, 0, 0, 0, 1.0, 0)",
    ),
    "cooldown refused every one of 200 signals that it judged alone since 2025-12-22": (
        "UPDATE limit_day SET blocked = judged WHERE filter = 'cooldown'",
    ),
    "cooldown refused none of 200 signals that it judged alone since 2025-12-22": (
        "UPDATE limit_day SET blocked = 0 WHERE filter = 'cooldown'",
    ),
    "control would have blocked 80 of 200 signals, 40.0 %; a coin of 20 % does not fall so": (
        "UPDATE limit_day SET blocked = 4 WHERE filter = 'control'",
    ),
    "control would have blocked 0 of 200 signals, 0.0 %; a coin of 20 % does not fall so": (
        "UPDATE limit_day SET blocked = 0 WHERE filter = 'control'",
    ),
    "the desk ran for half of the day or more on 17 of 20 days since 2026-01-01": (
        "UPDATE rollup SET signals = 40000 WHERE mode = 'run' AND day BETWEEN '2026-01-04' AND"
        " '2026-01-06'",
        "DELETE FROM branch_day WHERE day BETWEEN '2026-01-04' AND '2026-01-06'",
    ),
    "cooldown has rows of its value on 17 of the 20 days that were run": (
        "DELETE FROM branch_day WHERE filter = 'cooldown' AND day >= '2026-01-18'",
    ),
}


@pytest.mark.parametrize("words", PLANTED)
def test_a_planted_fault_is_told_and_no_other(db: sqlite3.Connection, words: str) -> None:
    for script in PLANTED[words]:
        assert db.execute(script).rowcount > 0
    (found,) = dead_instruments(db)
    assert found.words == words and found.remedy
    assert found.filter in words if found.filter else words.startswith("the ")


@pytest.mark.parametrize(
    "script",
    [
        # A day or two are missing of many; a coin falls a little off.
        "DELETE FROM branch_day WHERE filter = 'cooldown' AND day >= '2026-01-19'",
        "UPDATE limit_day SET blocked = 3 WHERE filter = 'control' AND day < '2026-01-10'",
        "UPDATE limit_day SET blocked = 0 WHERE filter = 'cooldown' AND day > '2026-01-01'",
        # Without branches there is no value to have rows of.
        "DELETE FROM branch_day; DELETE FROM branch",
        # Switched off: nobody measures it.
        "DELETE FROM branch_day WHERE filter = 'cooldown' AND day >= '2026-01-12';"
        " INSERT INTO spell VALUES ('cooldown', 9, '')",
    ],
)
def test_what_may_well_be_is_no_alarm(db: sqlite3.Connection, script: str) -> None:
    db.executescript(script)
    assert dead_instruments(db) == []
