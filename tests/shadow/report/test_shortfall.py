from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from market.decision import BUY, SELL
from shadow.report.shortfall import Shortfall, shortfall
from shadow.store.check import broken_promises
from shadow.store.store import Store, open_readonly
from tests.support.shadow import Stage, rows_of


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stage = Stage()
    stage.book()
    for side in (BUY, SELL):
        stage.signal("alpha", side, lots=700, horizon_s=10)
        stage.books(40, 100.4)
    stage.script(limit="fail")
    stage.signal("alpha", BUY, horizon_s=10)
    stage.books(30, 100.1)
    return stage.finish(tmp_path_factory.mktemp("shortfall") / "gnomon.db")


def found(path: Path, since: str = "") -> Shortfall:
    with closing(open_readonly(path)) as db:
        return shortfall(db, since=since)


def test_it_comes_from_the_mid_of_the_decision_to_the_money(path: Path) -> None:
    """Against each paper trade's own fills: what it paid beyond the mid, on the size it bought."""
    trades = rows_of(path, "SELECT * FROM trade WHERE kind = 'paper'")
    assert len(trades) == 2
    entry = sum(
        (1 if t["side"] == "buy" else -1)
        * (t["entry_px"] - t["decision_mid"])
        * t["qty_lots"]
        / 100
        for t in trades
    )
    one = found(path)
    assert one.trades == 2
    assert one.entry_usd == pytest.approx(entry, abs=1e-4) and one.entry_usd != 0.0
    assert one.fees_usd * 1e6 == pytest.approx(sum(t["fees_e6"] for t in trades))
    assert one.net_usd * 1e6 == pytest.approx(sum(t["net_e6"] for t in trades))
    assert one.decided_usd > one.net_usd


def test_it_adds_up_to_the_micro_dollar(path: Path) -> None:
    one = found(path)
    parts = (one.decided_usd, -one.entry_usd, -one.fees_usd, -one.funding_usd)
    assert sum(round(part * 1e6) for part in parts) == round(one.net_usd * 1e6)


def test_days_before_a_window_are_not_in_it(path: Path) -> None:
    assert found(path, since="2100-01-01") == Shortfall()


def test_an_older_file_gets_the_same_and_a_wrong_sum_is_told(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "gnomon.db"
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(copy)) as db:
        old.backup(db)
        for name in ("rollup_added", "rollup_changed", "refusal_sliced", "outcome_sliced"):
            db.execute(f"DROP TRIGGER {name}")
        db.execute("DROP TRIGGER shortfall_summed")
        for name in ("rollup_day", "slice_day", "shortfall_day", "choice_day"):
            db.execute(f"DROP TABLE {name}")
        db.execute("PRAGMA user_version = 9")
        db.commit()
    Store(copy, mode="local", network="testnet").close()
    assert found(copy) == found(path)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("UPDATE shortfall_day SET entry_e6 = entry_e6 + 1")
        db.commit()
    with closing(open_readonly(copy)) as db:
        assert any("shortfall" in line for line in broken_promises(db))
