from __future__ import annotations

import sqlite3
from decimal import Decimal

import pytest

from research.explain.fills import half_even, hold_trades_against_fills, settings_at, trade_of
from research.explain.proof import Proof
from tests.research.explain.conftest import Damaged

CLOSED = "SELECT trade_id FROM trade WHERE net_e6 IS NOT NULL"
ONE = "(SELECT MIN(trade_id) FROM trade WHERE net_e6 IS NOT NULL)"


def held(db: sqlite3.Connection) -> Proof:
    proof = Proof()
    hold_trades_against_fills(db, [trade_id for (trade_id,) in db.execute(CLOSED)], proof)
    return proof


def test_every_trade_is_what_its_fills_make(db: sqlite3.Connection) -> None:
    proof = held(db)
    assert proof.differs == []
    assert proof.checked["trade's risk from its signal"] > 100
    assert proof.checked["fill's fee from its notional"] > 200
    assert proof.unchecked == []


PLANTED = {
    f"UPDATE trade SET {column} = {column} + 1 WHERE trade_id = {ONE}": "trade from its fills"
    for column in ("qty_lots", "entry_notional_e6", "gross_e6", "fees_e6", "net_e6", "r")
} | {
    f"UPDATE trade SET funding_e6 = 5, net_e6 = net_e6 - 5 WHERE trade_id = {ONE}": (
        "trade from its fills"
    ),
    f"UPDATE trade SET risk_e6 = risk_e6 + 1000 WHERE trade_id = {ONE}": (
        "trade's risk from its signal"
    ),
    "UPDATE signal SET stop_px = stop_px + 0.1": "trade's risk from its signal",
    f"UPDATE trade SET exit_delay_e6 = exit_delay_e6 + 4 WHERE trade_id = {ONE}": (
        "trade's gross and costs from its decisions"
    ),
    f"UPDATE trade_day SET mtm_e6 = mtm_e6 + 1 WHERE trade_id = {ONE}": (
        "trade's days from its net"
    ),
    f"DELETE FROM fill WHERE trade_id = {ONE} AND action = 'exit'": "trade from its fills",
    f"UPDATE fill SET notional_e6 = notional_e6 + 1 WHERE trade_id = {ONE}": "trade from its fills",
    f"UPDATE fill SET lots = lots + 1 WHERE trade_id = {ONE} AND action = 'exit'": (
        "trade from its fills"
    ),
    "UPDATE fill SET fee_e6 = fee_e6 + 1": "fill's fee from its notional",
    "UPDATE run SET config = json_set(config, '$.fees.taker_bps', 5.0)": (
        "fill's fee from its notional"
    ),
}


@pytest.mark.parametrize(("script", "link"), PLANTED.items())
def test_a_planted_difference_is_found(damaged: Damaged, script: str, link: str) -> None:
    assert link in {one.link for one in held(damaged(script)).differs}


def test_a_trade_that_is_counted_and_is_not_there_is_found(db: sqlite3.Connection) -> None:
    proof = Proof()
    hold_trades_against_fills(db, [1], proof)
    assert [one.made for one in proof.differs] == ["missing"] and trade_of(db, 1) is None


def test_what_cannot_be_told_is_said(damaged: Damaged) -> None:
    unsplit = "UPDATE trade SET exit_delay_e6 = NULL"
    proof = held(damaged("UPDATE run SET config = '{}'", "DELETE FROM signal", unsplit))
    assert proof.differs == []
    assert len(proof.unchecked) == 3


def test_settings_are_those_of_the_run_of_that_time_or_else_of_the_first(
    damaged: Damaged,
) -> None:
    db = damaged(
        "CREATE TEMP TABLE later AS SELECT * FROM run; UPDATE later SET run_id = 99,"
        " started_ns = 1 << 61, config = json_set(config, '$.fees.taker_bps', 9.0)",
        "INSERT INTO run SELECT * FROM later",
    )
    for at_ns, bps in ((0, 4.5), (1 << 60, 4.5), (1 << 62, 9.0)):
        assert settings_at(db, at_ns) == {"latency_ms": 400.0, "taker_bps": bps}


@pytest.mark.parametrize(
    ("value", "whole"), [("0.5", 0), ("1.5", 2), ("2.5", 2), ("2.51", 3), ("-0.5", 0)]
)
def test_ties_go_to_the_even_neighbour(value: str, whole: int) -> None:
    assert half_even(Decimal(value)) == whole
