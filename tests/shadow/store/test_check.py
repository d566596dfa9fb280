from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shadow.store.check import RULES, broken_promises
from shadow.store.retention import Limits
from shadow.store.store import Store, open_readonly
from tests.support.shadow import Stage, history_stage, rows_of, tell_history, told


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    path = tmp_path_factory.mktemp("check") / "sound.db"
    return path, told(path)


def promises(path: Path) -> list[str]:
    with closing(open_readonly(path)) as db:
        return broken_promises(db)


def plant(sound: tuple[Path, dict[str, int]], tmp_path: Path, script: str) -> list[str]:
    """Damage a copy of a sound database; `:name` stands for the id of a signal of its history."""
    path, ids = sound
    copy = tmp_path / "gnomon.db"
    shutil.copy(path, copy)
    for name, signal_id in ids.items():
        script = script.replace(f":{name}", str(signal_id))
    with closing(sqlite3.connect(copy)) as db:
        before = db.total_changes
        db.executescript(script)
        assert db.total_changes > before, "the damage did nothing"
        db.commit()
    return promises(copy)


def test_a_history_of_everything_keeps_every_promise(sound: tuple[Path, dict[str, int]]) -> None:
    path, ids = sound
    assert promises(path) == []
    trades = rows_of(path, "SELECT kind, cause, status, exit_reason FROM trade")
    assert {t["kind"] for t in trades} == {"paper", "twin", "phantom"}
    assert {t["cause"] for t in trades} == {"admit", "block", "clamp"}
    assert {t["status"] for t in trades} >= {"closed", "open"}
    assert {t["exit_reason"] for t in trades} >= {"stop", "target", "horizon", "UNAVAILABLE", None}
    assert len(ids) == 12


