"""Log lines of decisions, of the fills of the desk's own trades, and of what they made."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.live.telemetry import log
from daemon.views.rim import RecentSignal
from daemon.views.trades import DESK_KINDS, side_held, why_closed
from shadow.ledger.trade import Trade
from shadow.store.rows import Rows, side_name
from shadow.store.tables.trades import FillRow, TradeUpdate


class DecisionLog:
    """Every signal, fill, close, alarm and note as a line.

    `held` are the desk's trades that are there from the start: a fill names no bot and no coin.
    """

    def __init__(self, held: Iterable[Trade] = ()) -> None:
        self._held = {
            trade.trade_id: {
                "bot": trade.bot,
                "coin": trade.coin,
                "side": side_held(side_name(trade.side)),
            }
            for trade in held
        }

    def log(self, rows: Rows, notes: Iterable[str] = ()) -> list[RecentSignal]:
        """Log what is new; return the signals, briefly."""
        for note in notes:
            log.info("noted", text=note)
        recent = _signals(rows)
        for row in rows.trades:
            if row.kind in DESK_KINDS:
                self._held[row.trade_id] = {
                    "bot": row.bot,
                    "coin": row.coin,
                    "side": side_held(row.side),
                }
        for fill in rows.fills:
            if fill.trade_id in self._held:
                self._filled(fill)
        for update in rows.trade_updates:
            if update.status == "closed" and update.trade_id in self._held:
                self._closed(update)
        for alarm in (*rows.alarms, *rows.branch_alarms):
            log.warning("alarm raised", kind=alarm.kind, message=alarm.message)
        return recent

    def _filled(self, fill: FillRow) -> None:
        log.info(
            f"{fill.action} filled",
            trade=fill.trade_id,
            **self._held[fill.trade_id],
            usd=round(fill.notional_e6 / 1e6, 2),
            # An average of levels has more digits than anybody quotes.
            px=float(f"{fill.px:.8g}"),
            fee_usd=round(fill.fee_e6 / 1e6, 4),
        )

    def _closed(self, update: TradeUpdate) -> None:
        """Log what a trade has made; one that was never filled has made nothing."""
        trade = self._held.pop(update.trade_id)
        if update.net_e6 is None or update.closed_ns is None or update.opened_ns is None:
            return
        money = {
            "net_usd": update.net_e6,
            "price_usd": update.gross_e6 or 0,
            "fees_usd": -(update.fees_e6 or 0),
            "funding_usd": -(update.funding_e6 or 0),
        }
        log.info(
            "trade closed",
            trade=update.trade_id,
            **trade,
            why=why_closed(update.exit_reason or ""),
            **{name: round(amount / 1e6, 4) for name, amount in money.items()},
            r=None if update.r is None else round(update.r, 3),
            held_s=round((update.closed_ns - update.opened_ns) / 1e9, 1),
        )


def _signals(rows: Rows) -> list[RecentSignal]:
    recent = []
    for row in rows.signals:
        recent.append(
            RecentSignal(
                ts_ns=row.ts_ns,
                bot=row.bot,
                coin=row.coin,
                side=row.side,
                verdict=row.verdict,
                failing=row.failing,
                reason=row.reason,
                signal_id=row.signal_id,
            )
        )
        fields = {"id": row.signal_id, "bot": row.bot, "coin": row.coin, "side": row.side}
        fields["reason"] = row.reason
        if row.failing:
            fields["failing"] = row.failing
        log.info(f"signal {row.verdict}", **fields)
    return recent
