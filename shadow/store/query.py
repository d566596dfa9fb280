"""Queries: blocked signals, and all that is known of one signal."""

from __future__ import annotations

import sqlite3
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from market.decision import Clamp
from shadow.ledger.trade import Trade
from shadow.store.tables.decisions import CheckRow

Told = TypeVar("Told", bound=Struct)


class BlockedSignal(Struct):
    """A row of the view `blocked`: a refused signal with what its phantom has earned."""

    signal_id: int
    ts_ns: int
    bot: str
    division: str
    coin: str
    side: str
    failing: str
    sole: str
    fail_closed: int
    reason: str
    trade_id: int | None
    status: str | None
    exit_reason: str | None
    net_e6: int | None
    r: float | None
    bps: float | None
    mae_bps: float | None
    mfe_bps: float | None
    repeats: int | None
    later_trade_id: int | None
    flags: str | None


class SignalTold(Struct):
    """A row of the table `signal`, what is JSON in it read; `sizing` and `vote` may be empty."""

    signal_id: int
    seq: int
    ts_ns: int
    bot: str
    division: str
    coin: str
    side: str
    conviction: float
    verdict: str
    failing: str
    sole: str
    fail_closed: int
    trade_id: int | None
    requested_lots: int
    lots: int
    notional_e6: int
    clamps: list[Clamp]
    mid: float
    stop_px: float
    target_px: float | None
    trail: float | None
    horizon_ns: int
    reason: str
    saw: dict[str, float]
    book: dict[str, list[tuple[float, float]]]
    ages: dict[str, float]
    config_hash: str
    policy_hash: str
    sizing: dict[str, float]
    vote: dict[str, Any]


class CheckTold(CheckRow, array_like=False, frozen=True):
    """A row of the table `check_result`, encoded with the names of its columns."""


class TradeTold(Struct):
    """A row of the table `trade`, and what it has earned so far.

    `so_far_e6` is what an open one has earned by its newest mark, before the costs of leaving it;
    marks are written once a minute. None for one that is closed or was never marked.
    """

    trade_id: int
    kind: str
    cause: str
    status: str
    signal_id: int
    later_trade_id: int | None
    trial_id: int | None
    bot: str
    division: str
    coin: str
    side: str
    asked_lots: int
    qty_lots: int
    decided_ns: int
    opened_ns: int | None
    closed_ns: int | None
    decision_mid: float
    entry_px: float | None
    exit_px: float | None
    entry_notional_e6: int | None
    gross_e6: int | None
    fees_e6: int | None
    funding_e6: int | None
    net_e6: int | None
    risk_e6: int | None
    r: float | None
    bps: float | None
    mae_bps: float | None
    mfe_bps: float | None
    exit_reason: str | None
    repeats: int
    flags: str
    so_far_e6: int | None = None


class Story(Struct):
    """A signal, its checks, and every trade that came of it."""

    signal: SignalTold
    checks: list[CheckTold]
    trades: list[TradeTold]


# The columns of a signal that hold JSON.
JSON = ("clamps", "saw", "book", "ages", "sizing", "vote")


def blocked_signals(
    db: sqlite3.Connection,
    *,
    only_open: bool = False,
    filter_: str | None = None,
    coin: str | None = None,
    limit: int = 50,
) -> list[BlockedSignal]:
    """Return blocked signals with their phantoms, newest first."""
    where = ["1"]
    values: list[str | int] = []
    if only_open:
        where.append("status <> 'closed'")
    if filter_ is not None:
        where.append("(',' || failing || ',') LIKE ?")
        values.append(f"%,{filter_},%")
    if coin is not None:
        where.append("coin = ?")
        values.append(coin)
    cursor = db.execute(
        f"SELECT * FROM blocked WHERE {' AND '.join(where)} ORDER BY signal_id DESC LIMIT ?",
        (*values, limit),
    )
    return [msgspec.convert(row, BlockedSignal) for row in _named(cursor)]


def coins_seen(db: sqlite3.Connection) -> list[str]:
    """Return the coins that any signal was about."""
    return [coin for (coin,) in db.execute("SELECT DISTINCT coin FROM signal ORDER BY coin")]


def filters_seen(db: sqlite3.Connection) -> list[str]:
    """Return the filters that ever judged a signal."""
    return [name for (name,) in db.execute("SELECT DISTINCT filter FROM check_result ORDER BY 1")]


def explain(db: sqlite3.Connection, signal_id: int) -> Story | None:
    """Return a signal, its checks, and every trade that came of it; None when there is none."""
    found = _named(db.execute("SELECT * FROM signal WHERE signal_id = ?", (signal_id,)))
    if not found:
        return None
    read = {name: msgspec.json.decode(found[0][name]) for name in JSON}
    signal = msgspec.convert({**found[0], **read}, SignalTold)
    checks = db.execute(
        f"SELECT {CheckTold.columns()} FROM check_result WHERE signal_id = ?", (signal_id,)
    )
    trades = [
        msgspec.convert(row, TradeTold)
        for row in _named(
            db.execute(
                "SELECT * FROM trade WHERE signal_id = ?1 OR trade_id = ?2 ORDER BY trade_id",
                (signal_id, signal.trade_id),
            )
        )
    ]
    for trade in trades:
        trade.so_far_e6 = _so_far(db, trade)
    return Story(signal, [CheckTold(*row) for row in checks], trades)


def _so_far(db: sqlite3.Connection, trade: TradeTold) -> int | None:
    key = f"trade/{trade.trade_id}"
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    if row is None or trade.status == "closed":
        return None
    held = msgspec.json.decode(row["value"], type=Trade)
    if not held.mark_px or not held.entry_px:
        return None
    left = (held.filled_lots - held.exit_lots) / held.filled_lots
    rest = left * held.entry_notional_e6 * held.mark_px / held.entry_px
    gross = held.side * (held.exit_notional_e6 + rest - held.entry_notional_e6)
    return round(gross - held.fees_e6 - held.funding_e6)


def _named(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """Return rows by the names of their columns."""
    names = [column for column, *_ in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