# By rule, everything that must set it off. Damage often breaks more than one promise.
DAMAGE: dict[str, list[str]] = {
    "a signal lacks its detail": ["DELETE FROM signal_detail WHERE signal_id = :admitted"],
    "a detail belongs to no signal": [
        "UPDATE signal_detail SET signal_id = 1 WHERE signal_id = :sole",
        "DELETE FROM signal WHERE signal_id = :joined",
    ],
    "a trade's costs are of no fill, or of none that met a book": [
        "UPDATE trade SET entry_delay_e6 = NULL WHERE trade_id = 4 * :admitted",
        "UPDATE trade SET exit_impact_e6 = NULL WHERE trade_id = 4 * :admitted",
        "UPDATE trade SET exit_decision_mid = NULL WHERE trade_id = 4 * :admitted",
        "UPDATE trade SET entry_delay_e6 = 0, entry_impact_e6 = 0 WHERE trade_id = 4 * :missed + 2",
        "UPDATE trade SET exit_delay_e6 = 0, exit_impact_e6 = 0, exit_decision_mid = 100.0"
        " WHERE trade_id = 4 * :open",
        "UPDATE trade SET exit_delay_e6 = exit_delay_e6 + exit_impact_e6 + 1, exit_impact_e6 = -1"
        " WHERE trade_id = 4 * :admitted",
    ],
    "a trade's costs are not what lies between its decisions' mids and its fills": [
        "UPDATE trade SET entry_delay_e6 = entry_delay_e6 + 2 WHERE trade_id = 4 * :admitted",
        "UPDATE trade SET exit_impact_e6 = exit_impact_e6 + 2 WHERE trade_id = 4 * :admitted",
        "UPDATE trade SET exit_decision_mid = exit_decision_mid + 0.01"
        " WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET decision_mid = decision_mid + 0.01 WHERE trade_id = 4 * :sole + 2",
    ],
    "a day's shortfall of desk": [
        "UPDATE shortfall_day SET exit_delay_e6 = exit_delay_e6 + 1",
        "UPDATE shortfall_day SET notional_e6 = notional_e6 + 1",
        "UPDATE shortfall_day SET trades = trades + 1",
        "INSERT INTO shortfall_day VALUES"
        " ('2025-09-01', 0, 1, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0)",
    ],
    "the plain limit beside a limit judged what that did not": [
        "INSERT INTO matched_day VALUES"
        " ('2025-09-02', 'limit', 'id', 'alpha', 'clean', 1, 0.5, 0, 0.0, 0.5, 0.5)",
    ],
    "a fold is not of the rows it stands for": [
        "INSERT INTO limit_fold VALUES ('limit', 'id', 'all', '2025-09-02', 1,"
        ' \'{"booked": {"judged": 1, "blocked": 0, "blocked_r": 0.0}}\')',
        "INSERT INTO limit_fold VALUES ('limit', 'id', 'clean', '2025-09-02', 1, '{')",
    ],
    "a check that passed and cut nothing stands among those that did not": [
        "UPDATE check_result SET outcome = 'pass' WHERE signal_id = :sole",
    ],
    "a check belongs to no signal": [
        "UPDATE check_result SET signal_id = 1 WHERE signal_id = :sole",
        "DELETE FROM signal WHERE signal_id = :joined",
    ],
    "an admitted signal has an enforced check that did not pass, or a blocked one has none": [
        "UPDATE check_result SET outcome = 'pass' WHERE signal_id = :sole",
        "INSERT INTO check_result VALUES (:later, 'cap', 'enforce', 'fail', 1.0, 1.0, '', 1)",
        "INSERT INTO check_result VALUES (:open, 'cap', 'enforce', 'no_data', NULL, 1.0, '', 1)",
        "UPDATE check_result SET mode = 'observe' WHERE signal_id = :sole AND filter = 'limit'",
        "UPDATE signal SET verdict = 'admitted' WHERE signal_id = :joined",
    ],
    "a signal's failing set is not that of its checks": [
        "UPDATE signal SET failing = '' WHERE signal_id = :sole",
        "UPDATE signal SET failing = 'other' WHERE signal_id = :sole",
        "UPDATE signal SET failing = 'limit' WHERE signal_id = :shared",
        "UPDATE signal SET failing = 'limit,cap' WHERE signal_id = :shared",
        "UPDATE signal SET failing = 'limit,limit' WHERE signal_id = :sole",
        "UPDATE signal SET failing = 'limits' WHERE signal_id = :sole",
    ],
    "a signal names a sole blocker that was not, or not the one that was": [
        "UPDATE signal SET sole = '' WHERE signal_id = :sole",
        "UPDATE signal SET sole = 'other' WHERE signal_id = :sole",
        "UPDATE signal SET sole = 'limit' WHERE signal_id = :shared",
        "UPDATE signal SET sole = 'limit' WHERE signal_id = :blind",
        "UPDATE signal SET sole = 'watch' WHERE signal_id = :watched",
    ],
    "an admitted signal has no real trade, or more than one": [
        "DELETE FROM trade WHERE signal_id = :admitted AND kind = 'paper'",
        "UPDATE trade SET kind = 'paper' WHERE signal_id = :admitted AND kind = 'twin'",
        "UPDATE trade SET kind = 'real' WHERE signal_id = :admitted AND kind = 'twin'",
    ],
    "a blocked signal belongs to no episode, or to one of another key": [
        "UPDATE signal SET trade_id = NULL WHERE signal_id = :sole",
        "UPDATE signal SET trade_id = 12345 WHERE signal_id = :sole",
        "UPDATE signal SET trade_id = 4 * :later WHERE signal_id = :joined",
        "UPDATE signal SET trade_id = 4 * :sole + 2 WHERE signal_id = :shared",
        "UPDATE signal SET trade_id = 4 * :clamped + 3 WHERE signal_id = :missed",
        "UPDATE signal SET side = 'buy' WHERE signal_id = :joined",
        "UPDATE signal SET coin = 'ETH' WHERE signal_id = :joined",
        "UPDATE signal SET bot = 'beta' WHERE signal_id = :joined",
    ],
    "a phantom's cause does not fit what blocked it": [
        "UPDATE trade SET cause = 'stage' WHERE trade_id = 4 * :sole + 2",
    ],
    "a phantom or twin has no signal": [
        "UPDATE trade SET signal_id = 1 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET signal_id = 1 WHERE trade_id = 4 * :admitted + 1",
        "DELETE FROM signal WHERE signal_id = :clamped",
    ],
    "a trial's phantom is of no trial, or is something else": [
        "UPDATE trade SET cause = 'trial' WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET trial_id = 1 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET cause = 'trial', trial_id = 1 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET cause = 'trial', trial_id = 1, signal_id = 1"
        " WHERE trade_id = 4 * :admitted + 1",
    ],
    "two open trades of one kind share a key": [
        "UPDATE trade SET status = 'open' WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET status = 'pending' WHERE trade_id = 4 * :watched",
    ],
    "net is not gross - fees - funding": [
        "UPDATE trade SET net_e6 = net_e6 + 1 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET funding_e6 = 1 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET fees_e6 = NULL WHERE trade_id = 4 * :sole + 2",
    ],
    "a closed trade lacks its money, or an open or unavailable one has some": [
        "UPDATE trade SET net_e6 = NULL WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET net_e6 = NULL, exit_reason = NULL WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET net_e6 = 0 WHERE trade_id = 4 * :phantom + 2",
        "UPDATE trade SET net_e6 = 0 WHERE trade_id = 4 * :missed + 2",
    ],
    "a closed trade's days do not add up to its net": [
        "UPDATE trade_day SET mtm_e6 = mtm_e6 - 1 WHERE trade_id = 4 * :sole + 2",
        "DELETE FROM trade_day WHERE trade_id = 4 * :sole + 2",
        "INSERT INTO trade_day VALUES (4 * :sole + 2, '2025-09-02', 1)",
    ],
    "a closed trade's fills do not add up to its gross and fees": [
        "UPDATE fill SET notional_e6 = notional_e6 + 1 WHERE trade_id = 4 * :sole + 2"
        " AND action = 'exit'",
        "UPDATE fill SET fee_e6 = fee_e6 + 1 WHERE trade_id = 4 * :sole + 2 AND action = 'entry'",
        "UPDATE fill SET side = 'buy' WHERE trade_id = 4 * :sole + 2",
        "DELETE FROM fill WHERE trade_id = 4 * :sole + 2",
        "DELETE FROM fill WHERE trade_id = 4 * :sole + 2 AND action = 'entry'",
    ],
    "a closed trade sold another size than it bought": [
        "UPDATE fill SET lots = lots - 1 WHERE trade_id = 4 * :sole + 2 AND action = 'exit'",
        "DELETE FROM fill WHERE trade_id = 4 * :sole + 2",
    ],
    "a trade waits for its funding and owes none, or is no trade that has ended": [
        "UPDATE trade SET status = 'exiting' WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET status = 'open', flags = 'owed' WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET flags = 'gap,owed' WHERE trade_id = 4 * :sole + 2",
    ],
    "a trade's R or bps are not what its money makes": [
        "UPDATE trade SET r = r + 0.001 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET bps = bps - 0.1 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET r = NULL WHERE trade_id = 4 * :admitted",
    ],
    "a trade's entry is not what its fills make": [
        "UPDATE trade SET entry_notional_e6 = entry_notional_e6 + 1 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET qty_lots = qty_lots + 1 WHERE trade_id = 4 * :sole + 2",
    ],
    "a trade has a day outside its life": [
        "UPDATE trade_day SET day = '2025-08-31' WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade_day SET day = '2026-08-31' WHERE trade_id = 4 * :sole + 2",
    ],
    "a twin's days differ from its trade's": [
        "UPDATE trade_day SET day = '2025-09-02' WHERE trade_id = 4 * :admitted",
        "DELETE FROM trade_day WHERE trade_id = 4 * :admitted + 1",
    ],
    "a twin in paper differs from its trade": [
        "UPDATE trade SET net_e6 = net_e6 + 1, gross_e6 = gross_e6 + 1"
        " WHERE trade_id = 4 * :admitted + 1",
        "UPDATE trade SET qty_lots = qty_lots - 1 WHERE trade_id = 4 * :admitted + 1",
        "UPDATE trade SET status = 'exiting' WHERE trade_id = 4 * :open + 1",
        "UPDATE trade SET net_e6 = NULL WHERE trade_id = 4 * :admitted + 1",
        "UPDATE trade SET entry_delay_e6 = entry_delay_e6 + 1 WHERE trade_id = 4 * :admitted + 1",
    ],
    "a later trade is not of the phantom's key": [
        "UPDATE trade SET later_trade_id = 4 * :admitted WHERE trade_id = 4 * :paired + 2",
        "UPDATE trade SET later_trade_id = 4 * :watched WHERE trade_id = 4 * :sole + 2",
    ],
    "an open trade's state is missing, or a closed one's is left over": [
        "DELETE FROM state WHERE key = 'trade/' || (4 * :phantom + 2)",
        "INSERT INTO state (key, value) VALUES ('trade/' || (4 * :sole + 2), '{}')",
    ],
    "cash moved by": [
        "UPDATE state SET value = json_set(value, '$.cash_e6',"
        " json_extract(value, '$.cash_e6') + 1) WHERE key = 'desk'",
        "UPDATE trade SET kind = 'twin' WHERE trade_id = 4 * :admitted",
    ],
    "rollup of limit/enforce/sole/alpha": [
        "UPDATE rollup SET entries = entries + 1 WHERE filter = 'limit' AND scope = 'sole'",
        "UPDATE rollup SET net_e6 = net_e6 + 1 WHERE filter = 'limit' AND scope = 'sole'",
        "UPDATE rollup SET r = r + 0.001 WHERE filter = 'limit' AND scope = 'sole'",
        "DELETE FROM rollup WHERE filter = 'limit' AND scope = 'sole'",
        "UPDATE rollup SET bot = 'beta' WHERE filter = 'limit' AND scope = 'sole'",
        "UPDATE trade SET later_trade_id = NULL WHERE trade_id = 4 * :paired + 2",
        "UPDATE trade SET flags = 'no_funding' WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET flags = 'gap suspect_price' WHERE trade_id = 4 * :sole + 2",
    ],
    "rollup of limit/enforce/fail_closed/beta": [
        "UPDATE check_result SET outcome = 'fail' WHERE signal_id = :blind AND filter = 'limit'",
    ],
    "rollup of /admit/twin/alpha": [
        "UPDATE rollup SET net_e6 = net_e6 - 1 WHERE filter = '' AND bot = 'alpha'",
    ],
    "rollup of watch/observe/sole/beta": [
        "UPDATE rollup SET mode = 'enforce' WHERE filter = 'watch'",
    ],
    "rollup of bias": [
        "UPDATE rollup SET signals = signals - 1 WHERE scope = 'bias'",
        "UPDATE rollup SET bps = bps + 0.1 WHERE scope = 'bias'",
        "UPDATE rollup SET r = r + 0.1 WHERE scope = 'bias'",
        "DELETE FROM rollup WHERE scope = 'bias'",
        "UPDATE trade SET bps = bps + 1 WHERE trade_id = 4 * :admitted + 1",
    ],
    "rollup of unavailable": [
        "DELETE FROM rollup WHERE scope = 'unavailable'",
        "UPDATE trade SET cause = 'clamp' WHERE trade_id = 4 * :missed + 2",
    ],
    "rollup of excluded": [
        "INSERT INTO rollup VALUES ('2025-09-01','','head','excluded','alpha',1,0,0.0,0.0,0)",
    ],
    "rollup of ghost/enforce/sole/alpha": [
        "INSERT INTO rollup VALUES ('2025-09-01','ghost','enforce','sole','alpha',1,1,0.5,9.0,7)",
    ],
}

