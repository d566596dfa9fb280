"""The ledger: every open trade, real and counterfactual, moved through its life by market events.

Pure: books and times in, changes out. The same code, fill model and exit plan serve paper
trades, twins, phantoms and clamped remainders; otherwise the report would compare simulators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import assert_never

from market.coin import Coin
from market.decision import TradeKind
from market.errors import require
from market.events import MS_PER_DAY, NS_PER_S, Candle
from market.fills import Fill, FillModel
from market.orders import (
    CALLED_OFF,
    Accepted,
    Broker,
    BrokerEvent,
    Cancel,
    Cancelled,
    Enter,
    Exit,
    Filled,
    Intent,
    PartlyFilled,
    Protect,
    Refused,
    Unknown,
)
from shadow.ledger.gaps import GAP_NS, Gaps
from shadow.ledger.marks import Marks
from shadow.ledger.owing import Owing, end_hour, waive
from shadow.ledger.steps import attribute, buy, doubt, give_up, intent_of, protection_of, sell
from shadow.ledger.trade import (
    CANCELLED,
    NOTHING,
    SUSPECT_PRICE,
    WOUND_DOWN,
    Change,
    Trade,
    TradeState,
    age,
)

# An exit first seen this long after the mark before it may have come late, and says so.
LATE_NS = 10 * NS_PER_S


class Ledger:
    """Open trades by id, in columns by coin while nothing happens to them.

    `waiting` holds those with an entry or exit at work, `gaps` those whose marks or exit were
    interrupted, until candles have repaired what was missed, `owing` those that owe funding.
    `intend` is told of every intent of the desk's own trades; the broker takes those of all.
    """

    def __init__(
        self,
        coins: dict[str, Coin],
        model: FillModel,
        broker: Broker,
        intend: Callable[[Intent], None] | None = None,
    ) -> None:
        self._coins = coins
        self._model = model
        self.broker = broker
        self._intend = intend
        self.trades: dict[int, Trade] = {}
        self.marks: dict[str, Marks] = {name: Marks() for name in coins}
        self.waiting: dict[str, dict[int, Trade]] = {name: {} for name in coins}
        self._again: dict[int, Trade] = {}
        self.gaps = Gaps(coins, model, self.marks, self._sell_again)
        self.owing = Owing(coins, self.trades)

    def coin(self, name: str) -> Coin:
        """Return the market state a trade of this coin lives in."""
        return self._coins[name]

    def open(self, trade: Trade) -> list[Change]:
        """Send a trade's entry order; return what the broker can say of it at once."""
        self.trades[trade.trade_id] = trade
        changes = self._order(trade, intent_of(trade), trade.decided_ns)
        if self._coins[trade.coin].prices.since_ns:
            changes += doubt([trade], SUSPECT_PRICE, trade.decided_ns)
        return changes

    def doubt(self, coin: str, now_ns: int) -> list[Change]:
        """Flag everything that lives on a coin whose quotes are not believed."""
        lives = [t for t in self.trades.values() if t.coin == coin]
        return doubt(lives, SUSPECT_PRICE, now_ns)

    def restore(self, trades: Iterable[Trade], marked_ns: int) -> None:
        """Take up trades after a restart; their marks stopped at `marked_ns`."""
        for trade in trades:
            if trade.state == TradeState.OPEN:
                trade.gap_ns = trade.gap_ns or marked_ns
            self._take_up(trade)

    def resume(self, trades: Iterable[Trade]) -> None:
        """Take up trades exactly where a written state left them, marks included."""
        for trade in trades:
            self._take_up(trade)
            if trade.state == TradeState.OPEN and not trade.gap_ns:
                self._watch(trade)

    def _take_up(self, trade: Trade) -> None:
        """Let the broker hold again what it held: nothing new is intended."""
        if trade.state == TradeState.CLOSED:
            self.owing.closed[trade.trade_id] = trade
            return
        self.trades[trade.trade_id] = trade
        if trade.state != TradeState.PENDING:
            self.broker.send(protection_of(trade), trade.opened_ns)
        if trade.gap_ns:
            self.gaps.add(trade, trade.gap_ns)
        elif trade.state != TradeState.OPEN:
            self.waiting[trade.coin][trade.trade_id] = trade
            self.broker.send(intent_of(trade), trade.decided_ns)

    def on_book(self, coin: Coin, now_ns: int) -> list[Change] | tuple[Change, ...]:
        """Mark a coin's trades at its valid book; fill, stop and close what is due."""
        name = coin.instrument.coin
        marks, waiting = self.marks[name], self.waiting[name]
        changes: list[Change] | tuple[Change, ...] = NOTHING
        if marks.trades:
            since_ns = now_ns - marks.last_ns
            if since_ns > GAP_NS:
                self.gaps.suspend(name)
            elif marks.touch(coin.book.mid):
                changes = self._exit_reached(coin, now_ns, late=since_ns > LATE_NS)
        if waiting:
            self._suspend_exits(name, now_ns)
        marks.last_ns = now_ns
        if waiting:
            changes = [*changes, *self._settle(coin, now_ns)]
        return changes

    def on_second(self, now_ns: int) -> list[Change]:
        """Ratchet trailing stops, end horizons, give up entries that found no book in time."""
        changes: list[Change] = []
        again, self._again = self._again, {}
        for trade in again.values():
            changes += self._order(trade, intent_of(trade), now_ns)
        self.suspend_stale(now_ns)
        for name, marks in self.marks.items():
            if marks.trades:
                marks.ratchet()
                for trade in marks.expired(now_ns):
                    changes += self._decide_exit(trade, "horizon", now_ns)
            if self.waiting[name]:
                for event in self.broker.on_second(name, now_ns):
                    changes += self._hear(event)
            if self.gaps.suspended[name]:
                changes += self.gaps.lose_patience(name, now_ns)
        return changes

    def suspend_stale(self, now_ns: int) -> None:
        """Stop trusting the marks of trades whose coin has had no book for too long."""
        for name, marks in self.marks.items():
            if marks.trades and now_ns - marks.last_ns > GAP_NS:
                self.gaps.suspend(name)
            if self.waiting[name]:
                self._suspend_exits(name, now_ns)

    def _suspend_exits(self, name: str, now_ns: int) -> None:
        """Let candles say what exits got that have met no book for too long."""
        waiting, last_ns = self.waiting[name], self.marks[name].last_ns
        for trade in list(waiting.values()):
            since_ns = max(trade.exit_due_ns, last_ns)
            if trade.state == TradeState.EXITING and now_ns - since_ns > GAP_NS:
                self._withdraw(trade, now_ns)
                self.gaps.add(trade, since_ns)

    def _sell_again(self, trade: Trade) -> None:
        """Put the exit of a trade back to work at a simulated venue; it was intended before."""
        self.waiting[trade.coin][trade.trade_id] = trade
        self.broker.send(intent_of(trade), trade.exit_due_ns)

    def call_exit(self, bot: str, coin: str, side: int, now_ns: int) -> list[Change]:
        """End everything a bot has on a coin and side, whatever its kind."""
        changes: list[Change] = []
        for trade in sorted((*self.marks[coin].trades, *self.gaps.suspended[coin]), key=age):
            if trade.bot == bot and trade.side == side and trade.state == TradeState.OPEN:
                changes += self.gaps.miss_hours(trade, now_ns)
                changes += self._decide_exit(trade, "bot", now_ns)
        for trade in self.waiting[coin].values():
            if trade.bot == bot and trade.side == side and trade.state == TradeState.PENDING:
                trade.exit_reason = "bot"
        return changes

    def flatten(self, now_ns: int, bot: str = "", coin: str = "") -> list[Change]:
        """End what the desk has, of a bot and on a coin if named, twins too; call off entries."""
        changes: list[Change] = []
        for trade in sorted(self.trades.values(), key=age):
            named = bot in ("", trade.bot) and coin in ("", trade.coin)
            if not named or trade.kind not in (TradeKind.PAPER, TradeKind.TWIN):
                continue
            if trade.state == TradeState.PENDING:
                # Should the cancel come too late, the fill is sold at once.
                trade.exit_reason = "flatten"
                changes += self._order(trade, Cancel(trade.trade_id, trade.coin, "entry"), now_ns)
            elif trade.state == TradeState.OPEN:
                changes += self.gaps.miss_hours(trade, now_ns)
                changes += self._decide_exit(trade, "flatten", now_ns)
        return changes

    def wind_down(self, coin: Coin, now_ns: int) -> list[Change]:
        """End all that lives on a coin at its last mark; call off entries that are on their way.

        Whoever leaves pays for it, as in a repair. That end is no trade's own, so all are flagged.
        """
        held = sorted((t for t in self.trades.values() if t.coin == coin.name), key=age)
        bought = [t for t in held if t.state != TradeState.PENDING]
        changes = doubt(bought, WOUND_DOWN, now_ns)
        own_first = sorted(bought, key=lambda t: t.kind != TradeKind.PAPER)  # others' marks are old
        mark = coin.book.mid or next((t.mark_px for t in own_first if t.mark_px), 0.0)
        for trade in held:
            if trade.state == TradeState.PENDING:
                trade.exit_reason = WOUND_DOWN
                changes += self._order(trade, Cancel(trade.trade_id, trade.coin, "entry"), now_ns)
                continue
            changes += self.gaps.miss_hours(trade, now_ns)
            waive(trade)
            self._withdraw(trade, now_ns)
            trade.exit_reason = WOUND_DOWN
            px = mark or trade.entry_px
            fill = self._model.leave(trade.side, trade.open_lots, px, coin.usual, coin.instrument)
            changes += sell(trade, fill, coin.instrument, now_ns)
            self._forget(trade, now_ns)
        return changes

    def _withdraw(self, trade: Trade, now_ns: int) -> None:
        """Take a trade from wherever it waits for the market."""
        if self.gaps.release(trade):
            return
        if trade.state == TradeState.EXITING:
            self._again.pop(trade.trade_id, None)
            del self.waiting[trade.coin][trade.trade_id]
            self.broker.send(Cancel(trade.trade_id, trade.coin, "exit"), now_ns)
        else:
            size = self._coins[trade.coin].instrument.size(trade.open_lots)
            self.marks[trade.coin].remove(trade, size)

    def on_hour(self, hour_ms: int, now_ns: int) -> list[Change]:
        """Charge the hour that just ended to every trade that was open across it.

        A suspended trade may turn out to have ended before it; that is for the repair to say.
        Without its rate the hour is owed, at the mark it ended with.
        """
        changes = self.owing.expire(hour_ms, now_ns)
        for trade in self.trades.values():
            if trade.gap_ns:
                trade.owed_ms = hour_ms
            elif trade.state in (TradeState.OPEN, TradeState.EXITING):
                changes.append(end_hour(trade, hour_ms, self._coins[trade.coin], now_ns))
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

    def on_rates(self, coin: str, rates: Iterable[tuple[int, float]]) -> list[Change]:
        """Learn settled funding rates by hour, for gaps that crossed one; settle what is owed."""
        self.gaps.learn_rates(coin, rates)
        return self.owing.settle(coin, self.gaps.rates[coin])

    def repair(self, coin: Coin, candles: list[Candle], asked_ns: int) -> list[Change]:
        """Walk the minutes that a coin's trades were not marked, worst case first.

        `asked_ns` is when the candles were asked for.
        """
        changes = self.gaps.repair(coin, candles, asked_ns)
        for change in changes:
            if change.what == "closed":
                self._forget(change.trade, change.at_ns)
        return changes

    # The steps of a life.

    def _order(self, trade: Trade, intent: Intent, now_ns: int) -> list[Change]:
        """Send an intent; return what the broker can say of the trade at once."""
        if trade.kind == TradeKind.PAPER and self._intend is not None:
            self._intend(intent)
        events = self.broker.send(intent, now_ns)
        changes: list[Change] = []
        match intent:
            case Enter() | Exit():
                self.waiting[trade.coin][trade.trade_id] = trade
                for event in events:
                    changes += self._hear(event)
            case Cancel(part="entry"):
                # A cancel that is refused says nothing of the entry.
                for event in events:
                    if isinstance(event, Cancelled):
                        changes += self._hear(event)
            case Cancel() | Protect():
                pass
            case _:
                assert_never(intent)
        return changes

    def _settle(self, coin: Coin, now_ns: int) -> list[Change]:
        """Let a book meet a coin's orders."""
        for trade in self.waiting[coin.name].values():
            if trade.state == TradeState.EXITING:
                trade.see(coin.book.mid)
                if now_ns - trade.exit_due_ns > GAP_NS:
                    trade.flag("gap")
        changes: list[Change] = []
        for event in self.broker.on_book(coin, now_ns):
            changes += self._hear(event)
        return changes

    def _hear(self, event: BrokerEvent) -> list[Change]:
        """Take what became of an entry or an exit.

        An event of a trade that is gone changes nothing here: who holds a real account reconciles
        it. So does one that knows no more than that an order exists, or may.
        """
        trade = self.trades.get(event.trade_id)
        if trade is None:
            return []
        match event:
            case Filled(part="entry"):
                return self._entered(trade, event.fill, event.at_ns)
            case Filled() | PartlyFilled():
                require(event.part == "exit", f"an entry is immediate or cancel: {event}")
                return self._sold(trade, event.fill, event.at_ns)
            case Cancelled(part="entry") | Refused(part="entry"):
                if event.reason == CALLED_OFF:
                    trade.flag(CANCELLED)
                del self.waiting[trade.coin][trade.trade_id]
                del self.trades[trade.trade_id]
                return [give_up(trade, event.at_ns)]
            case Cancelled() | Refused():
                self._again[trade.trade_id] = trade
                return []
            case Accepted() | Unknown():
                return []
            case _:
                assert_never(event)

    def _entered(self, trade: Trade, fill: Fill, now_ns: int) -> list[Change]:
        coin = self._coins[trade.coin]
        mid = coin.book.mid
        del self.waiting[trade.coin][trade.trade_id]
        changes = [buy(trade, fill, mid, coin.instrument, now_ns)]
        self._watch(trade)
        self._order(trade, protection_of(trade), now_ns)
        if trade.side * (mid - trade.stop_px) <= 0.0:
            trade.flag("through_stop")
            changes += self._decide_exit(trade, "stop", now_ns)
        elif trade.exit_reason:
            changes += self._decide_exit(trade, trade.exit_reason, now_ns)
        return changes

    def _sold(self, trade: Trade, fill: Fill, now_ns: int) -> list[Change]:
        coin = self._coins[trade.coin]
        mid = coin.book.mid if coin.book.ok else 0.0
        changes = sell(trade, fill, coin.instrument, now_ns, mid=mid)
        if not trade.open_lots:
            del self.waiting[trade.coin][trade.trade_id]
            self._forget(trade, now_ns)
        return changes

    def _forget(self, trade: Trade, now_ns: int) -> None:
        del self.trades[trade.trade_id]
        self.owing.keep(trade)
        self._order(trade, Cancel(trade.trade_id, trade.coin, "protection"), now_ns)

    def _watch(self, trade: Trade) -> None:
        size = self._coins[trade.coin].instrument.size(trade.open_lots)
        self.marks[trade.coin].add(trade, size)

    def _exit_reached(self, coin: Coin, now_ns: int, *, late: bool) -> list[Change]:
        changes: list[Change] = []
        for trade, reason in self.marks[coin.instrument.coin].reached(coin.book.mid):
            if late:
                trade.flag("gap")
            changes += self._decide_exit(trade, reason, now_ns)
        return changes

    def _decide_exit(self, trade: Trade, reason: str, now_ns: int) -> list[Change]:
        book = self._coins[trade.coin].book
        self._withdraw(trade, now_ns)
        trade.exit_decision_mid = book.mid if book.ok else 0.0
        trade.state = TradeState.EXITING
        trade.exit_reason = reason
        trade.exit_due_ns = now_ns + self._model.latency_ns
        return [Change(trade, "exiting", now_ns), *self._order(trade, intent_of(trade), now_ns)]
