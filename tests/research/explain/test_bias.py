from __future__ import annotations

import sqlite3

import pytest

from research.explain.bias import days_of, figure, hold_days_against_trades, pairs_of
from research.explain.proof import Proof
from tests.research.explain.conftest import Damaged

# A real desk's trade makes less than its twin.
APART = "UPDATE trade SET bps = bps - 1.5 WHERE kind = 'paper' AND bps IS NOT NULL"
SUMMED = "UPDATE rollup SET bps = 1.5 * signals WHERE mode = 'head' AND scope = 'bias'"


def held(db: sqlite3.Connection) -> Proof:
    proof = Proof()
    hold_days_against_trades(db, days_of(db), pairs_of(db), proof)
    return proof


def test_a_bias_is_the_mean_over_pairs(db: sqlite3.Connection, damaged: Damaged) -> None:
    assert figure(days_of(db)) == 0.0 and held(db).differs == []
    apart = damaged(APART, SUMMED)
    assert figure(days_of(apart)) == pytest.approx(1.5) and held(apart).differs == []
    assert figure([]) is None


@pytest.mark.parametrize(
    "script", [APART, SUMMED, "DELETE FROM rollup WHERE mode = 'head' AND scope = 'bias'"]
)
def test_a_planted_difference_is_found(damaged: Damaged, script: str) -> None:
    assert held(damaged(script)).differs
