"""What a running daemon tells about itself, as plain data; and its decisions as log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from divisions.vote import plain
from market.coin import Coin
from market.decision import TradeKind
from market.events import NS_PER_MS
from shadow.ledger.trade import TradeState

if TYPE_CHECKING:
    from daemon.live.daemon import Daemon

RECENT = 12


def feed_of(coin: Coin, now_ns: int) -> dict[str, Any]:
    """Return one coin's top of book and how old its streams are, in ms."""
    streams = coin.streams
    ages = {
        name: round(cadence.age_ns(now_ns) / NS_PER_MS)
        for name in ("fast", "slow", "bbo", "trades", "context")
        if (cadence := getattr(streams, name)).last_ns
    }
    book = coin.book
    return {
        "coin": coin.name,
        "ok": book.ok,
        "bid": book.bid,
        "ask": book.ask,
        "spread_bps": round(book.spread_bps, 2) if book.ok else None,
        "lag_ms": round(coin.venue_lag_ms),
        "ages_ms": ages,
        "bars": {tf: len(series) for tf, series in coin.bars.series.items()},
        "skipped": book.skipped,
    }


def status(daemon: Daemon) -> dict[str, Any]:
    """Return everything the status command and the screen show."""
    engine, vitals, desk = (
        daemon.engine,
        daemon.engine.vitals,
        daemon.engine.branch.desk,
    )
    now_ns = daemon.clock.now_ns()
    trades = list(engine.branch.ledger.trades.values())
    shadow = [t for t in trades if t.kind == TradeKind.PHANTOM and t.cause != "trial"]
    opened = [t for t in engine.branch.settlement.real.values() if t.state != TradeState.PENDING]
    return {
        "running": True,
        "mode": daemon.state.folder,
        "network": daemon.network,
        "ready": daemon.ready,
        "uptime_s": round((now_ns - daemon.started_ns) / 1e9, 1),
        "now_ns": now_ns,
        "seq": vitals.seq,
        "digest": engine.digest,
        "frames": daemon.session.frames,
        "skipped": daemon.intake.skipped,
        "connected": daemon.feed.connected,
        "connects": daemon.feed.connects,
        "feeds": [feed_of(coin, now_ns) for coin in engine.market.coins.values()],
        "signals": vitals.admitted + vitals.blocked,
        "admitted": vitals.admitted,
        "blocked": vitals.blocked,
        "blocked_by": vitals.blocked_by,
        "filters": {f.name: f.mode for f in engine.branch.gate.filters},
        "open_trades": [_brief(t, engine.market.coins[t.coin]) for t in opened],
        "open_phantoms": len(shadow),
        "phantoms": vitals.phantoms,
        "equity_usd": desk.equity_e6 / 1e6,
        "cash_usd": desk.cash_e6 / 1e6,
        "start_usd": desk.start_e6 / 1e6,
        "day_start_usd": desk.day_start_e6 / 1e6,
        "gross_usd": desk.gross_e6 / 1e6,
        "net_usd": desk.net_e6 / 1e6,
        "halts": desk.halts,
        "latched": desk.latched,
        "bots": {
            lane.name: {
                "division": lane.division,
                "stage": lane.stage,
                "signals": vitals.signals.get(lane.name, 0),
                "fault": lane.fault,
            }
            for lane in engine.market.lanes.values()
        },
        "votes": {
            coin.name: plain(engine.market.vote(coin), vitals.now_ns)
            for coin in engine.market.coins.values()
            if coin.book.ok
        },
        "idle_bots": engine.market.idle_bots(),
        "violations": daemon.session.violations,
        "alarms": vitals.alarms,
        "recent": list(daemon.recent),
        "recording": daemon.journal.recording,
        "disk_free_mb": round(daemon.housekeeping.free_mb),
        "loop_late_ms": round(daemon.late_ms, 2),
        "gc_pause_ms_max": round(daemon.gc_pause_ms_max, 2),
        "requests": daemon.history.outstanding,
        "lenses": lens_status(daemon),
        "database": str(daemon.state.database),
        "tape": str(daemon.state.tape),
    }


def lens_status(daemon: Daemon) -> dict[str, Any]:
    """Return how the lens process fares, and on which coins trades arrive in a burst."""
    coins = daemon.engine.market.coins.values()
    return {
        "warm": daemon.lenses.warm,
        "waiting": daemon.lenses.waiting,
        "answers": daemon.lenses.answers,
        "ranked": sum(coin.lenses.score is not None for coin in coins),
        "bursts": [coin.name for coin in coins if coin.arrivals.burst],
    }


def _brief(trade: Any, coin: Coin) -> dict[str, Any]:
    mark = trade.mark_e6(coin.book.mid or trade.entry_px, coin.instrument)
    return {
        "trade_id": trade.trade_id,
        "bot": trade.bot,
        "coin": trade.coin,
        "side": "buy" if trade.side > 0 else "sell",
        "lots": trade.open_lots,
        "entry_px": trade.entry_px,
        "stop_px": trade.stop_px,
        "mark_usd": round(mark / 1e6, 4),
        "opened_ns": trade.opened_ns,
    }
