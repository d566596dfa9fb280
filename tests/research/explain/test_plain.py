from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from research.explain.plain import answers, hold_days_against_trades
from research.explain.proof import Proof
from research.explain.series import shown


def held(db: sqlite3.Connection, name: str = "limit") -> Proof:
    series, proof = shown(db, name), Proof()
    assert series is not None
    hold_days_against_trades(db, series, proof)
    return proof


@pytest.fixture
def copy(whole_db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A copy to damage."""
    with closing(sqlite3.connect(":memory:")) as found:
        whole_db.backup(found)
        yield found


@pytest.mark.parametrize("name", ["limit", "other", "watch", "control", "volatility"])
def test_every_day_of_the_plain_limit_is_what_its_trades_make(
    whole_db: sqlite3.Connection, name: str
) -> None:
    proof = held(whole_db, name)
    assert proof.differs == [] and proof.unchecked == []
    assert proof.checked["plain limit's day from its trades"] >= 24
    series = shown(whole_db, name)
    assert series is not None
    assert len(set(answers(whole_db, series).values())) == 2


PLANTED = [
    "UPDATE matched_day SET blocked = blocked + 1",
    "UPDATE matched_day SET judged_r = judged_r + 0.01",
    "DELETE FROM matched_day WHERE blocked > 0",
    "UPDATE check_result SET value = 9.0 WHERE filter = 'volatility'",
    "UPDATE trade SET r = r + 1 WHERE kind = 'twin' AND r IS NOT NULL",
]


@pytest.mark.parametrize("script", PLANTED)
def test_a_planted_difference_is_found(copy: sqlite3.Connection, script: str) -> None:
    assert copy.execute(script).rowcount > 0
    assert held(copy).differs


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("DELETE FROM signal_detail", "not kept any more"),
        ("INSERT INTO about VALUES ('pruned_before_ns', '1757289600000000000')", "were deleted"),
    ],
)
def test_what_it_learned_from_and_is_gone_is_said(
    copy: sqlite3.Connection, script: str, words: str
) -> None:
    copy.execute(script)
    proof = held(copy)
    assert proof.differs == [] and words in proof.unchecked[0]