CASES = [(words, script) for words, scripts in DAMAGE.items() for script in scripts]


@pytest.mark.parametrize(("words", "script"), CASES)
def test_planted_damage_is_found(
    sound: tuple[Path, dict[str, int]], tmp_path: Path, words: str, script: str
) -> None:
    found = plant(sound, tmp_path, script)
    assert any(line.startswith(words) for line in found), found


def test_a_damaged_file_is_not_asked_anything_else(
    sound: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    path, _ = sound
    copy = tmp_path / "gnomon.db"
    shutil.copy(path, copy)
    (root,) = rows_of(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'fill_by_trade'")
    with copy.open("r+b") as file:
        file.seek((root["rootpage"] - 1) * 4096)
        file.write(bytes(4096))
    (line,) = promises(copy)
    assert line.startswith("the file is damaged: ")


def test_every_rule_is_shown_to_fire() -> None:
    assert {words for words, _ in RULES} <= set(DAMAGE)


def test_examples_are_named_and_counted(sound: tuple[Path, dict[str, int]], tmp_path: Path) -> None:
    _, ids = sound
    everything = sorted(ids.values())
    found = plant(sound, tmp_path, "DELETE FROM signal_detail")
    (line,) = [line for line in found if line.startswith("a signal lacks its detail")]
    assert line == f"a signal lacks its detail: {', '.join(map(str, everything[:3]))} …"


def test_a_history_without_the_shadow_keeps_its_promises(tmp_path: Path) -> None:
    """Its blocked signals belong to no episode, because none was kept."""
    stage = Stage(shadow=False)
    stage.book()
    stage.script(limit="fail")
    stage.signal()
    stage.books(3)
    stage.script(limit="pass")
    stage.signal(horizon_s=5)
    stage.books(20)
    path = stage.finish(tmp_path / "gnomon.db")
    assert promises(path) == []
    kinds = rows_of(path, "SELECT DISTINCT kind FROM trade")
    assert [row["kind"] for row in kinds] == ["paper"]


def test_a_history_that_was_pruned_is_still_held_to_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    stage = history_stage()
    tell_history(stage)
    stage.finish(path)
    store = Store(path, mode="local", network="testnet")
    assert store.tidy(Limits(stage.now_ns, stage.now_ns, 1e12)).deleted > 0
    store.close()
    assert promises(path) == []
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE trade SET net_e6 = 1 WHERE status <> 'closed'")
        db.commit()
    assert promises(path) != []


def test_an_empty_database_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    assert promises(path) == []
