"""From what happened to a trade to money, exposure, episode keys and rows."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.engine.outcome import Outbox
from daemon.engine.weighing import Weighing
from market.decision import TradeKind
from market.desk import Desk
from shadow.ledger.episodes import KeyState
from shadow.ledger.ledger import Ledger
from shadow.ledger.trade import CANCELLED, UNAVAILABLE, Change, Trade, TradeState
from shadow.store import rollup
from shadow.store.rows import day_of, fill_row, trade_update_row
from shadow.store.tables.trades import OrderEventRow, RepeatsUpdate, TradeDayRow

# The last order event of an entry that never filled.
EXPIRED = ("entry_expired", "no book in time")


class Settlement:
    """Applies the ledger's changes to the desk and writes them down.

    With the shadow off, only real trades are written; the others still end their episodes, so
    that the same signals get the same rows.
    """

    def __init__(
        self,
        desk: Desk,
        ledger: Ledger,
        keys: dict[str, KeyState],
        weighing: Weighing,
        outbox: Outbox,
        *,
        shadow: bool,
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._keys = keys
        self._weighing = weighing
        self._out = outbox
        self._shadow = shadow
        self.repeated: dict[str, None] = {}
        self.real: dict[int, Trade] = {}

    def adopt(self, trades: Iterable[Trade]) -> None:
        """Take up the real ones among trades that were already open."""
        self.real = {t.trade_id: t for t in trades if t.kind == TradeKind.PAPER}

    def recorded(self, trade: Trade) -> bool:
        """Say whether a trade is written down."""
        return self._shadow or trade.kind == TradeKind.PAPER

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply changes in order."""
        for change in changes:
            trade = change.trade
            if change.what == "filled":
                self._filled(change)
            elif change.what == "sold":
                self._fill(change, entry=False)
            elif change.what == "exiting":
                self._order(trade, change.at_ns, "exit_sent", trade.exit_reason)
            elif change.what == "funded":
                self._funded(trade)
            elif change.what == "day":
                self._day(change)
            elif change.what == "closed":
                self._closed(change)
                continue
            if self.recorded(trade):
                self._out.rows.trade_updates.append(trade_update_row(trade))
                self._out.touch(f"trade/{trade.trade_id}")

    def repeat(self, name: str, key: KeyState) -> None:
        """Count a signal that added nothing; written down once a minute."""
        key.repeats += 1
        self.repeated[name] = None

    def flush_repeats(self) -> None:
        """Write the repeat counts that changed since the last time."""
        for name in self.repeated:
            key = self._keys[name]
            self.write_repeats(key)
            self._out.touch(f"key/{name}")
        self.repeated.clear()

    def write_repeats(self, key: KeyState) -> None:
        """Write one key's repeat count to its newest trade."""
        if key.last_id and (self._shadow or key.last_id % 4 == TradeKind.PAPER):
            self._out.rows.repeats.append(RepeatsUpdate(key.repeats, key.last_id))

    def value_open(self) -> None:
        """Revalue the desk's open trades at the current mids."""
        total = 0
        for trade in self.real.values():
            if trade.state in (TradeState.OPEN, TradeState.EXITING):
                coin = self._ledger.coin(trade.coin)
                if coin.book.ok:
                    trade.mark_px = coin.book.mid
                # Without a book the last mark stands: an outage is no loss and no profit.
                total += trade.mark_e6(trade.mark_px or trade.entry_px, coin.instrument)
        desk = self._desk
        if total != desk.open_e6:
            desk.open_e6 = total
            self._out.touch("desk")
        if desk.equity_e6 > desk.peak_e6:
            desk.peak_e6 = desk.equity_e6
            self._out.touch("desk")

    def expose(self, trade: Trade, notional_e6: int) -> None:
        """Set what the desk counts as the exposure of a real trade."""
        self._desk.expose(
            coin=trade.coin,
            division=trade.division,
            side=trade.side,
            notional_e6=notional_e6 - trade.exposed_e6,
        )
        trade.exposed_e6 = notional_e6
        self._out.touch("desk")

    def _filled(self, change: Change) -> None:
        trade = change.trade
        self._fill(change, entry=True)
        if trade.kind == TradeKind.PAPER:
            self.expose(trade, trade.entry_notional_e6)
        later = self._ledger.trades.get(trade.later_trade_id)
        if later is not None:
            # The trade was bound before the phantom had a price to be measured against.
            rollup.pair(trade, later)

    def _fill(self, change: Change, *, entry: bool) -> None:
        trade, fill = change.trade, change.fill
        assert fill is not None
        if not self.recorded(trade):
            return
        self._out.rows.fills.append(fill_row(trade, fill, change.at_ns, entry=entry))
        detail = f"{fill.lots} lots at {fill.px:g}"
        self._order(trade, change.at_ns, "entry_filled" if entry else "exit_filled", detail)

    def _order(self, trade: Trade, at_ns: int, event: str, detail: str) -> None:
        if trade.kind == TradeKind.PAPER:
            self._out.rows.order_events.append(OrderEventRow(trade.trade_id, at_ns, event, detail))

    def _funded(self, trade: Trade) -> None:
        if trade.excluded and (trade.tags or trade.offset_tags):
            rollup.exclude(self._out.rows, trade, self._partner(trade))

    def _partner(self, trade: Trade) -> Trade | None:
        return self._ledger.trades.get(trade.later_trade_id or trade.earlier_trade_id)

    def _day(self, change: Change) -> None:
        trade = change.trade
        self._weighing.mark(trade, change.day_ms, change.amount_e6)
        if not self.recorded(trade):
            return
        row = TradeDayRow(trade.trade_id, day_of(change.day_ms), change.amount_e6)
        self._out.rows.trade_days.append(row)
        rollup.count_day(self._out.rows, trade, change.day_ms, change.amount_e6)

    def _closed(self, change: Change) -> None:
        trade = change.trade
        self._out.vitals.closed += 1
        self._weighing.closed(trade)
        name = trade.key
        key = self._keys.get(name)
        if key is not None and key.close(trade.trade_id):
            self.write_repeats(key)
            self._out.touch(f"key/{name}")
        partner = self._partner(trade)
        if partner is not None:
            partner.partner_days = list(trade.days)
            self._out.touch(f"trade/{partner.trade_id}")
        if trade.kind == TradeKind.PAPER:
            self._close_real(trade)
        if self.recorded(trade):
            self._out.rows.trade_updates.append(trade_update_row(trade))
            self._out.touch(f"trade/{trade.trade_id}")

    def _close_real(self, trade: Trade) -> None:
        self.real.pop(trade.trade_id, None)
        self.expose(trade, 0)
        if trade.exit_reason == UNAVAILABLE:
            called_off = CANCELLED in trade.flags
            event = ("entry_cancelled", "flatten") if called_off else EXPIRED
            self._order(trade, trade.closed_ns, *event)
            return
        self._desk.cash_e6 += trade.net_e6
        if trade.exit_reason in ("stop", "trail"):
            self._desk.stopped[f"{trade.bot}|{trade.coin}"] = trade.closed_ns
        self.value_open()
