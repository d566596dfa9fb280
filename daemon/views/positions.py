"""What is open: trades and what each coin comes to, from a running daemon or from its database."""

from __future__ import annotations

from collections.abc import Iterable
from math import log10
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

import msgspec

from daemon.engine.outcome import Vitals
from market.coin import Coin
from market.decision import TradeKind
from market.errors import InputDamaged
from market.events import NS_PER_S
from shadow.ledger.trade import Trade, TradeState
from shadow.store.rows import KIND, STATUS, side_name

if TYPE_CHECKING:
    from daemon.live.daemon import Daemon

HELD = (TradeState.OPEN, TradeState.EXITING)
Plain = dict[str, Any]


def positions(daemon: Daemon, *, phantoms: bool) -> Plain:
    """Return what a running daemon holds, marked at the books it sees; phantoms if asked for."""
    engine, now_ns = daemon.engine, daemon.clock.now_ns()
    trades = list(engine.branch.ledger.trades.values())
    rows = []
    for trade in _chosen(trades, phantoms=phantoms):
        coin = engine.market.coins[trade.coin]
        stop_px = engine.branch.ledger.marks[coin.name].stop_of(trade)
        rows.append(_row(trade, coin.instrument.size(trade.open_lots), now_ns, stop_px, coin))
    return {
        "running": True,
        "mode": daemon.state.folder,
        "now_ns": now_ns,
        "pending": _pending(trades),
        "trades": rows,
        "coins": net(rows),
    }


def at_rest(db: Connection, mode: str, now_ns: int, *, phantoms: bool) -> Plain:
    """Return what a stopped daemon will take up again; nobody knows what that is worth now.

    Its own stamps may be ahead of `now_ns`, when the clock was set back since.
    """
    pieces = db.execute("SELECT value FROM state WHERE key LIKE 'trade/%' ORDER BY key")
    vitals = db.execute("SELECT value FROM state WHERE key = 'vitals'").fetchone()
    try:
        trades = [msgspec.json.decode(text, type=Trade) for (text,) in pieces]
        if vitals is not None:
            now_ns = max(now_ns, msgspec.json.decode(vitals[0], type=Vitals).now_ns)
    except msgspec.MsgspecError as error:
        raise InputDamaged(f"the state in the database cannot be read ({error})") from None
    rows = [
        _row(trade, trade.open_lots * _lot(trade), now_ns, trade.stop_px)
        for trade in _chosen(trades, phantoms=phantoms)
    ]
    return {
        "running": False,
        "mode": mode,
        "now_ns": now_ns,
        "pending": _pending(trades),
        "trades": rows,
        "coins": net(rows),
    }


def none(now_ns: int) -> Plain:
    """Return what is open where no daemon has ever run."""
    return {
        "running": False, "mode": None, "now_ns": now_ns, "pending": 0, "trades": [], "coins": [],
    }  # fmt: skip


def _chosen(trades: Iterable[Trade], *, phantoms: bool) -> list[Trade]:
    kinds = [TradeKind.PAPER]
    if phantoms:
        kinds += [TradeKind.PHANTOM, TradeKind.CLAMPED]
    found = [t for t in trades if t.state in HELD and t.kind in kinds]
    return sorted(found, key=lambda trade: (trade.coin, trade.trade_id))


def _pending(trades: Iterable[Trade]) -> int:
    return sum(t.kind == TradeKind.PAPER and t.state == TradeState.PENDING for t in trades)


def _lot(trade: Trade) -> float:
    """Return the size of one lot, a power of ten, from what the entry cost."""
    size = trade.entry_notional_e6 / 1e6 / trade.entry_px
    return float(10.0 ** round(log10(size / trade.filled_lots)))


def _row(trade: Trade, size: float, now_ns: int, stop_px: float, coin: Coin | None = None) -> Plain:
    """Return one trade; its mark and profit are null without a sound book."""
    mark_px = pnl_e6 = None
    if coin is not None and coin.book.ok:
        mark_px = coin.book.mid
        pnl_e6 = trade.mark_e6(mark_px, coin.instrument)
    return {
        "trade_id": trade.trade_id,
        "signal_id": trade.signal_id,
        "kind": KIND[TradeKind(trade.kind)],
        "cause": trade.cause,
        "status": STATUS[TradeState(trade.state)],
        "bot": trade.bot,
        "division": trade.division,
        "coin": trade.coin,
        "side": side_name(trade.side),
        "lots": trade.open_lots,
        "size": _tidy(size),
        "entry_px": trade.entry_px,
        "mark_px": mark_px,
        "pnl_usd": None if pnl_e6 is None else pnl_e6 / 1e6,
        "fees_usd": trade.fees_e6 / 1e6,
        "funding_usd": trade.funding_e6 / 1e6,
        "age_s": round((now_ns - trade.opened_ns) / NS_PER_S, 1),
        "stop_px": stop_px,
        "target_px": trade.plan.target_px or None,
        "exit_reason": trade.exit_reason or None,
    }


def net(rows: Iterable[Plain]) -> list[Plain]:
    """Return, by coin, what its paper trades come to; phantoms hold nothing."""
    found: dict[str, Plain] = {}
    for row in rows:
        if row["kind"] == "phantom":
            continue
        coin = found.setdefault(
            row["coin"],
            {"coin": row["coin"], "trades": 0, "size": 0.0, "mark_px": row["mark_px"]}
            | {"notional_usd": None, "pnl_usd": None if row["pnl_usd"] is None else 0.0},
        )
        coin["trades"] += 1
        coin["size"] = _tidy(coin["size"] + row["size"] * (1 if row["side"] == "buy" else -1))
        if row["pnl_usd"] is not None:
            coin["pnl_usd"] = round(coin["pnl_usd"] + row["pnl_usd"], 6)
            coin["notional_usd"] = round(coin["size"] * row["mark_px"], 6)
    return list(found.values())


def _tidy(size: float) -> float:
    """Return a size without the noise of binary fractions; no lot is smaller than 1e-8."""
    return round(size, 8) + 0.0
