"""Positions: open trades and what each coin comes to, of a running daemon or of one at rest."""

from __future__ import annotations

from collections.abc import Iterable
from math import log10
from sqlite3 import Connection

from msgspec import Struct, field

from daemon.engine.outcome import Vitals
from daemon.views.at_rest import decoded, kept
from daemon.views.rim import Rim
from daemon.views.status import ScopedHalt, scoped_halts
from market.coin import Coin
from market.decision import TradeKind
from market.desk import Desk
from market.events import NS_PER_S
from shadow.ledger.trade import Trade, TradeState
from shadow.store.rows import KIND, STATUS, side_name

HELD = (TradeState.OPEN, TradeState.EXITING)


class HeldTrade(Struct):
    """One open trade or phantom; `lots` of it are still open, `size` in units of the coin.

    `mark_px` (the mid) and `pnl_usd` (net of fees and funding so far) are null without a sound
    book, and at rest.
    """

    trade_id: int
    signal_id: int
    kind: str
    cause: str
    status: str
    bot: str
    division: str
    coin: str
    side: str
    lots: int
    size: float
    entry_px: float
    mark_px: float | None
    pnl_usd: float | None
    fees_usd: float
    funding_usd: float
    age_s: float
    stop_px: float
    target_px: float | None
    exit_reason: str | None


class CoinPosition(Struct):
    """The net of a coin's paper trades: signed size, and its worth and profit where known."""

    coin: str
    trades: int
    size: float
    mark_px: float | None
    notional_usd: float | None
    pnl_usd: float | None


class Positions(Struct):
    """Holdings of a desk; `pending` counts entries on their way, `mode` is null before any run.

    `halts`, `halted` and `latched` say what keeps entries from it, as in the status.
    """

    running: bool
    mode: str | None
    now_ns: int
    pending: int
    trades: list[HeldTrade]
    coins: list[CoinPosition]
    halts: dict[str, str] = field(default_factory=dict)
    halted: list[ScopedHalt] = field(default_factory=list)
    latched: str = ""


def positions(rim: Rim, *, phantoms: bool) -> Positions:
    """Return what a running daemon holds, marked at the books it sees; phantoms if asked for."""
    engine, figures = rim.engine, rim.figures()
    trades = list(engine.branch.ledger.trades.values())
    rows = []
    for trade in _chosen(trades, phantoms=phantoms):
        coin = engine.market.coins[trade.coin]
        stop_px = engine.branch.ledger.marks[coin.name].stop_of(trade)
        size = coin.instrument.size(trade.open_lots)
        rows.append(_row(trade, size, figures.now_ns, stop_px, coin))
    return _kept_from(
        Positions(True, figures.mode, figures.now_ns, _pending(trades), rows, net(rows)),
        engine.branch.desk,
    )


def at_rest(db: Connection, mode: str, now_ns: int, *, phantoms: bool) -> Positions:
    """Return what a stopped daemon will take up again; nobody knows what that is worth now.

    Its own stamps may be ahead of `now_ns`, when the clock was set back since.
    """
    pieces = db.execute("SELECT value FROM state WHERE key LIKE 'trade/%' ORDER BY key")
    trades = [decoded(text, Trade) for (text,) in pieces]
    vitals = kept(db, "vitals", Vitals)
    if vitals is not None:
        now_ns = max(now_ns, vitals.now_ns)
    rows = [
        _row(trade, trade.open_lots * _lot(trade), now_ns, trade.stop_px)
        for trade in _chosen(trades, phantoms=phantoms)
    ]
    found = Positions(False, mode, now_ns, _pending(trades), rows, net(rows))
    desk = kept(db, "desk", Desk)
    return found if desk is None else _kept_from(found, desk)


def _kept_from(found: Positions, desk: Desk) -> Positions:
    """Let positions say what keeps entries from their desk."""
    found.halts, found.halted, found.latched = desk.halts, scoped_halts(desk), desk.latched
    return found


def none(now_ns: int) -> Positions:
    """Return what is open where no daemon has ever run."""
    return Positions(False, None, now_ns, 0, [], [])


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


def _row(
    trade: Trade, size: float, now_ns: int, stop_px: float, coin: Coin | None = None
) -> HeldTrade:
    """Return one trade; its mark and profit are null without a sound book."""
    mark_px = pnl_e6 = None
    if coin is not None and coin.book.ok:
        mark_px = coin.book.mid
        pnl_e6 = trade.mark_e6(mark_px, coin.instrument)
    return HeldTrade(
        trade_id=trade.trade_id,
        signal_id=trade.signal_id,
        kind=KIND[TradeKind(trade.kind)],
        cause=trade.cause,
        status=STATUS[TradeState(trade.state)],
        bot=trade.bot,
        division=trade.division,
        coin=trade.coin,
        side=side_name(trade.side),
        lots=trade.open_lots,
        size=_tidy(size),
        entry_px=trade.entry_px,
        mark_px=mark_px,
        pnl_usd=None if pnl_e6 is None else pnl_e6 / 1e6,
        fees_usd=trade.fees_e6 / 1e6,
        funding_usd=trade.funding_e6 / 1e6,
        age_s=round((now_ns - trade.opened_ns) / NS_PER_S, 1),
        stop_px=stop_px,
        target_px=trade.plan.target_px or None,
        exit_reason=trade.exit_reason or None,
    )


def net(rows: Iterable[HeldTrade]) -> list[CoinPosition]:
    """Return, by coin, what its paper trades come to; phantoms hold nothing."""
    found: dict[str, CoinPosition] = {}
    for row in rows:
        if row.kind == "phantom":
            continue
        coin = found.get(row.coin)
        if coin is None:
            nothing = None if row.pnl_usd is None else 0.0
            coin = found[row.coin] = CoinPosition(row.coin, 0, 0.0, row.mark_px, None, nothing)
        coin.trades += 1
        coin.size = _tidy(coin.size + row.size * (1 if row.side == "buy" else -1))
        if row.pnl_usd is not None and row.mark_px is not None:
            coin.pnl_usd = round((coin.pnl_usd or 0.0) + row.pnl_usd, 6)
            coin.notional_usd = round(coin.size * row.mark_px, 6)
    return list(found.values())


def _tidy(size: float) -> float:
    """Return a size without the noise of binary fractions; no lot is smaller than 1e-8."""
    return round(size, 8) + 0.0
