"""Funding that is owed: hours that ended while nobody told their rate.

The venue is asked for it later, and what it says is charged as if it had been known at once: to
the trade, and to the UTC day that the hour belonged to. A trade may close meanwhile; its money
then waits until the last of its hours is settled. What the venue has not told within `OWED_MS` it
never will: the trade lacks a fact.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from market.coin import Coin
from market.events import MS_PER_DAY, MS_PER_HOUR, NS_PER_MS, TIMEFRAMES
from shadow.ledger.steps import charge, fund
from shadow.ledger.trade import Change, Owed, Trade, TradeState

OWED_MS = 14 * MS_PER_DAY


class Owing:
    """Trades that owe funding; `closed` are those of them that have ended, by id."""

    def __init__(self, coins: Mapping[str, Coin], trades: Mapping[int, Trade]) -> None:
        self._coins = coins
        self._open = trades
        self.closed: dict[int, Trade] = {}

    def hours(self) -> dict[str, tuple[int, int]]:
        """Return, by coin, the oldest and the newest hour (ms) that is owed."""
        found: dict[str, tuple[int, int]] = {}
        for trade in self.unsettled():
            owes = trade.owes
            if owes:
                # A trade owes its hours in their order.
                first, last = owes[0].hour_ms, owes[-1].hour_ms
                known = found.get(trade.coin)
                if known is None:
                    found[trade.coin] = first, last
                elif first < known[0] or last > known[1]:
                    found[trade.coin] = min(first, known[0]), max(last, known[1])
        return found

    def settle(self, name: str, rates: Mapping[int, float]) -> list[Change]:
        """Charge the hours of a coin's trades whose rates are known now."""
        instrument = self._coins[name].instrument
        changes: list[Change] = []
        for trade in self.unsettled():
            if trade.owes and trade.coin == name:
                changes += charge(trade, rates, instrument)
                changes += _final(trade)
        return changes

    def expire(self, hour_ms: int, now_ns: int) -> list[Change]:
        """Give up what has been owed for too long; all are flagged before any is booked."""
        changes: list[Change] = []
        ended: list[Change] = []
        oldest_ms = hour_ms - OWED_MS
        for trade in self.unsettled():
            if trade.owes and trade.owes[0].hour_ms < oldest_ms:
                trade.owes = [owed for owed in trade.owes if owed.hour_ms >= oldest_ms]
                trade.flag("no_funding")
                changes.append(Change(trade, "doubted", now_ns))
                ended += _final(trade)
        return changes + ended

    def unsettled(self) -> list[Trade]:
        """Return every trade whose money is not final: open ones, and closed ones that owe."""
        return [*self._open.values(), *self.closed.values()]

    def find(self, trade_id: int) -> Trade | None:
        """Return a trade whose money is not final, None when there is none of that id."""
        return self._open.get(trade_id) or self.closed.get(trade_id)

    def keep(self, trade: Trade) -> None:
        """Hold on to a trade that has ended while it owes; its end is not final."""
        if trade.owes:
            self.closed[trade.trade_id] = trade

    def release(self, trade: Trade) -> None:
        """Let a trade go whose end is booked."""
        self.closed.pop(trade.trade_id, None)


def end_hour(trade: Trade, hour_ms: int, coin: Coin, now_ns: int) -> Change:
    """Charge an open trade the hour that just ended, or let it owe that at the mark of now."""
    terms = coin.terms_at(hour_ms)
    mark = coin.book.mid or trade.mark_px or trade.entry_px
    rate, px = (terms.rate, terms.oracle_px) if terms else (None, mark)
    return fund(trade, hour_ms, rate, px, coin.instrument, now_ns)


def owe(trade: Trade, hours: range, coin: Coin, now_ns: int) -> list[Change]:
    """Put down that hours of a gap are owed, each at the nearest price known of it.

    There may be years of them: those for which nobody would be asked any more are not listed.
    """
    if not hours:
        return []
    trade.funded_ms = hours[-1]
    listed = hours[-(OWED_MS // MS_PER_HOUR) :]
    for hour_ms in listed:
        trade.owes.append(Owed(hour_ms, trade.open_lots, _price_at(coin, trade, hour_ms)))
    if len(listed) == len(hours):
        return [Change(trade, "owed", now_ns)]
    trade.flag("no_funding")
    return [Change(trade, "doubted", now_ns)]


def waive(trade: Trade) -> None:
    """Give up what a trade owes: its coin is gone, and it is in no verdict anyway."""
    if trade.owes:
        trade.owes = []
        trade.flag("no_funding")


def _price_at(coin: Coin, trade: Trade, hour_ms: int) -> float:
    """Return the close of the shortest bar that ended with an hour, else the newest mark."""
    for timeframe in TIMEFRAMES:
        series = coin.bars.series[timeframe]
        at = bisect_left(series.start_ms, hour_ms - series.step_ms)
        if at < len(series.start_ms) and series.start_ms[at] == hour_ms - series.step_ms:
            return series.close[at]
    return coin.book.mid or trade.mark_px or trade.entry_px


def _final(trade: Trade) -> list[Change]:
    """Return the end of a closed trade that owes nothing more."""
    if trade.owes or trade.state != TradeState.CLOSED:
        return []
    return [Change(trade, "settled", max(trade.closed_ns, trade.funded_ms * NS_PER_MS))]
