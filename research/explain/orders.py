"""Orders of a trade against the tape: which book each met, and why and when an exit was sent."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from research.explain.fills import half_even, settings_at
from research.explain.proof import Proof
from research.explain.tape import Ended, Found, Place, Plan, decided_exit, first_book, taken

BY_ITSELF = ("stop", "target", "horizon", "trail")


class Order(Struct):
    """An order that became a fill: when it was due, and what it asked for."""

    fill: dict[str, Any]
    entry: bool
    due_ns: int
    lots: int


class Costs:
    """What a trade lost between the mids of its decisions and its fills, made from the tape.

    Of each leg the delay and the impact, in micro-USD; None once one of its fills is not known.
    """

    def __init__(self, trade: dict[str, Any]) -> None:
        self._trade = trade
        self._legs: dict[str, tuple[int, int] | None] = {"entry": (0, 0), "exit": (0, 0)}
        self._left = {"entry": trade["qty_lots"], "exit": trade["qty_lots"]}

    def add(self, fill: dict[str, Any], found: Found | None) -> None:
        """Take a fill and the book that it met."""
        trade, leg = self._trade, fill["action"]
        so_far, entry = self._legs[leg], leg == "entry"
        decided = trade["decision_mid" if entry else "exit_decision_mid"]
        if so_far is None or found is None or found.decimals is None or decided is None:
            self._legs[leg] = None
            return
        buys = 1 if (trade["side"] == "buy") == entry else -1
        lots = Decimal(fill["lots"]).scaleb(6 - found.decimals)
        then, now = (half_even(Decimal(repr(mid)) * lots) for mid in (decided, found.mid))
        delay, impact = buys * (now - then), buys * (fill["notional_e6"] - now)
        self._legs[leg] = so_far[0] + delay, so_far[1] + impact
        self._left[leg] -= fill["lots"]

    def hold(self, proof: Proof) -> None:
        """Check the trade's costs of each leg of which every fill was found."""
        trade = self._trade
        for leg, made in self._legs.items():
            said = trade[f"{leg}_delay_e6"], trade[f"{leg}_impact_e6"]
            if None in said or made is None or self._left[leg]:
                continue
            of = f"trade {trade['trade_id']} {leg}_"
            for name, says, cost in zip(("delay_e6", "impact_e6"), said, made, strict=True):
                proof.equal("costs from the tape's mids", of + name, says, cost)


def hold_orders(
    db: sqlite3.Connection,
    trade: dict[str, Any],
    fills: list[dict[str, Any]],
    tape: Path | None,
    proof: Proof,
) -> None:
    """Check each fill against the book that the tape shows, and note there which one it was."""
    settings = settings_at(db, trade["decided_ns"])
    why = _out_of_reach(trade, tape, known=settings is not None)
    if why or tape is None or settings is None:
        if fills:
            proof.skip(f"fills on the tape: {why}")
        return
    latency_ns = round(settings["latency_ms"] * 1e6)
    met: Place | None = None
    costs = Costs(trade)
    for fill in fills:
        entry = fill["action"] == "entry"
        if not entry and _walked(trade):
            proof.skip("exit on the tape: it was walked from candles, or sold without a book")
            continue
        due_ns, lots = fill["ts_ns"], fill["lots"]
        if entry:
            due_ns, lots = trade["decided_ns"] + latency_ns, _asked(db, trade)
        elif met is not None and fill is _first_exit(fills):
            ended = _hold_decision(db, trade, fill["ts_ns"] - latency_ns, tape, met, proof)
            due_ns = due_ns if ended is None else ended.place.ns + latency_ns
        found = _hold_fill(trade, Order(fill, entry, due_ns, lots), tape, proof)
        costs.add(fill, found)
        if entry and found is not None:
            met = found.place
            fill["tape"]["signal_event"] = _event_of(db, trade["signal_id"])
    costs.hold(proof)


