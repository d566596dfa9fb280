from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from research.explain.proof import Proof
from research.explain.slice import figures, hold_days_against_trades, kept, parts


@pytest.fixture
def copy(whole_db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A copy to damage."""
    with closing(sqlite3.connect(":memory:")) as found:
        whole_db.backup(found)
        yield found


def held(db: sqlite3.Connection, by: str, name: str, since: str = "") -> Proof:
    proof = Proof()
    mine = kept(db, by, since).get(name, {})
    hold_days_against_trades(db, mine, parts(db, by, name), since, proof)
    return proof


GROUPS = ("division", "bot", "coin", "regime", "day", "stage")


def test_every_slice_is_what_its_signals_and_trades_make(whole_db: sqlite3.Connection) -> None:
    for by in GROUPS:
        slices = kept(whole_db, by, "")
        assert slices
        for name in slices:
            proof = held(whole_db, by, name)
            assert proof.differs == [] and proof.checked, (by, name)
    assert held(whole_db, "bot", "alpha", "2025-09-08").differs == []


PLANTED = [
    ("coin", "SOL", "UPDATE slice_day SET signals = signals + 1 WHERE scope = 'sole'"),
    ("coin", "SOL", "UPDATE slice_day SET entries = entries + 1 WHERE scope = 'blocked'"),
    ("bot", "beta", "UPDATE slice_day SET r = r + 0.01 WHERE scope = 'twin'"),
    ("day", "2025-09-08", "UPDATE slice_day SET net_e6 = net_e6 + 1 WHERE scope = 'blocked'"),
    ("regime", "trend", "UPDATE slice_day SET bps = bps + 0.01 WHERE scope = 'blocked'"),
    ("division", "flow", "UPDATE signal SET fail_closed = 1 - fail_closed"),
    ("division", "flow", "UPDATE signal SET division = 'trend' WHERE verdict = 'blocked'"),
    ("stage", "nova", "UPDATE rollup SET net_e6 = net_e6 + 1 WHERE mode = 'stage'"),
    ("stage", "nova", "UPDATE trade_day SET mtm_e6 = mtm_e6 + 1"),
]


@pytest.mark.parametrize(("by", "name", "script"), PLANTED)
def test_a_planted_difference_is_found(
    copy: sqlite3.Connection, by: str, name: str, script: str
) -> None:
    assert copy.execute(script).rowcount > 0
    assert held(copy, by, name).differs


def test_a_day_has_nothing_to_be_drawn_to_and_a_slice_that_is_not_there_is_nothing(
    whole_db: sqlite3.Connection,
) -> None:
    days = kept(whole_db, "day", "")
    assert figures(days, "2025-09-08", "day")["shrunken_r"] is None
    found = figures(days, "2024-01-01", "day")
    assert (found["blocked"], found["mean_r"], found["shrunken_r"]) == (0, None, None)
