"""Account of a desk: its own open trades, what they expose and are worth, and its cash.

Every desk keeps one, whether it trades or stands beside the one that does.
"""

from __future__ import annotations

from collections.abc import Callable

from market.desk import DAILY, Desk, DeskView
from shadow.ledger.trade import UNAVAILABLE, Trade, TradeState

# Exits after which a bot rests on the coin.
STOP_OUTS = ("stop", "trail")


class Account:
    """Money of the desk that a view shows. `trades` are its open ones by id.

    `touch` is called whenever the desk's state changes, `worth_e6`, if there is one, to learn what
    the open trades are worth at the current mids: else each of them is asked.
    """

    def __init__(
        self,
        view: DeskView,
        touch: Callable[[], None],
        worth_e6: Callable[[], int] | None = None,
    ) -> None:
        self._view = view
        self._touch = touch
        self._worth_e6 = worth_e6 or self._added_up
        self.trades: dict[int, Trade] = {}

    @property
    def desk(self) -> Desk:
        """Return the desk."""
        return self._view.desk

    def expose(self, trade: Trade, notional_e6: int) -> None:
        """Set what the desk counts as the exposure of a trade."""
        self.desk.expose(
            coin=trade.coin,
            division=trade.division,
            side=trade.side,
            notional_e6=notional_e6 - trade.exposed_e6,
        )
        trade.exposed_e6 = notional_e6
        self._touch()

    def value(self) -> None:
        """Revalue the open trades at the current mids."""
        self.revalue(self._worth_e6())

    def _added_up(self) -> int:
        total = 0
        for trade in self.trades.values():
            if trade.state in (TradeState.OPEN, TradeState.EXITING):
                coin = self._view.coins[trade.coin]
                if coin.book.ok:
                    trade.mark_px = coin.book.mid
                # Without a book the last mark stands: an outage is no loss and no profit.
                total += trade.mark_e6(trade.mark_px or trade.entry_px, coin.instrument)
        return total

    def revalue(self, open_e6: int) -> None:
        """Let the open trades be worth an amount."""
        desk = self.desk
        if open_e6 != desk.open_e6:
            desk.open_e6 = open_e6
            self._touch()
        if desk.equity_e6 > desk.peak_e6:
            desk.peak_e6 = desk.equity_e6
            self._touch()

    def close(self, trade: Trade) -> None:
        """Take the money of a trade that has ended; one that never filled has none."""
        self.trades.pop(trade.trade_id, None)
        self.expose(trade, 0)
        if trade.exit_reason == UNAVAILABLE:
            return
        self.desk.cash_e6 += trade.net_e6
        if trade.exit_reason in STOP_OUTS:
            self.desk.stopped[f"{trade.bot}|{trade.coin}"] = trade.closed_ns
        self.value()

    def pay(self, amount_e6: int) -> None:
        """Pay for what a trade that was closed turned out to owe."""
        self.desk.cash_e6 -= amount_e6
        self._touch()
        self.value()

    def begin_day(self, day_ms: int) -> str:
        """Let the daily loss be measured from the equity as it stands, on a new UTC day.

        Return the latch of the day before where it opens by itself, else "".
        """
        desk, opened = self.desk, ""
        if day_ms != desk.day_ms:
            self.value()
            desk.day_ms = day_ms
            desk.day_start_e6 = desk.equity_e6
            if self._view.rearms and desk.latched.startswith(DAILY):
                opened, desk.latched = desk.latched, ""
            self._touch()
        return opened

    def release(self) -> None:
        """Open entries again after a loss limit was broken; the limits measure from here on."""
        desk = self.desk
        # Else the same loss would latch again at once.
        desk.latched = ""
        desk.day_start_e6 = desk.peak_e6 = desk.equity_e6
        self._touch()
