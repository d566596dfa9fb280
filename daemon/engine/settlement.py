"""Settlement: changes of trades booked as money, exposure and episode keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from daemon.engine.account import Account
from daemon.engine.outcome import Outbox
from daemon.engine.series.book import SeriesBook
from market.decision import TradeKind
from market.desk import DeskView
from shadow.ledger.episodes import KeyState
from shadow.ledger.ledger import Ledger
from shadow.ledger.trade import UNAVAILABLE, Change, Trade, TradeState
from shadow.store import rollup
from shadow.store.bookkeeper import Bookkeeper


class Learner(Protocol):
    """A listener to what trades earned."""

    def mark(self, trade: Trade, day_ms: int, amount_e6: int) -> None:
        """Take a trade's net of one UTC day."""

    def closed(self, trade: Trade) -> None:
        """Take a trade that has ended, its money final."""

    def left_out(self, trade: Trade) -> bool:
        """Take back what a trade that lacks a fact has earned; return False when it was before."""


class Settlement:
    """Booking of the ledger's changes on the desk and its account."""

    def __init__(
        self,
        view: DeskView,
        ledger: Ledger,
        keys: dict[str, KeyState],
        learner: Learner,
        books: Bookkeeper,
        out: Outbox,
        series: SeriesBook,
    ) -> None:
        self.account = Account(view, lambda: out.touch("desk"))
        self._ledger = ledger
        self._keys = keys
        self._learner = learner
        self._books = books
        self._out = out
        self._series = series
        self.repeated: dict[str, None] = {}

    @property
    def real(self) -> dict[int, Trade]:
        """Return the desk's own open trades by id."""
        return self.account.trades

    def adopt(self, trades: Iterable[Trade]) -> None:
        """Take up the real ones among trades that were already open."""
        held = (t for t in trades if t.kind == TradeKind.PAPER and t.state != TradeState.CLOSED)
        self.account.trades = {t.trade_id: t for t in held}

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply changes in order."""
        for change in changes:
            trade = change.trade
            if change.what == "filled":
                self._filled(change)
            elif change.what == "sold":
                self._books.fill(change, entry=False)
            elif change.what == "exiting":
                self._books.order(trade, change.at_ns, "exit_sent", trade.exit_reason)
            elif change.what == "doubted":
                self._excluded(trade)
            elif change.what == "paid":
                self._paid(change)
            elif change.what == "day":
                self._learner.mark(trade, change.day_ms, change.amount_e6)
                self._books.day(change)
            elif change.what == "closed":
                self._closed(trade)
                continue
            elif change.what == "settled":
                self._final(trade)
                continue
            self._books.changed(trade)

    def repeat(self, name: str, key: KeyState) -> None:
        """Count a signal that added nothing; written down once a minute."""
        key.repeats += 1
        self.repeated[name] = None

    def flush_repeats(self) -> None:
        """Write the repeat counts that changed since the last time."""
        for name in self.repeated:
            self._books.repeats(self._keys[name])
            self._out.touch(f"key/{name}")
        self.repeated.clear()

    def _filled(self, change: Change) -> None:
        trade = change.trade
        self._books.fill(change, entry=True)
        self._series.entered(trade)
        if trade.kind == TradeKind.PAPER:
            self.account.expose(trade, trade.entry_notional_e6)
        later = self._ledger.trades.get(trade.later_trade_id)
        if later is not None:
            # The trade was bound before the phantom had a price to be measured against.
            rollup.pair(trade, later)

    def _partner(self, trade: Trade) -> Trade | None:
        return self._ledger.owing.find(trade.later_trade_id or trade.earlier_trade_id)

    def _excluded(self, trade: Trade) -> None:
        """Take a trade that lacks a fact out of the rollups and the weights, once."""
        partner = self._partner(trade)
        self._books.excluded(trade, partner)
        self._learner.left_out(trade)
        if partner is not None and self._learner.left_out(partner):
            self._books.changed(partner)

    def _paid(self, change: Change) -> None:
        """Charge an hour whose rate came late; what has closed was credited without it."""
        trade = change.trade
        if trade.kind == TradeKind.PAPER and trade.state == TradeState.CLOSED:
            self.account.pay(change.amount_e6)

    def _closed(self, trade: Trade) -> None:
        """Free what a trade held; one that owes funding is not final yet."""
        name = trade.key
        key = self._keys.get(name)
        if key is not None and key.close(trade.trade_id):
            self._books.repeats(key)
            self._out.touch(f"key/{name}")
        if trade.kind == TradeKind.PAPER:
            self._close_real(trade)
        if trade.owes:
            self._tell_partner(trade)
            self._books.changed(trade)
        else:
            self._final(trade)

    def _tell_partner(self, trade: Trade) -> None:
        """Let the other half of a pair know the days of one that has closed."""
        partner = self._partner(trade)
        if partner is not None:
            partner.partner_days = list(trade.days)
            self._out.touch(f"trade/{partner.trade_id}")

    def _final(self, trade: Trade) -> None:
        """Take the money of a trade that has closed and owes nothing, for good."""
        self._out.vitals.closed += 1
        self._learner.closed(trade)
        self._series.final(trade)
        self._tell_partner(trade)
        self._books.changed(trade)
        self._ledger.owing.release(trade)

    def _close_real(self, trade: Trade) -> None:
        if trade.exit_reason == UNAVAILABLE:
            self._books.never_filled(trade)
        self.account.close(trade)
