from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.engine.branches.variant import standard
from market.events import NS_PER_DAY
from risk.filter import Mode
from shadow.store.branch_audit import KEPT_DAYS, RULES, branch_lies
from shadow.store.check import broken_promises
from shadow.store.retention import Limits
from shadow.store.store import Store, open_readonly
from tests.support.branched import branched, branched_stage
from tests.support.shadow import Scripted, rows_of


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("branches") / "sound.db"
    branched(path)
    return path


def lies(path: Path) -> list[str]:
    with closing(open_readonly(path)) as db:
        return branch_lies(db)


def planted(sound: Path, tmp_path: Path, *scripts: str) -> list[str]:
    copy = tmp_path / "gnomon.db"
    shutil.copy(sound, copy)
    with closing(sqlite3.connect(copy)) as db:
        for script in scripts:
            before = db.total_changes
            db.executescript(script)
            assert db.total_changes > before, "the damage did nothing"
        db.commit()
    return lies(copy)


def test_days_with_forks_are_what_their_branches_and_trades_make(sound: Path) -> None:
    with closing(open_readonly(sound)) as db:
        assert broken_promises(db) == []
    kinds = {row["kind"] for row in rows_of(sound, "SELECT kind FROM branch")}
    assert {"nothing", "observed", "data", "enforced", "limits"} <= kinds
    assert rows_of(sound, "SELECT 1 FROM branch_trade WHERE exit_reason = 'fork'")
    days = rows_of(sound, "SELECT DISTINCT day, with_r IS NULL AS blank FROM branch_day")
    assert len(days) == 5 and {row["blank"] for row in days} == {0, 1}


OF = "(SELECT branch_id FROM branch WHERE kind = '{}' ORDER BY branch_id LIMIT 1)"
OBSERVED, NOTHING, DATA = OF.format("observed"), OF.format("nothing"), OF.format("data")
MONEY = "UPDATE branch_day SET with_e6 = with_e6 + 1 WHERE day = '2025-09-07' AND branch_id = "

# By rule, everything that must set it off. Damage often breaks more than one rule.
DAMAGE: dict[str, list[str]] = {
    "a branch is of no kind there is, or of a limit that its kind has not": [
        f"UPDATE branch SET kind = 'twin' WHERE branch_id = {OBSERVED}",
        f"UPDATE branch SET filter = '' WHERE branch_id = {OBSERVED}",
        f"UPDATE branch SET filter = 'limit' WHERE branch_id = {NOTHING}",
    ],
    "a branch is of another limit's series": [
        f"UPDATE branch SET series_id = 'none' WHERE branch_id = {OBSERVED}",
        "UPDATE branch SET series_id = (SELECT series_id FROM series WHERE filter = 'other')"
        f" WHERE branch_id = {OBSERVED}",
    ],
    "a branch ended before it was forked, or nobody says why": [
        f"UPDATE branch SET ended_ns = forked_ns - 1 WHERE branch_id = {OBSERVED}",
        f"UPDATE branch SET why = 'first' WHERE branch_id = {OBSERVED}",
        f"UPDATE branch SET ended_ns = NULL WHERE branch_id = {OBSERVED}",
    ],
    "two branches of one kind and limit lived at once": [
        f"UPDATE branch SET ended_ns = ended_ns + 1 WHERE branch_id = {OBSERVED}",
        f"UPDATE branch SET ended_ns = NULL WHERE branch_id = {NOTHING}",
        "INSERT INTO branch SELECT branch_id + 640, filter, kind, series_id, forked_ns + 1, NULL,"
        " 'Monday' FROM branch WHERE ended_ns IS NULL AND kind = 'open'",
    ],
    "a branch's day belongs to no branch, or lies outside its life": [
        f"DELETE FROM branch WHERE branch_id = {OBSERVED}",
        f"UPDATE branch_day SET day = '2025-08-30' WHERE branch_id = {OBSERVED}"
        " AND day = '2025-09-06'",
        f"UPDATE branch_day SET day = '2025-09-12' WHERE branch_id = {OBSERVED}"
        " AND day = '2025-09-06'",
    ],
    "a branch's day is of another limit or series than the branch": [
        f"UPDATE branch_day SET filter = 'other' WHERE branch_id = {OBSERVED}",
        "UPDATE branch_day SET series_id = (SELECT series_id FROM series WHERE filter = 'other')"
        f" WHERE branch_id = {OBSERVED}",
    ],
    "a branch's day holds what cannot be": [
        "UPDATE branch_day SET run_fraction = 0.49",
        "UPDATE branch_day SET repaired = trades + 1",
        "UPDATE branch_day SET latches = -1",
        "UPDATE branch_day SET drawdown_e6 = -1",
    ],
    "a branch's day was not run for as long as it says": [
        "UPDATE branch_day SET run_fraction = 0.76",
        "DELETE FROM rollup WHERE mode = 'run'",
        "UPDATE branch_day SET day = '2025-09-09' WHERE day = '2025-09-10'",
    ],
    "the branch that toggles nothing is not the desk": [MONEY + NOTHING],
    "branches disagree about what the desk made of a day": [MONEY + NOTHING, MONEY + DATA],
    "a limit that observes is not held against the desk where only its answers count": [
        MONEY + OBSERVED,
        f"DELETE FROM branch_day WHERE branch_id = {DATA}",
    ],
    "a branch's day in R is not its money": [
        "UPDATE branch_day SET with_r = with_r + 0.001 WHERE filter = 'limit'",
        "UPDATE branch_day SET without_r = without_r + 0.001 WHERE filter = 'watch'",
        "UPDATE branch_day SET without_r = without_r + 0.001 WHERE filter = ''",
        "UPDATE branch_day SET with_r = NULL WHERE filter = 'limit'",
        "UPDATE series SET money_r_e6 = NULL",
        "UPDATE series SET money_r_e6 = money_r_e6 + 1",
    ],
    "a branch's day has no R after one R was known": [
        "UPDATE branch_day SET with_r = NULL, without_r = NULL WHERE day = '2025-09-11'",
    ],
    "a branch's trade belongs to no branch, or ended after it": [
        f"DELETE FROM branch WHERE branch_id = {OBSERVED}",
        f"UPDATE branch_trade SET branch_id = {DATA} WHERE branch_id = {OBSERVED}",
        f"UPDATE branch_trade SET closed_ns = closed_ns + {NS_PER_DAY * 5}"
        f" WHERE branch_id = {OBSERVED}",
        "UPDATE branch_trade SET closed_ns = decided_ns - 1",
    ],
    "a branch's trade does not add up: net = gross - fees - funding, R = net / risk": [
        "UPDATE branch_trade SET fees_e6 = fees_e6 + 1",
        "UPDATE branch_trade SET r = r + 0.001",
    ],
    "branch 65 counts": [
        "UPDATE branch_day SET trades = trades + 1 WHERE branch_id = 65",
        "DELETE FROM branch_trade WHERE trade_id = (SELECT MIN(trade_id) FROM branch_trade"
        " WHERE branch_id = 65)",
        "UPDATE branch_day SET trades = trades - 3 WHERE branch_id = 65",
    ],
    "a trade of the branch that toggles nothing is none of the desk's": [
        f"UPDATE branch_trade SET {column} = {column} + 1 WHERE branch_id = 64"
        for column in ("qty_lots", "decided_ns", "closed_ns", "gross_e6", "fees_e6", "risk_e6")
    ]
    + [
        "UPDATE branch_trade SET bot = 'beta' WHERE branch_id = 64 AND bot = 'alpha'",
        "UPDATE branch_trade SET signal_id = NULL WHERE branch_id = 64",
        "DELETE FROM trade WHERE kind = 'paper'",
    ],
    "a trade of the desk is not on the branch that toggles nothing": [
        "DELETE FROM branch_trade WHERE branch_id = 64",
        "DELETE FROM branch_trade WHERE trade_id = (SELECT MAX(trade_id) FROM branch_trade"
        " WHERE trade_id % 64 = 0)",
    ],
}
CASES = [(words, script) for words, scripts in DAMAGE.items() for script in scripts]


