"""What do I hold? By coin against its cap, trades first, phantoms beside them."""

from __future__ import annotations

from sqlite3 import Connection

from msgspec import Struct

from daemon.views.panels.settings import settings_of
from daemon.views.positions import HeldTrade, Positions
from daemon.views.trades import side_held


class Holding(Struct, kw_only=True):
    """One open trade or phantom; mark, profit and distance are null without a sound book."""

    trade_id: int
    signal_id: int
    bot: str
    side: str
    phantom: bool
    size_usd: float
    entry_px: float
    mark_px: float | None
    pnl_usd: float | None
    stop_bp: float | None
    age_s: float
    blocked_by: str


class CoinHolding(Struct, kw_only=True):
    """A coin: gross and net of its trades in USD; `opposed` where bots hold both sides of it."""

    coin: str
    gross_usd: float
    net_usd: float
    opposed: bool
    rows: list[Holding]


class HoldingsPanel(Struct, kw_only=True):
    """What is held, the largest coin first; caps in USD are null where nothing is known of them."""

    live: bool
    gross_usd: float
    net_usd: float
    open_usd: float | None
    trades: int
    phantoms: int
    cap_usd: float | None
    gross_cap_usd: float | None
    net_cap_usd: float | None
    coins: list[CoinHolding]


def holdings_panel(db: Connection, held: Positions, equity_usd: float | None) -> HoldingsPanel:
    """Return what positions, live or at rest, come to."""
    gate = settings_of(db).gate
    by_coin: dict[str, list[HeldTrade]] = {}
    for trade in held.trades:
        by_coin.setdefault(trade.coin, []).append(trade)
    blockers = _blockers(db, [t.signal_id for t in held.trades if t.kind == "phantom"])
    coins = [_coin(coin, rows, blockers) for coin, rows in by_coin.items()]
    own = [t for t in held.trades if t.kind != "phantom"]
    known = [t.pnl_usd for t in own if t.pnl_usd is not None]

    def cap(share: float | None) -> float | None:
        return None if share is None or equity_usd is None else share * equity_usd

    return HoldingsPanel(
        live=held.running,
        gross_usd=sum(coin.gross_usd for coin in coins),
        net_usd=sum(coin.net_usd for coin in coins),
        open_usd=sum(known) if known or not own else None,
        trades=len(own),
        phantoms=len(held.trades) - len(own),
        cap_usd=cap(gate.position.coin_cap_share),
        gross_cap_usd=cap(gate.exposure.gross_cap_share),
        net_cap_usd=cap(gate.exposure.net_cap_share),
        coins=sorted(coins, key=lambda coin: (-coin.gross_usd, coin.coin)),
    )


def _coin(coin: str, trades: list[HeldTrade], blockers: dict[int, str]) -> CoinHolding:
    own = [t for t in trades if t.kind != "phantom"]
    sizes = [_usd(t) * (1 if t.side == "buy" else -1) for t in own]
    ordered = sorted(trades, key=lambda t: (t.kind == "phantom", t.age_s))
    return CoinHolding(
        coin=coin,
        gross_usd=sum(map(abs, sizes)),
        net_usd=sum(sizes),
        opposed=len({t.side for t in own}) > 1,
        rows=[_holding(t, blockers) for t in ordered],
    )


def _usd(t: HeldTrade) -> float:
    return t.size * (t.mark_px or t.entry_px)


def _holding(t: HeldTrade, blockers: dict[int, str]) -> Holding:
    return Holding(
        trade_id=t.trade_id,
        signal_id=t.signal_id,
        bot=t.bot,
        side=side_held(t.side),
        phantom=t.kind == "phantom",
        size_usd=_usd(t),
        entry_px=t.entry_px,
        mark_px=t.mark_px,
        pnl_usd=t.pnl_usd,
        stop_bp=None if not t.mark_px else abs(t.mark_px - t.stop_px) / t.mark_px * 1e4,
        age_s=t.age_s,
        blocked_by=blockers.get(t.signal_id, ""),
    )


def _blockers(db: Connection, signals: list[int]) -> dict[int, str]:
    """Return, by signal, which limits blocked it."""
    marks = ",".join("?" * len(signals))
    query = f"SELECT signal_id, failing FROM signal WHERE signal_id IN ({marks})"
    return dict(db.execute(query, signals).fetchall()) if signals else {}