def _out_of_reach(trade: dict[str, Any], tape: Path | None, *, known: bool) -> str:
    if tape is None or not tape.is_dir():
        return "there is no tape"
    if not known:
        return "the run's settings are not in the database"
    if trade["kind"] == "real":
        return "a real order was filled by the venue"
    if trade["cause"] == "clamp":
        return "what a cap cut off stands behind what it let through"
    if "suspect_price" in trade["flags"].split(","):
        return "some of its quotes were not believed at once"
    return ""


def _walked(trade: dict[str, Any]) -> bool:
    return not {"gap", "repaired", "wound_down"}.isdisjoint(trade["flags"].split(","))


def _first_exit(fills: list[dict[str, Any]]) -> dict[str, Any]:
    return next(fill for fill in fills if fill["action"] == "exit")


def _hold_fill(trade: dict[str, Any], order: Order, tape: Path, proof: Proof) -> Found | None:
    """Check that the first sound book once an order was due is the fill's, and makes it."""
    fill, action = order.fill, order.fill["action"]
    buys = (trade["side"] == "buy") == order.entry
    found, covered = first_book(
        tape, trade["coin"], buys=buys, due_ns=order.due_ns, most_ns=fill["ts_ns"]
    )
    if found is not None and found.unsure:
        proof.skip(f"{action} on the tape: {found.unsure}")
        return None
    if not covered:
        proof.skip(f"{action} on the tape: that part of the tape is not there")
        return None
    of, link = f"trade {trade['trade_id']} {action}", "fill from the tape's book"
    proof.equal(link, f"{of} ts_ns", fill["ts_ns"], found.place.ns if found else None)
    if found is None:
        return None
    if found.decimals is None:
        proof.skip(f"{action} on the tape: it does not say the size of a lot")
        return None
    lots, notional_e6, touched = taken(found.levels, order.lots, found.decimals)
    for name, made in (("lots", lots), ("notional_e6", notional_e6), ("levels", touched)):
        proof.equal(link, f"{of} {name}", fill[name], made)
    fill["tape"] = {
        "segment": found.place.segment,
        "line": found.place.line,
        "ns": found.place.ns,
        "due_ns": order.due_ns,
        "levels": [[float(px), float(sz)] for px, sz in found.levels[: max(touched, 1)]],
    }
    return found


def _hold_decision(
    db: sqlite3.Connection,
    trade: dict[str, Any],
    by_ns: int,
    tape: Path,
    met: Place,
    proof: Proof,
) -> Ended | None:
    """Check what ended a trade, no later than a time, and return it; None if nobody can."""
    row = db.execute(
        "SELECT stop_px, COALESCE(target_px, 0), COALESCE(trail, 0), horizon_ns FROM signal"
        " WHERE signal_id = ?",
        (trade["signal_id"],),
    ).fetchone()
    reason = trade["exit_reason"]
    if row is None or reason not in BY_ITSELF:
        why = "its signal was deleted" if row is None else f"it was ended by {reason}"
        proof.skip(f"when the exit fell due: {why}")
        return None
    stop_px, target_px, trail, horizon_ns = row
    until_ns = trade["decided_ns"] + horizon_ns
    plan = Plan(trade["side"] == "buy", stop_px, target_px, trail, until_ns)
    found = decided_exit(tape, trade["coin"], plan, met, by_ns)
    made = None if found is None else found.reason
    of = f"trade {trade['trade_id']}"
    proof.equal("exit from the tape's marks", of, reason, made)
    if found is not None and trade["exit_decision_mid"] is not None:
        mid = trade["exit_decision_mid"]
        proof.equal("exit from the tape's marks", f"{of} exit_decision_mid", mid, found.mid)
    return found


def _asked(db: sqlite3.Connection, trade: dict[str, Any]) -> int:
    """Return how many lots an entry asked for."""
    (asked,) = db.execute(
        "SELECT asked_lots FROM trade WHERE trade_id = ?", (trade["trade_id"],)
    ).fetchone()
    return int(asked)


def _event_of(db: sqlite3.Connection, signal_id: int) -> int | None:
    row = db.execute("SELECT seq FROM signal WHERE signal_id = ?", (signal_id,)).fetchone()
    return None if row is None else int(row[0])