@pytest.mark.parametrize(("words", "script"), CASES)
def test_planted_damage_is_found(sound: Path, tmp_path: Path, words: str, script: str) -> None:
    found = planted(sound, tmp_path, script)
    assert any(line.startswith(words) for line in found), found


def test_every_rule_is_set_off_by_something() -> None:
    assert {words for words, _ in RULES} <= DAMAGE.keys()


def test_the_whole_check_looks_at_branches(sound: Path, tmp_path: Path) -> None:
    planted(sound, tmp_path, MONEY + NOTHING)
    with closing(open_readonly(tmp_path / "gnomon.db")) as db:
        assert any("toggles nothing" in line for line in broken_promises(db))


def test_trades_of_branches_that_were_deleted_for_their_age_are_not_missed(
    sound: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "gnomon.db"
    shutil.copy(sound, copy)
    (row,) = rows_of(copy, "SELECT MAX(closed_ns) AS ns FROM branch_trade")
    until_ns = row["ns"] - 2 * NS_PER_DAY
    store = Store(copy, mode="local", network="testnet")
    assert store.tidy(Limits(0, 0, 1e15, until_ns)).deleted > 0
    store.close()
    assert any("trades on 2025-09-07" in line for line in lies(copy)), "it is not that old yet"
    with closing(sqlite3.connect(copy)) as db:
        db.execute(
            "UPDATE state SET value = json_set(value, '$.now_ns', ?) WHERE key = 'vitals'",
            (until_ns + (KEPT_DAYS + 1) * NS_PER_DAY,),
        )
        db.commit()
    assert lies(copy) == []


def test_a_fork_from_state_that_was_lost_leaves_branches_that_nobody_saw_end(
    sound: Path, tmp_path: Path
) -> None:
    lost = "UPDATE branch SET ended_ns = NULL, why = 'first' WHERE ended_ns IS NOT NULL"
    again = "UPDATE branch SET why = '{}' WHERE branch_id > 1000"
    missing = again.format("the state of the branches was missing")
    assert planted(sound, tmp_path, lost, missing) == []
    assert planted(sound, tmp_path, lost, again.format("Monday")) != []


def test_branches_that_a_changed_configuration_ends_have_an_end(tmp_path: Path) -> None:
    stage = branched_stage()
    stage.open_store(tmp_path / "gnomon.db")
    stage.book()
    stage.commit()
    modes: dict[str, Mode] = {"limit": "observe", "other": "enforce"}
    variants = standard(Scripted(name, mode) for name, mode in modes.items())
    other = stage.restart(60, modes, variants=variants)
    other.book()
    other.commit()
    assert other.store is not None
    other.store.close()
    rows = rows_of(tmp_path / "gnomon.db", "SELECT ended_ns, why FROM branch")
    assert {(row["ended_ns"] is None, row["why"]) for row in rows} == {
        (False, "first | the configuration changed"),
        (True, "the configuration changed"),
    }
    assert lies(tmp_path / "gnomon.db") == []
