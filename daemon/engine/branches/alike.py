"""Trades of branches that are the same but for whose they are.

They came from one signal in one size, so they are filled, exited and worth the same; what one of
them is worth is reckoned once for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from daemon.engine.branches.side import side_of
from market.coin import Coin
from market.instrument import Instrument
from shadow.ledger.trade import Trade


class Alike:
    """Such trades by the number of their branch; `mask` are the branches that hold one."""

    __slots__ = ("_costs", "_px", "_worth_e6", "mask", "trades")

    def __init__(self) -> None:
        self.trades: dict[int, Trade] = {}
        self.mask = 0
        self._px = 0.0
        self._costs = (0, 0, 0)
        self._worth_e6 = 0

    def add(self, at: int, trade: Trade) -> None:
        """Add the trade of a branch."""
        self.trades[at] = trade
        self.mask |= 1 << at
        self._px = 0.0

    def remove(self, at: int) -> None:
        """Let the trade of a branch go, if it has one."""
        self.trades.pop(at, None)
        self.mask &= ~(1 << at)

    def worth_e6(self, mid: float, instrument: Instrument) -> int:
        """Return what each is worth at a mid, and let all have been valued at it."""
        one = next(iter(self.trades.values()))
        costs = one.exit_notional_e6, one.fees_e6, one.funding_e6
        if mid != self._px or costs != self._costs:
            self._px, self._costs = mid, costs
            self._worth_e6 = one.mark_e6(mid, instrument)
            for trade in self.trades.values():
                trade.mark_px = mid
        return self._worth_e6


def worth_by_holders(
    held: Mapping[str, Mapping[tuple[int, int], Alike]], coins: Mapping[str, Coin]
) -> dict[int, int]:
    """Return what open trades are worth at the current mids, by the mask of who holds them.

    What is held by the same branches is added up before it is given to each of them.
    """
    sums: dict[int, int] = {}
    for name, groups in held.items():
        if not groups:
            continue
        coin = coins[name]
        book, instrument = coin.book, coin.instrument
        if not book.ok:
            for trade in chain.from_iterable(g.trades.values() for g in groups.values()):
                px = trade.mark_px or trade.entry_px
                bit = 1 << side_of(trade.trade_id)
                sums[bit] = sums.get(bit, 0) + trade.mark_e6(px, instrument)
            continue
        mid = book.mid
        for group in groups.values():
            mask = group.mask
            sums[mask] = sums.get(mask, 0) + group.worth_e6(mid, instrument)
    return sums
