"""Blocked signals with what their phantoms have earned, newest first."""

from __future__ import annotations

from sqlite3 import Connection

import msgspec
from msgspec import Struct

from shadow.store.query import blocked_signals


class BlockedSignal(Struct, kw_only=True):
    """A row of the view `blocked`; the phantom's columns are null where there is none."""

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


def blocked(
    db: Connection,
    *,
    only_open: bool = False,
    filter_: str | None = None,
    coin: str | None = None,
    limit: int = 50,
) -> list[BlockedSignal]:
    """Return blocked signals, only those still open, of a filter or of a coin when asked for."""
    rows = blocked_signals(db, only_open=only_open, filter_=filter_, coin=coin, limit=limit)
    return msgspec.convert(rows, list[BlockedSignal])
