"""Trades of the desk as a list, newest first: open ones, and closed ones with why they closed."""

from __future__ import annotations

import sqlite3
from typing import Literal

import msgspec
from msgspec import Struct

from shadow.store.query import named

# Why a trade closed, in words.
WHY = {
    "stop": "stopped out",
    "trail": "trailing stop",
    "target": "target reached",
    "horizon": "time was up",
    "bot": "the bot left",
    "flatten": "flattened by command",
    "wound_down": "coin wound down",
    "UNAVAILABLE": "no book to leave by",
}
DESK_KINDS = ("paper", "real")
DESK = "t.kind IN ('paper', 'real')"


class ListedTrade(Struct, kw_only=True):
    """One trade of the desk; money in USD, null while it is open or waits for a funding rate.

    `notional_usd` is that of its entry, `net_usd` = `price_usd` + `fees_usd` + `funding_usd`,
    where what was paid has a minus. `exit_reason` is null until it has closed, and `why` the same
    in words.
    """

    trade_id: int
    signal_id: int
    kind: str
    status: str
    bot: str
    division: str
    coin: str
    side: str
    decided_ns: int
    opened_ns: int | None
    closed_ns: int | None
    entry_px: float | None
    exit_px: float | None
    notional_usd: float | None
    price_usd: float | None
    fees_usd: float | None
    funding_usd: float | None
    net_usd: float | None
    r: float | None
    hold_s: float | None
    exit_reason: str | None
    why: str | None


def trades(
    db: sqlite3.Connection,
    *,
    open_: bool | None = None,
    bot: str | None = None,
    coin: str | None = None,
    limit: int = 20,
) -> list[ListedTrade]:
    """Return the newest trades, open or closed ones or both, of one bot or coin if named."""
    where = [DESK]
    values: list[str | int] = []
    if open_ is not None:
        where.append(f"t.status {'<>' if open_ else '='} 'closed'")
    for name, value in (("bot", bot), ("coin", coin)):
        if value is not None:
            where.append(f"t.{name} = ?")
            values.append(value)
    cursor = db.execute(
        "SELECT t.trade_id, t.signal_id, t.kind, t.status, t.bot, t.division, t.coin,"
        " CASE t.side WHEN 'buy' THEN 'long' ELSE 'short' END AS side, t.decided_ns,"
        " t.opened_ns, t.closed_ns,"
        " t.entry_px, t.exit_px, t.entry_notional_e6 / 1e6 AS notional_usd,"
        " t.gross_e6 / 1e6 AS price_usd, -t.fees_e6 / 1e6 AS fees_usd,"
        " -t.funding_e6 / 1e6 AS funding_usd, t.net_e6 / 1e6 AS net_usd, t.r,"
        " (t.closed_ns - t.opened_ns) / 1e9 AS hold_s, t.exit_reason, NULL AS why"
        f" FROM trade t WHERE {' AND '.join(where)}"
        " ORDER BY t.trade_id DESC LIMIT ?",
        (*values, limit),
    )
    found = [msgspec.convert(row, ListedTrade) for row in named(cursor)]
    for trade in found:
        trade.why = why_closed(trade.exit_reason) if trade.exit_reason else None
    return found


def traded(db: sqlite3.Connection, column: Literal["bot", "coin"]) -> list[str]:
    """Return the bots or the coins of which the desk has trades."""
    found = db.execute(f"SELECT DISTINCT {column} FROM trade t WHERE {DESK} ORDER BY 1")
    return [name for (name,) in found]


def side_held(side: str) -> str:
    """Return what is held after an order to buy or to sell: long or short."""
    return "long" if side == "buy" else "short"


def why_closed(exit_reason: str) -> str:
    """Return in words why a trade closed."""
    return WHY.get(exit_reason, exit_reason.replace("_", " "))
