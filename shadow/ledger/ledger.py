"""The ledger: every open trade, real and counterfactual, moved through its life by market events.

Pure: books and times in, changes out. The same code, fill model and exit plan serve paper
trades, twins, phantoms and clamped remainders; otherwise the report would compare simulators.
"""

from __future__ import annotations

from collections.abc import Iterable

from market.coin import Coin
from market.decision import TradeKind
from market.events import MS_PER_DAY, NS_PER_S, Candle
from market.fills import FillModel
from shadow.ledger.gaps import GAP_NS, Gaps
from shadow.ledger.marks import Marks
from shadow.ledger.steps import attribute, buy, fund, give_up, sell
from shadow.ledger.trade import CANCELLED, NOTHING, Change, Trade, TradeState, age

# An exit first seen this long after the mark before it may have come late, and says so.
LATE_NS = 10 * NS_PER_S


class Ledger:
    """Open trades by id, in columns by coin while nothing happens to them.

    `waiting` holds those with an order on its way, in the order they were sent; `gaps` those
    whose marks were interrupted, until candles have repaired what was missed.
    """

    def __init__(self, coins: dict[str, Coin], model: FillModel) -> None:
        self._coins = coins
        self._model = model
        self.trades: dict[int, Trade] = {}
        self.marks: dict[str, Marks] = {name: Marks() for name in coins}
        self.waiting: dict[str, list[Trade]] = {name: [] for name in coins}
        self.gaps = Gaps(coins, model, self.marks)

    def coin(self, name: str) -> Coin:
        """Return the market state a trade of this coin lives in."""
        return self._coins[name]

    def open(self, trade: Trade) -> None:
        """Send a trade's entry order."""
        self.trades[trade.trade_id] = trade
        self.waiting[trade.coin].append(trade)

    def restore(self, trades: Iterable[Trade], marked_ns: int) -> None:
        """Take up trades after a restart; their marks stopped at `marked_ns`."""
        for trade in trades:
            self.trades[trade.trade_id] = trade
            if trade.state == TradeState.OPEN:
                self.gaps.add(trade, marked_ns)
            else:
                self.waiting[trade.coin].append(trade)

    def resume(self, trades: Iterable[Trade]) -> None:
        """Take up trades exactly where a written state left them, marks included."""
        for trade in trades:
            self.trades[trade.trade_id] = trade
            if trade.state != TradeState.OPEN:
                self.waiting[trade.coin].append(trade)
            elif trade.gap_ns:
                self.gaps.add(trade, trade.gap_ns)
            else:
                self._watch(trade)

    def on_book(self, coin: Coin, now_ns: int) -> list[Change] | tuple[Change, ...]:
        """Mark a coin's trades at its valid book; fill, stop and close what is due."""
        name = coin.instrument.coin
        marks = self.marks[name]
        waiting = self.waiting[name]
        changes: list[Change] | tuple[Change, ...] = NOTHING
        if marks.trades:
            since_ns = now_ns - marks.last_ns
            if since_ns > GAP_NS:
                self.gaps.suspend(name)
            elif marks.touch(coin.book.mid):
                changes = self._exit_reached(coin, now_ns, late=since_ns > LATE_NS)
        marks.last_ns = now_ns
        if waiting:
            changes = [*changes, *self._settle(coin, now_ns)]
        return changes

    def on_second(self, now_ns: int) -> list[Change]:
        """Ratchet trailing stops, end horizons, give up entries that found no book in time."""
        changes: list[Change] = []
        self.suspend_stale(now_ns)
        for name, marks in self.marks.items():
            if marks.trades:
                marks.ratchet()
                for trade in marks.expired(now_ns):
                    changes.append(self._decide_exit(trade, "horizon", now_ns))
            waiting = self.waiting[name]
            if waiting:
                for trade in sorted(waiting, key=_sent):
                    if trade.state == TradeState.PENDING and now_ns > trade.expires_ns:
                        waiting.remove(trade)
                        changes.append(self._drop(trade, now_ns))
            if self.gaps.suspended[name]:
                changes += self.gaps.lose_patience(name, now_ns)
        return changes

    def suspend_stale(self, now_ns: int) -> None:
        """Stop trusting the marks of trades whose coin has had no book for too long."""
        for name, marks in self.marks.items():
            if marks.trades and now_ns - marks.last_ns > GAP_NS:
                self.gaps.suspend(name)

    def call_exit(self, bot: str, coin: str, side: int, reason: str, now_ns: int) -> list[Change]:
        """End everything a bot has on a coin and side, whatever its kind."""
        changes: list[Change] = []
        for trade in sorted((*self.marks[coin].trades, *self.gaps.suspended[coin]), key=age):
            if trade.bot == bot and trade.side == side:
                changes += self.gaps.miss_hours(trade, now_ns)
                changes.append(self._decide_exit(trade, "bot", now_ns))
        for trade in self.waiting[coin]:
            if trade.bot == bot and trade.side == side and trade.state == TradeState.PENDING:
                trade.exit_reason = "bot"
        return changes

    def flatten(self, now_ns: int) -> list[Change]:
        """End all that the desk has, twins too, and call off entries that are on their way."""
        changes: list[Change] = []
        for trade in sorted(self.trades.values(), key=age):
            if trade.kind not in (TradeKind.PAPER, TradeKind.TWIN):
                continue
            if trade.state == TradeState.PENDING:
                self.waiting[trade.coin].remove(trade)
                trade.flag(CANCELLED)
                changes.append(self._drop(trade, now_ns))
            elif trade.state == TradeState.OPEN:
                changes += self.gaps.miss_hours(trade, now_ns)
                changes.append(self._decide_exit(trade, "flatten", now_ns))
        return changes

    def on_hour(self, hour_ms: int, now_ns: int) -> list[Change]:
        """Charge the hour that just ended to every trade that was open across it.

        A suspended trade may turn out to have ended before it; that is for the repair to say.
        """
        changes = []
        for trade in self.trades.values():
            if trade.gap_ns:
                trade.owed_ms = hour_ms
            elif trade.state in (TradeState.OPEN, TradeState.EXITING):
                coin = self._coins[trade.coin]
                terms = coin.terms_at(hour_ms)
                rate, oracle = (terms.rate, terms.oracle_px) if terms else (None, 0.0)
                changes.append(fund(trade, hour_ms, rate, oracle, coin.instrument, now_ns))
        return changes

    def on_day(self, day_ms: int, now_ns: int) -> list[Change]:
        """Give the day that just ended its part of every open trade's mark."""
        changes = []
        for trade in self.trades.values():
            if trade.gap_ns or trade.state not in (TradeState.OPEN, TradeState.EXITING):
                continue
            coin = self._coins[trade.coin]
            mark = trade.mark_e6(coin.book.mid or trade.entry_px, coin.instrument)
            changes.append(attribute(trade, day_ms - MS_PER_DAY, mark, now_ns))
        return changes

    def on_rates(self, coin: str, rates: Iterable[tuple[int, float]]) -> None:
        """Learn settled funding rates by hour, for gaps that crossed one."""
        self.gaps.learn_rates(coin, rates)

    def repair(self, coin: Coin, candles: list[Candle], asked_ns: int) -> list[Change]:
        """Walk the minutes that a coin's trades were not marked, worst case first.

        `asked_ns` is when the candles were asked for.
        """
        changes = self.gaps.repair(coin, candles, asked_ns)
        for change in changes:
            if change.what == "closed":
                del self.trades[change.trade.trade_id]
        return changes

    # The steps of a life.

    def _settle(self, coin: Coin, now_ns: int) -> list[Change]:
        changes: list[Change] = []
        name = coin.instrument.coin
        # Oldest order first, whatever the order in which a written state listed them.
        before, self.waiting[name] = sorted(self.waiting[name], key=_sent), []
        again = self.waiting[name]
        for trade in before:
            if trade.state == TradeState.PENDING:
                if now_ns > trade.expires_ns:
                    changes.append(self._drop(trade, now_ns))
                elif now_ns < trade.due_ns:
                    again.append(trade)
                else:
                    changes += self._enter(coin, trade, now_ns)
            elif now_ns < trade.exit_due_ns:
                trade.see(coin.book.mid)
                again.append(trade)
            else:
                changes += self._exit(coin, trade, now_ns)
                if trade.state == TradeState.EXITING:
                    again.append(trade)
        return changes

    def _enter(self, coin: Coin, trade: Trade, now_ns: int) -> list[Change]:
        fill = self._model.enter(trade, coin.book, coin.instrument)
        if not fill.lots:
            return [self._drop(trade, now_ns)]
        mid = coin.book.mid
        changes = [buy(trade, fill, mid, coin.instrument, now_ns)]
        self._watch(trade)
        if trade.side * (mid - trade.stop_px) <= 0.0:
            trade.flag("through_stop")
            changes.append(self._decide_exit(trade, "stop", now_ns))
        elif trade.exit_reason:
            changes.append(self._decide_exit(trade, trade.exit_reason, now_ns))
        return changes

    def _watch(self, trade: Trade) -> None:
        size = self._coins[trade.coin].instrument.size(trade.open_lots)
        self.marks[trade.coin].add(trade, size)

    def _exit_reached(self, coin: Coin, now_ns: int, *, late: bool) -> list[Change]:
        changes = []
        for trade, reason in self.marks[coin.instrument.coin].reached(coin.book.mid):
            if late:
                trade.flag("gap")
            changes.append(self._decide_exit(trade, reason, now_ns))
        return changes

    def _decide_exit(self, trade: Trade, reason: str, now_ns: int) -> Change:
        if not self.gaps.release(trade):
            size = self._coins[trade.coin].instrument.size(trade.open_lots)
            self.marks[trade.coin].remove(trade, size)
        trade.state = TradeState.EXITING
        trade.exit_reason = reason
        trade.exit_due_ns = now_ns + self._model.latency_ns
        self.waiting[trade.coin].append(trade)
        return Change(trade, "exiting", now_ns)

    def _exit(self, coin: Coin, trade: Trade, now_ns: int) -> list[Change]:
        book = coin.book
        trade.see(book.mid)
        if now_ns - trade.exit_due_ns > GAP_NS:
            trade.flag("gap")
        fill = self._model.exit(trade, book, coin.instrument)
        if not fill.lots:
            return []
        changes = sell(trade, fill, coin.instrument, now_ns)
        if not trade.open_lots:
            del self.trades[trade.trade_id]
        return changes

    def _drop(self, trade: Trade, now_ns: int) -> Change:
        del self.trades[trade.trade_id]
        return give_up(trade, now_ns)


def _sent(trade: Trade) -> tuple[int, int]:
    return trade.exit_due_ns or trade.due_ns, trade.trade_id
