from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from research.explain.blocked import episodes, figures, hold_days_against_trades, sums
from research.explain.proof import Proof
from tests.research.explain.conftest import Damaged
from tests.support.shadow import told as tell_about_everything


def held(db: sqlite3.Connection, name: str = "limit") -> Proof:
    proof = Proof()
    hold_days_against_trades(db, sums(db, name), episodes(db, name), proof)
    return proof


@pytest.mark.parametrize("name", ["limit", "other", "cap", "watch"])
def test_of_a_history_of_everything_each_sum_is_what_its_trades_make(
    tmp_path: Path, name: str
) -> None:
    """With an episode that was admitted later, refusals by several, clamps and open trades."""
    path = tmp_path / "gnomon.db"
    tell_about_everything(path)
    with closing(sqlite3.connect(path)) as db:
        assert held(db, name).differs == []
        if name == "limit":
            made = figures(sums(db, name))
            assert (
                made["sole_blocked"] > 0 and made["shared_blocked"] > 0 and made["fail_closed"] > 0
            )
            assert any(one.get("later") for one in episodes(db, name))


def test_figures_are_sums_over_days(db: sqlite3.Connection) -> None:
    found = figures(sums(db, "limit"))
    assert found["blocked"] == found["sole_blocked"] + found["shared_blocked"] == 23
    (net_e6,) = db.execute(
        "SELECT SUM(d.mtm_e6) FROM trade_day d JOIN trade t USING (trade_id) JOIN signal s"
        " USING (signal_id) WHERE s.sole = 'other' AND t.kind = 'phantom'"
    ).fetchone()
    assert figures(sums(db, "other"))["net_usd"] == pytest.approx(net_e6 / 1e6)
    assert figures({})["mean_bps"] is None


ROLLUP = "UPDATE rollup SET {0} = {0} + 1 WHERE filter = 'limit' AND scope = 'sole'"
PLANTED = [
    ROLLUP.format("signals"),
    ROLLUP.format("entries"),
    ROLLUP.format("bps"),
    ROLLUP.format("net_e6"),
    "DELETE FROM rollup WHERE filter = 'limit' AND scope = 'fail_closed'",
    "UPDATE trade_day SET mtm_e6 = mtm_e6 + 1",
    "DELETE FROM check_result WHERE filter = 'limit' AND outcome = 'no_data'",
    "UPDATE trade SET flags = 'suspect_price' WHERE kind = 'phantom'",
]


def test_what_a_cap_cut_off_is_held_against_its_phantoms(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    tell_about_everything(path)
    with closing(sqlite3.connect(path)) as db:
        assert figures(sums(db, "cap"))["clamped_usd"] != 0.0
        db.execute("UPDATE rollup SET net_e6 = net_e6 + 1 WHERE scope = 'clamped'")
        (one,) = held(db, "cap").differs
        assert one.of.endswith("clamped net_e6")


def test_bots_in_the_shadow_stage_are_in_no_filter_s_figure(whole_db: sqlite3.Connection) -> None:
    query = "SELECT COUNT(*) FROM signal WHERE failing LIKE '%limit%,stage%'"
    assert whole_db.execute(query).fetchone()[0] > 0
    assert held(whole_db).differs == []


@pytest.mark.parametrize("script", PLANTED)
def test_a_planted_difference_is_found(damaged: Damaged, script: str) -> None:
    assert held(damaged(script)).differs


def test_sums_of_signals_that_were_deleted_are_taken_as_they_are(damaged: Damaged) -> None:
    db = damaged("DELETE FROM signal WHERE ts_ns < 1757289600000000000")
    assert held(db).differs
    db = damaged("INSERT INTO about VALUES ('pruned_before_ns', '1757289600000000000')")
    proof = held(db)
    assert proof.differs == [] and "deleted for their age" in proof.unchecked[0]
