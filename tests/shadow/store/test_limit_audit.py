from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from market.decision import SELL
from market.events import NS_PER_DAY, NS_PER_S
from shadow.store.check import broken_promises
from shadow.store.limit_audit import limit_lies
from shadow.store.retention import Limits
from shadow.store.store import Store, open_readonly
from tests.support.shadow import T0, Stage, flat, history_stage, rows_of, tell_history


def told(path: Path) -> dict[str, int]:
    """Write a history over days of which the first alone was run; its last trade was repaired."""
    stage = history_stage(delay_days=0)
    stage.open_store(path)
    stage.up()
    ids = tell_history(stage)
    stage.engine.vitals.uptime.run_ns = NS_PER_DAY
    stage.script(**dict.fromkeys(stage.filters, "pass"))
    stage.now_ns = T0 + NS_PER_DAY - 30 * NS_PER_S
    stage.book()
    assert stage.signal("beta", SELL, horizon_s=3600, stop=1.0) is not None
    stage.books(3)
    began_ms = stage.now_ns // 10**6 - T0 // 10**6
    stage.wait(50)
    stage.second()
    stage.wait(50)
    stage.book()
    stage.rates([(T0 // 10**6 + hour * 3_600_000, 1e-4) for hour in range(12, 26)])
    stage.candles(flat(began_ms - 60_000, stage.now_ns // 10**6 - T0 // 10**6, 101.5))
    stage.books(3, 101.5)
    stage.now_ns = T0 + 15 * NS_PER_DAY
    stage.book(101.5)
    stage.second()
    stage.commit()
    assert stage.store is not None
    stage.store.close()
    return ids


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    path = tmp_path_factory.mktemp("limits") / "sound.db"
    return path, told(path)


def lies(path: Path) -> list[str]:
    with closing(open_readonly(path)) as db:
        return limit_lies(db)


def test_a_history_of_days_is_what_its_trades_make(sound: tuple[Path, dict[str, int]]) -> None:
    path, _ = sound
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []
    days = rows_of(path, "SELECT day, sample, SUM(judged) AS n FROM limit_day GROUP BY day, sample")
    assert [(row["day"], row["sample"]) for row in days] == [
        ("2025-09-01", "clean"),
        ("2025-09-16", "repaired"),
    ]
    reasons = {
        row["scope"] for row in rows_of(path, "SELECT scope FROM rollup WHERE mode='left_out'")
    }
    assert {"no_data", "joint", "joint:other", "no_book"} <= reasons


DAMAGE = {
    "limit_day of": [
        "UPDATE limit_day SET judged = judged + 1 WHERE filter = 'limit'",
        "UPDATE limit_day SET judged_r = judged_r + 0.01 WHERE filter = 'cap'",
        "UPDATE limit_day SET blocked = blocked - 1 WHERE filter = 'limit' AND blocked > 0",
        "UPDATE limit_day SET best_r = best_r + 0.01 WHERE filter = 'limit'",
        "UPDATE limit_day SET worst_r = worst_r - 0.01 WHERE filter = 'limit'",
        "UPDATE limit_day SET day = '2025-09-17' WHERE filter = 'limit'",
        "UPDATE limit_day SET bot = 'gamma' WHERE filter = 'other' AND bot = 'beta'",
        "DELETE FROM limit_day WHERE filter = 'watch'",
        "UPDATE check_result SET outcome = 'fail' WHERE signal_id = :blind AND filter = 'limit'",
        "DELETE FROM check_result WHERE signal_id = :watched",
        "UPDATE trade SET r = r + 0.5 WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET flags = 'gap' WHERE trade_id = 4 * :sole + 2",
        "UPDATE trade SET flags = 'suspect_price' WHERE trade_id = 4 * :sole + 2",
        "UPDATE rollup SET signals = 43199 WHERE mode = 'run'",
        "DELETE FROM spell WHERE filter = 'limit'",
        "DELETE FROM final_day",
    ],
    "rollup of left_out": [
        "UPDATE rollup SET entries = entries + 1 WHERE mode = 'left_out' AND scope = 'joint'",
        "DELETE FROM rollup WHERE mode = 'left_out' AND scope = 'no_data'",
        "UPDATE rollup SET scope = 'joint:cap' WHERE mode = 'left_out' AND scope = 'joint:other'",
        "INSERT INTO rollup VALUES ('2025-09-01','cap','left_out','open','alpha',0,1,0.0,0.0,0)",
    ],
    "series": [
        "UPDATE series SET terms = replace(terms, 'days\":0', 'days\":1')",
        "UPDATE series SET number = 2 WHERE filter = 'limit'",
    ],
    "state series": ["UPDATE series SET money_r_e6 = 5 WHERE filter = 'limit'"],
    "limit was measured in series": ["UPDATE spell SET series_id = 'other' WHERE filter = 'limit'"],
}
CASES = [(words, script) for words, scripts in DAMAGE.items() for script in scripts]


@pytest.mark.parametrize(("words", "script"), CASES)
def test_planted_damage_is_found(
    sound: tuple[Path, dict[str, int]], tmp_path: Path, words: str, script: str
) -> None:
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
    found = lies(copy)
    assert any(line.startswith(words) for line in found), found


def test_what_open_trades_are_judged_by_is_held_against_their_checks(tmp_path: Path) -> None:
    stage = Stage(filters={"limit": "enforce", "other": "enforce"})
    path = tmp_path / "gnomon.db"
    stage.open_store(path)
    stage.book()
    stage.script(limit="fail")
    signal_id = stage.signal(horizon_s=60)
    stage.books(3)
    stage.commit()
    assert lies(path) == []
    stage.trade(signal_id, 2).blocked = ()
    stage.engine.out.touch(f"trade/{(signal_id or 0) * 4 + 2}")
    stage.commit()
    (line,) = lies(path)
    assert line.startswith(f"state trade/{(signal_id or 0) * 4 + 2}: blocked by []")


def test_what_one_r_is_worth_is_what_its_twins_make(tmp_path: Path) -> None:
    stage = Stage(filters={"limit": "enforce"})
    path = tmp_path / "gnomon.db"
    stage.open_store(path)
    stage.book()
    for number in range(31):
        stage.wait(4_000)
        stage.book()
        stage.signal(lots=100 + 7 * number, horizon_s=1)
        stage.books(3)
    stage.commit()
    (row,) = rows_of(path, "SELECT money_r_e6 FROM series")
    assert row["money_r_e6"] == (1_000_000 * (100 + 7 * 14) + 1_000_000 * (100 + 7 * 15)) // 200
    assert lies(path) == []
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE series SET money_r_e6 = money_r_e6 + 2")
        db.commit()
    (line,) = [line for line in lies(path) if "to the R" in line]
    assert line.startswith("series ")


def test_days_of_deleted_signals_are_taken_as_they_are_and_later_ones_are_not(
    sound: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    path, _ = sound
    copy = tmp_path / "gnomon.db"
    shutil.copy(path, copy)
    store = Store(copy, mode="local", network="testnet")
    assert store.tidy(Limits(0, T0 + NS_PER_DAY // 2 + 150 * NS_PER_S, 1e15)).deleted > 0
    store.close()
    assert lies(copy) == []
    later = "INSERT INTO limit_day SELECT '2025-10-30', filter, series_id, bot, sample, 1, 1, 0, 0,"
    with closing(sqlite3.connect(copy)) as db:
        db.execute(f"{later} 1, 1 FROM limit_day WHERE filter = 'limit' LIMIT 1")
        db.commit()
    (line,) = lies(copy)
    assert line.startswith("limit_day of limit/")
