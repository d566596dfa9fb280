"""A trade from its fills: what was bought and sold, fees, net, R, and its days."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from research.explain.proof import Proof

_TRADE = """
SELECT trade_id, signal_id, kind, cause, bot, coin, side, qty_lots, decided_ns, opened_ns,
  closed_ns, decision_mid, entry_px, exit_px, entry_notional_e6, gross_e6, fees_e6, funding_e6,
  net_e6, risk_e6, r, exit_reason, flags, exit_decision_mid, entry_delay_e6, entry_impact_e6,
  exit_delay_e6, exit_impact_e6
FROM trade WHERE trade_id = ?
"""

_FILLS = """
SELECT action, ts_ns, side, px, lots, notional_e6, fee_e6, levels FROM fill WHERE trade_id = ?
ORDER BY rowid
"""

HOUR_NS = 3600 * 10**9


def trade_of(db: sqlite3.Connection, trade_id: int) -> dict[str, Any] | None:
    """Return a trade's row, None where there is none."""
    cursor = db.execute(_TRADE, (trade_id,))
    row = cursor.fetchone()
    names = [column for column, *_ in cursor.description]
    return None if row is None else dict(zip(names, row, strict=True))


def fills_of(db: sqlite3.Connection, trade_id: int) -> list[dict[str, Any]]:
    """Return a trade's walks of the book in order."""
    names = ("action", "ts_ns", "side", "px", "lots", "notional_e6", "fee_e6", "levels")
    return [dict(zip(names, row, strict=True)) for row in db.execute(_FILLS, (trade_id,))]


def half_even(value: Decimal) -> int:
    """Return an amount as a whole number, ties going to the even neighbour."""
    return int(value.to_integral_value(ROUND_HALF_EVEN))


def settings_at(db: sqlite3.Connection, at_ns: int) -> dict[str, float] | None:
    """Return latency (ms) and taker fee (bps) of the run at a time, None where nobody knows."""
    row = (
        db.execute(
            "SELECT config FROM run WHERE started_ns <= ? ORDER BY started_ns DESC LIMIT 1",
            (at_ns,),
        ).fetchone()
        or db.execute("SELECT config FROM run ORDER BY started_ns LIMIT 1").fetchone()
    )
    config = json.loads(row[0]) if row is not None and row[0] else {}
    try:
        return {
            "latency_ms": config["fills"]["latency_ms"],
            "taker_bps": config["fees"]["taker_bps"],
        }
    except KeyError:
        return None


def hold_trades_against_fills(
    db: sqlite3.Connection, trade_ids: Iterable[int], proof: Proof
) -> None:
    """Check closed trades against their fills and days."""
    for trade_id in sorted(set(trade_ids)):
        trade = trade_of(db, trade_id)
        if trade is None:
            proof.equal("trade that a day counts", f"trade {trade_id}", "there", "missing")
        elif trade["net_e6"] is not None:
            hold_trade(db, trade, fills_of(db, trade_id), proof)


def hold_trade(
    db: sqlite3.Connection, trade: dict[str, Any], fills: list[dict[str, Any]], proof: Proof
) -> None:
    """Check one closed trade: each column of money from the rows below it."""

    def equal(column: str, made: Any) -> None:
        proof.equal("trade from its fills", f"trade {trade_id} {column}", trade[column], made)

    trade_id = trade["trade_id"]
    entries = [fill for fill in fills if fill["action"] == "entry"]
    exits = [fill for fill in fills if fill["action"] == "exit"]
    bought = sum(fill["notional_e6"] for fill in entries)
    sold = sum(fill["notional_e6"] for fill in exits)
    lots = sum(fill["lots"] for fill in entries)
    equal("qty_lots", lots)
    proof.equal(
        "trade from its fills", f"trade {trade_id} lots sold", lots, sum(f["lots"] for f in exits)
    )
    equal("entry_notional_e6", bought)
    equal("gross_e6", (sold - bought) * (1 if trade["side"] == "buy" else -1))
    equal("fees_e6", sum(fill["fee_e6"] for fill in fills))
    net = trade["gross_e6"] - trade["fees_e6"] - trade["funding_e6"]
    equal("net_e6", net)
    equal("r", net / trade["risk_e6"] if trade["risk_e6"] else None)
    if trade["opened_ns"] // HOUR_NS == trade["closed_ns"] // HOUR_NS:
        equal("funding_e6", 0)
    elif trade["funding_e6"]:
        proof.skip("funding: from the trade's row; the rates it was charged at are on the tape")
    _hold_risk(db, trade, bought, lots, proof)
    _hold_way(trade, bought, len(fills), proof)
    (days_e6,) = db.execute(
        "SELECT COALESCE(SUM(mtm_e6), 0) FROM trade_day WHERE trade_id = ?", (trade_id,)
    ).fetchone()
    proof.equal("trade's days from its net", f"trade {trade_id} (micro-USD)", days_e6, net)
    settings = settings_at(db, trade["decided_ns"])
    for fill in fills:
        of = f"trade {trade_id} {fill['action']} of {fill['lots']} lots"
        if settings is None:
            proof.skip("fees of fills: the run's settings are not in the database")
        else:
            rate = Decimal(repr(settings["taker_bps"])) / 10_000
            fee = half_even(Decimal(fill["notional_e6"]) * rate)
            proof.equal("fill's fee from its notional", of, fill["fee_e6"], fee)


def _hold_way(trade: dict[str, Any], bought: int, parts: int, proof: Proof) -> None:
    """Gross and all costs are what was bought makes between the mids of the two decisions."""
    names = ("entry_delay_e6", "entry_impact_e6", "exit_delay_e6", "exit_impact_e6")
    costs = [trade[name] for name in names]
    if None in costs:
        proof.skip("costs of trades that met no book at a fill, or closed before mids were kept")
        return
    size = bought / 1e6 / trade["entry_px"] * (1 if trade["side"] == "buy" else -1)
    made = size * (trade["exit_decision_mid"] - trade["decision_mid"]) * 1e6
    of, way = f"trade {trade['trade_id']} (micro-USD)", trade["gross_e6"] + sum(costs)
    # Each fill was rounded by itself.
    near = abs(way - made) <= parts + 1e-12 * bought
    proof.equal("trade's gross and costs from its decisions", of, way, way if near else made)


def _hold_risk(
    db: sqlite3.Connection, trade: dict[str, Any], bought: int, lots: int, proof: Proof
) -> None:
    """Risk is the way from the decision's mid to the stop, over what was bought."""
    row = db.execute(
        "SELECT stop_px FROM signal WHERE signal_id = ?", (trade["signal_id"],)
    ).fetchone()
    if row is None or not lots or trade["cause"] == "trial":
        proof.skip("risk of trades whose signal was deleted for its age")
        return
    size = bought / 1e6 / trade["entry_px"]
    made = abs(trade["decision_mid"] - row[0]) * size * 1e6
    of = f"trade {trade['trade_id']} risk_e6"
    # Which way a micro-dollar was rounded, floats cannot say.
    near = abs(trade["risk_e6"] - made) <= 1.0 + 1e-9 * made
    proof.equal(
        "trade's risk from its signal", of, trade["risk_e6"], trade["risk_e6"] if near else made
    )
