from __future__ import annotations

import sqlite3

import pytest

from research.explain.left_out import figures, hold_days_against_trades, kept, made
from research.explain.proof import Proof
from tests.research.explain.conftest import Damaged


def held(db: sqlite3.Connection, name: str = "limit", since: str = "") -> Proof:
    proof = Proof()
    hold_days_against_trades(db, kept(db, name, since), made(db, name)[0], since, proof)
    return proof


@pytest.mark.parametrize("name", ["limit", "other", "watch"])
def test_each_count_is_what_its_episodes_make(db: sqlite3.Connection, name: str) -> None:
    proof = held(db, name)
    assert proof.differs == [] and proof.unchecked == []
    assert sum(proof.checked.values()) >= 6 or name == "watch"


def test_counts_are_by_reason_and_those_still_open_stand_beside(db: sqlite3.Connection) -> None:
    counts, still_open, episodes = made(db, "limit")
    found = figures(counts, still_open)
    assert found["joint"] > 0 and found["no_data"] > 0 and found["open"] == still_open > 0
    assert list(found) == sorted(found) and "joint:other" not in found
    assert len([one for one in episodes if one["reason"] == "joint"]) == found["joint"]
    assert figures({}, 0) == {}


SOLE = (
    "(SELECT MIN(t.trade_id) FROM trade t JOIN signal s USING (signal_id) WHERE s.sole = 'limit'"
    " AND t.kind = 'phantom' AND t.status = 'closed')"
)
PLANTED = [
    "UPDATE rollup SET entries = entries + 1 WHERE mode = 'left_out' AND scope = 'joint'",
    "DELETE FROM rollup WHERE mode = 'left_out' AND scope = 'no_data'",
    "UPDATE rollup SET entries = entries + 1 WHERE mode = 'left_out' AND scope = 'joint:other'",
    "UPDATE signal SET failing = 'limit' WHERE failing = 'limit,other'",
    "UPDATE check_result SET outcome = 'fail' WHERE filter = 'limit' AND outcome = 'no_data'",
    *(
        f"UPDATE trade SET {what} WHERE trade_id = {SOLE}"
        for what in (
            "flags = 'no_funding'", "flags = 'suspect_price'", "flags = 'wound_down'", "r = NULL",
            "exit_reason = 'UNAVAILABLE'", "exit_reason = 'UNAVAILABLE', flags = 'cancelled'",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("script", PLANTED)
def test_a_planted_difference_is_found(damaged: Damaged, script: str) -> None:
    assert held(damaged(script)).differs


def test_counts_of_signals_that_were_deleted_are_taken_as_they_are(damaged: Damaged) -> None:
    db = damaged(
        "DELETE FROM signal WHERE ts_ns < 1757289600000000000",
        "INSERT INTO about VALUES ('pruned_before_ns', '1757289600000000000')",
    )
    proof = held(db)
    assert proof.differs == [] and "deleted for their age" in proof.unchecked[0]
