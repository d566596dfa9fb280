"""What branches hold: one trade for all of them that hold it alike.

Trades that came from one signal in one size are filled, exited and worth the same, whichever
branches hold them. So each stands once, with a mask of its holders, and what the trades of a coin
are worth is added up before it is given to each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from market.coin import Coin
from market.instrument import Instrument
from market.money import MOST_E6, ticks_of
from shadow.ledger.trade import Trade, TradeState


class Pile:
    """Trades of one coin that were bought and are not sold, each with the mask of its holders."""

    __slots__ = ("_px", "_rounded", "_terms", "_ticks", "_ticks_most", "trades")

    def __init__(self) -> None:
        self.trades: dict[int, tuple[Trade, int]] = {}
        # By mask, the part of their worth that no mid changes, and the lots that one does.
        self._terms: list[tuple[int, int, int]] | None = None
        # The mid they were marked at, what a lot costs there, and up to where it is that simple.
        self._px = 0.0
        self._ticks: int | None = None
        self._ticks_most = 0
        # Where it is not, what each mask is worth at that mid.
        self._rounded: dict[int, int] | None = None

    def changed(self) -> None:
        """Let what no mid changes be added up anew, and every trade be marked."""
        self._terms, self._px, self._rounded = None, 0.0, None

    def value(self, coin: Coin, sums: dict[int, int]) -> None:
        """Add by mask what the trades are worth at the mid of now, and mark them with it.

        Without a book the last marks stand.
        """
        book, instrument = coin.book, coin.instrument
        if not book.ok:
            _add(self._one_by_one(instrument), sums)
            return
        mid = book.mid
        if mid != self._px:
            self._px, self._ticks = mid, ticks_of(mid, instrument.sz_decimals)
            self._rounded = None
            for trade, _ in self.trades.values():
                trade.mark_px = mid
        terms, ticks = self._terms, self._ticks
        if terms is None:
            terms = self._terms = self._added()
        if ticks is None or ticks > self._ticks_most:
            # Each is rounded, or held to what a trade may hold, by itself.
            if self._rounded is None:
                self._rounded = self._one_by_one(instrument)
            _add(self._rounded, sums)
            return
        for mask, fixed_e6, lots in terms:
            sums[mask] = sums.get(mask, 0) + fixed_e6 + ticks * lots

    def _added(self) -> list[tuple[int, int, int]]:
        terms: dict[int, tuple[int, int]] = {}
        most_lots = 1
        for trade, mask in self.trades.values():
            lots = trade.open_lots
            fixed_e6, signed = terms.get(mask, (0, 0))
            terms[mask] = fixed_e6 + trade.net_e6, signed + trade.side * lots
            most_lots = max(most_lots, lots)
        self._ticks_most = MOST_E6 // most_lots
        return [(mask, fixed_e6, lots) for mask, (fixed_e6, lots) in terms.items()]

    def _one_by_one(self, instrument: Instrument) -> dict[int, int]:
        found: dict[int, int] = {}
        for trade, mask in self.trades.values():
            worth_e6 = trade.mark_e6(trade.mark_px or trade.entry_px, instrument)
            found[mask] = found.get(mask, 0) + worth_e6
        return found


def _add(more: Mapping[int, int], sums: dict[int, int]) -> None:
    for mask, worth_e6 in more.items():
        sums[mask] = sums.get(mask, 0) + worth_e6


class Holdings:
    """Holders of every trade whose money is not final, and what each branch's open ones are worth.

    `holders` are masks by trade; `totals_e6` is by number of the branch, as of the last valuation.
    """

    def __init__(self, coins: Mapping[str, Coin], count: int) -> None:
        self._coins = coins
        self._count = count
        self.holders: dict[int, int] = {}
        self.totals_e6 = [0] * count
        self._piles = {name: Pile() for name in coins}
        self._sums: dict[int, int] = {}
        self._masks: tuple[int, ...] = ()
        self._classes: dict[tuple[int, ...], list[int]] = {}

    def hold(self, trade: Trade, mask: int) -> None:
        """Let the branches of a mask hold a trade."""
        self.holders[trade.trade_id] = mask
        if trade.state in (TradeState.OPEN, TradeState.EXITING):
            self.bought(trade)

    def bought(self, trade: Trade) -> None:
        """Value a trade from now on."""
        pile = self._piles[trade.coin]
        pile.trades[trade.trade_id] = trade, self.holders[trade.trade_id]
        pile.changed()

    def changed(self, trade: Trade) -> None:
        """Learn that what a trade has cost or earned is another."""
        self._piles[trade.coin].changed()

    def ended(self, trade: Trade) -> None:
        """Value a trade no more; who held it stays known."""
        pile = self._piles[trade.coin]
        if pile.trades.pop(trade.trade_id, None) is not None:
            pile.changed()

    def value(self) -> bool:
        """Value everything at the current mids; say whether anything is worth another amount."""
        sums: dict[int, int] = {}
        for name, pile in self._piles.items():
            if pile.trades:
                pile.value(self._coins[name], sums)
        if sums == self._sums:
            return False
        self._sums = sums
        masks = tuple(sums)
        if masks != self._masks:
            self._masks, self._classes = masks, self._classed(masks)
        for kind, members in self._classes.items():
            total_e6 = sum([sums[mask] for mask in kind])
            for at in members:
                self.totals_e6[at] = total_e6
        return True

    def _classed(self, masks: Iterable[int]) -> dict[tuple[int, ...], list[int]]:
        """Return the branches by which of the masks they are in: each class holds the same."""
        found: dict[tuple[int, ...], list[int]] = {}
        for at in range(self._count):
            kind = tuple([mask for mask in masks if mask >> at & 1])
            found.setdefault(kind, []).append(at)
        return found
