"""Repair of market-data gaps: trades whose marks were interrupted, walked over by candles.

The worst that each missed minute allows is assumed. Funding of missed hours comes from settled
rates; a trade that goes on without them owes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from market.coin import Coin
from market.events import (
    MS_PER_DAY,
    MS_PER_HOUR,
    NS_PER_DAY,
    NS_PER_MINUTE,
    NS_PER_MS,
    NS_PER_S,
    Candle,
)
from market.fills import FillModel
from shadow.ledger.marks import Marks
from shadow.ledger.owing import owe
from shadow.ledger.steps import attribute, fund, sell
from shadow.ledger.trade import Change, Trade, TradeState, age

# Marks this far apart missed something an exit may have needed, so the gap is walked by candles.
GAP_NS = 30 * NS_PER_S
REPAIR_WAIT_NS = 60 * NS_PER_S
# Candles may come before the funding rates of the same gap; they wait this long for them.
RATES_WAIT_NS = 30 * NS_PER_S


class Gaps:
    """Suspended trades by coin, and what is known of the time they were not marked.

    `back_ns` says since when a coin's suspended trades might go on, because it has a live book
    again; `rates` are its settled funding rates by hour. `sell` sends the exit of a trade again
    that nothing told of while it was on its way.
    """

    def __init__(
        self,
        coins: dict[str, Coin],
        model: FillModel,
        marks: dict[str, Marks],
        sell: Callable[[Trade], None],
    ) -> None:
        self._coins = coins
        self._model = model
        self._marks = marks
        self._sell = sell
        self.suspended: dict[str, list[Trade]] = {name: [] for name in coins}
        self.back_ns: dict[str, int] = {}
        self.rates: dict[str, dict[int, float]] = {name: {} for name in coins}

    def since(self) -> dict[str, int]:
        """Return, by coin, since when suspended trades have not been marked (nanoseconds)."""
        return {
            name: min(t.gap_ns for t in trades) for name, trades in self.suspended.items() if trades
        }

    def add(self, trade: Trade, since_ns: int) -> None:
        """Suspend a trade that nothing marks; one that was suspended before keeps its gap."""
        trade.gap_ns = trade.gap_ns or since_ns
        self.suspended[trade.coin].append(trade)

    def suspend(self, name: str) -> None:
        """Stop trusting the marks of a coin's trades."""
        marks, instrument = self._marks[name], self._coins[name].instrument
        for trade in sorted(marks.trades, key=age):
            marks.remove(trade, instrument.size(trade.open_lots))
            trade.gap_ns = marks.last_ns
            self.suspended[name].append(trade)

    def release(self, trade: Trade) -> bool:
        """Let a trade go, its gap on record; return False for one that is not suspended."""
        if trade not in self.suspended[trade.coin]:
            return False
        self.suspended[trade.coin].remove(trade)
        trade.gap_ns = 0
        trade.flag("gap")
        return True

    def miss_hours(self, trade: Trade, now_ns: int) -> list[Change]:
        """Put on record that a suspended trade goes on owing the funding of its gap."""
        if not trade.gap_ns:
            return []
        return owe(trade, _unpaid(trade, now_ns), self._coins[trade.coin], now_ns)

    def lose_patience(self, name: str, now_ns: int) -> list[Change]:
        """Go on without repair when no candles came: the hours missed are then owed."""
        changes: list[Change] = []
        if not _is_back(self._coins[name], now_ns):
            self.back_ns.pop(name, None)
            return changes
        if now_ns - self.back_ns.setdefault(name, now_ns) <= REPAIR_WAIT_NS:
            return changes
        for trade in sorted(self.suspended[name], key=age):
            changes += self.miss_hours(trade, now_ns)
            self._take_up(trade, "gap")
        del self.back_ns[name]
        return changes

    def learn_rates(self, coin: str, rates: Iterable[tuple[int, float]]) -> None:
        """Learn settled funding rates by hour, for gaps that crossed one."""
        self.rates[coin] = dict(rates)

    def repair(self, coin: Coin, candles: list[Candle], asked_ns: int) -> list[Change]:
        """Walk the minutes that a coin's trades were not marked, worst case first.

        `asked_ns` is when the candles were asked for. They must cover the gap from its
        beginning, or the worst may have gone unseen; a trade they do not cover stays suspended.
        So does one that lacks the funding rate of an hour on the way, until that was waited for.
        """
        changes: list[Change] = []
        since_ns = self.back_ns.setdefault(coin.name, asked_ns)
        waits = asked_ns - since_ns < RATES_WAIT_NS
        for trade in sorted(self.suspended[coin.name], key=age):
            missed = [
                c
                for c in candles
                if (c.start_ms + 60_000) * NS_PER_MS > trade.gap_ns
                and c.start_ms * NS_PER_MS < asked_ns
            ]
            if not missed or missed[0].start_ms * NS_PER_MS > trade.gap_ns:
                continue
            if trade.state == TradeState.EXITING:
                # It ends within the first of them, before any hour that it might be charged for.
                del missed[1:]
            elif waits and not self._knows_rates(trade, missed[-1], asked_ns):
                continue
            changes += self._walk(coin, trade, missed, asked_ns)
        if not self.suspended[coin.name]:
            self.back_ns.pop(coin.name, None)
        return changes

    def _knows_rates(self, trade: Trade, last: Candle, asked_ns: int) -> bool:
        end_ns = min((last.start_ms + 60_000) * NS_PER_MS, asked_ns)
        return self.rates[trade.coin].keys() >= set(_unpaid(trade, end_ns))

    def _walk(self, coin: Coin, trade: Trade, candles: list[Candle], asked_ns: int) -> list[Change]:
        changes: list[Change] = []
        instrument = coin.instrument
        trade.flag("repaired")
        for candle in candles:
            start_ns = candle.start_ms * NS_PER_MS
            end_ns = min(start_ns + NS_PER_MINUTE, asked_ns)
            left = self._model.repair(trade, candle, end_ns, coin.usual, instrument)
            trade.see(candle.high)
            trade.see(candle.low)
            if left is not None:
                fill, reason = left
                self.suspended[trade.coin].remove(trade)
                trade.gap_ns = 0
                trade.exit_reason = reason
                # Within the minute, so that a day which ends with it still gets the exit.
                at_ns = min(start_ns + NS_PER_MINUTE - 1, asked_ns)
                return changes + sell(trade, fill, instrument, at_ns)
            for hour_ms in _unpaid(trade, end_ns):
                rate = self.rates[trade.coin].get(hour_ms)
                changes.append(fund(trade, hour_ms, rate, candle.close, instrument, end_ns))
            if end_ns % NS_PER_DAY == 0:
                mark = trade.mark_e6(candle.close, instrument)
                changes.append(attribute(trade, end_ns // NS_PER_MS - MS_PER_DAY, mark, end_ns))
            trade.ratchet()
            trade.gap_ns = max(trade.gap_ns, end_ns)
        # An hour that ended since the candles were asked for is theirs to charge next time.
        if _is_back(coin, asked_ns) and trade.owed_ms * NS_PER_MS <= trade.gap_ns:
            self._take_up(trade, "repaired")
        return changes

    def _take_up(self, trade: Trade, flag: str) -> None:
        """Mark a suspended trade again, or sell what was on its way out."""
        self.suspended[trade.coin].remove(trade)
        trade.gap_ns = 0
        trade.flag(flag)
        if trade.state == TradeState.EXITING:
            self._sell(trade)
            return
        size = self._coins[trade.coin].instrument.size(trade.open_lots)
        self._marks[trade.coin].add(trade, size)


def hours_between(from_ns: int, to_ns: int) -> range:
    """Return the hours (ms) that ended in (from, to]."""
    first = from_ns // NS_PER_MS // MS_PER_HOUR * MS_PER_HOUR + MS_PER_HOUR
    return range(first, to_ns // NS_PER_MS + 1, MS_PER_HOUR)


def _unpaid(trade: Trade, until_ns: int) -> range:
    """Return the hours of a trade's gap, up to a time, that it was not charged for yet."""
    return hours_between(max(trade.gap_ns, trade.funded_ms * NS_PER_MS), until_ns)


def _is_back(coin: Coin, now_ns: int) -> bool:
    """Say whether a coin's book can mark trades again: whole, and not itself long silent."""
    return coin.book.ok and now_ns - coin.book.recv_ns <= GAP_NS
