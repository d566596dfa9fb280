"""Phantoms' sums: what a limit's refusals would have made, each as if it stood alone.

An observing limit refuses nothing; of what it would have refused, the twins tell. The sums know
no caps, no slots and no cooldowns, so they overstate what a desk without the limit would do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from market.coin import Coin
from market.decision import TradeKind
from shadow.ledger.trade import Trade, TradeState
from shadow.store.rows import Rows

KINDS = 4


class Phantoms:
    """The refusals of every limit alone, and what became of them (micro-USDC)."""

    def __init__(self) -> None:
        self._limits: dict[int, list[str]] = {}
        self.sums_e6: dict[str, int] = {}

    def absorb(self, rows: Rows) -> None:
        """Take note of what was refused, and of what has ended."""
        admitted = set()
        for signal in rows.signals:
            if signal.verdict == "admitted":
                admitted.add(signal.signal_id)
            elif signal.sole:
                trade_id = signal.signal_id * KINDS + TradeKind.PHANTOM
                self._limits[trade_id] = [signal.sole]
        for check in rows.checks:
            if check.mode == "observe" and check.outcome == "fail" and check.signal_id in admitted:
                trade_id = check.signal_id * KINDS + TradeKind.TWIN
                self._limits.setdefault(trade_id, []).append(check.filter)
        for update in rows.trade_updates:
            if update.status == "closed" and update.net_e6 is not None:
                self._add(update.trade_id, update.net_e6)
                self._limits.pop(update.trade_id, None)

    def mark(self, find: Callable[[int], Trade | None], coins: Mapping[str, Coin]) -> None:
        """Add what is not final at its last mark; `find` knows the trades by id."""
        for trade_id in self._limits:
            trade = find(trade_id)
            if trade is not None and trade.state != TradeState.PENDING:
                coin = coins[trade.coin]
                px = coin.book.mid if coin.book.ok else trade.mark_px or trade.entry_px
                self._add(trade_id, trade.mark_e6(px, coin.instrument))

    def _add(self, trade_id: int, net_e6: int) -> None:
        for name in self._limits.get(trade_id, ()):
            self.sums_e6[name] = self.sums_e6.get(name, 0) + net_e6
