"""Every open trade, real and counterfactual, moved through its life by market events.

Pure: books and times in, changes out. The same code, fill model and exit plan serve paper
trades, twins, phantoms and clamped remainders; otherwise the report would compare simulators.
"""

from __future__ import annotations

from collections.abc import Iterable

from market.book import Book
from market.coin import Coin
from market.decision import BUY, TradeKind
from market.events import (
    MS_PER_DAY,
    NS_PER_DAY,
    NS_PER_MINUTE,
    NS_PER_MS,
    NS_PER_S,
    Candle,
    Level,
)
from market.fills import Fill, FillModel, walk
from market.money import funding_e6, notional_e6
from shadow.ledger.marks import Marks
from shadow.ledger.repair import fill_at, hours_between, trail_stop, worst_exit
from shadow.ledger.trade import CANCELLED, NOTHING, UNAVAILABLE, Change, Trade, TradeState

# Marks this far apart missed something an exit may have needed, so the gap is walked by candles.
GAP_NS = 30 * NS_PER_S
# An exit first seen this long after the mark before it may have come late, and says so.
LATE_NS = 10 * NS_PER_S
REPAIR_WAIT_NS = 60 * NS_PER_S
# Candles may come before the funding rates of the same gap; they wait this long for them.
RATES_WAIT_NS = 30 * NS_PER_S


class Ledger:
    """Open trades by id, in columns by coin while nothing happens to them.

    `waiting` holds those with an order on its way, in the order they were sent. `suspended`
    holds those whose marks were interrupted, until candles have repaired the gap; `suspended_ns`
    says since when they might go on, because their coin has a live book again.
    """

    def __init__(self, coins: dict[str, Coin], model: FillModel) -> None:
        self._coins = coins
        self._model = model
        self.trades: dict[int, Trade] = {}
        self.marks: dict[str, Marks] = {name: Marks() for name in coins}
        self.waiting: dict[str, list[Trade]] = {name: [] for name in coins}
        self.suspended: dict[str, list[Trade]] = {name: [] for name in coins}
        self.suspended_ns: dict[str, int] = {}
        self.rates: dict[str, dict[int, float]] = {name: {} for name in coins}

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
                trade.gap_ns = trade.gap_ns or marked_ns
                self.suspended[trade.coin].append(trade)
            else:
                self.waiting[trade.coin].append(trade)

    def resume(self, trades: Iterable[Trade]) -> None:
        """Take up trades exactly where a written state left them, marks included."""
        for trade in trades:
            self.trades[trade.trade_id] = trade
            if trade.state != TradeState.OPEN:
                self.waiting[trade.coin].append(trade)
            elif trade.gap_ns:
                self.suspended[trade.coin].append(trade)
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
                self._suspend(name)
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
                        changes.append(self._give_up(trade, now_ns))
            if self.suspended[name]:
                changes += self._lose_patience(name, now_ns)
        return changes

    def suspend_stale(self, now_ns: int) -> None:
        """Stop trusting the marks of trades whose coin has had no book for too long."""
        for name, marks in self.marks.items():
            if marks.trades and now_ns - marks.last_ns > GAP_NS:
                self._suspend(name)

    def call_exit(self, bot: str, coin: str, side: int, reason: str, now_ns: int) -> list[Change]:
        """End everything a bot has on a coin and side, whatever its kind."""
        changes: list[Change] = []
        for trade in sorted((*self.marks[coin].trades, *self.suspended[coin]), key=_age):
            if trade.bot == bot and trade.side == side:
                changes += self._miss_hours(trade, now_ns)
                changes.append(self._decide_exit(trade, "bot", now_ns))
        for trade in self.waiting[coin]:
            if trade.bot == bot and trade.side == side and trade.state == TradeState.PENDING:
                trade.exit_reason = "bot"
        return changes

    def flatten(self, now_ns: int) -> list[Change]:
        """End all that the desk has, twins too, and call off entries that are on their way."""
        changes: list[Change] = []
        for trade in sorted(self.trades.values(), key=_age):
            if trade.kind not in (TradeKind.PAPER, TradeKind.TWIN):
                continue
            if trade.state == TradeState.PENDING:
                self.waiting[trade.coin].remove(trade)
                trade.flag(CANCELLED)
                changes.append(self._give_up(trade, now_ns))
            elif trade.state == TradeState.OPEN:
                changes += self._miss_hours(trade, now_ns)
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
                terms = self._coins[trade.coin].terms_at(hour_ms)
                rate, oracle = (terms.rate, terms.oracle_px) if terms else (None, 0.0)
                changes.append(self._fund(trade, hour_ms, rate, oracle, now_ns))
        return changes

    def on_day(self, day_ms: int, now_ns: int) -> list[Change]:
        """Give the day that just ended its part of every open trade's mark."""
        changes = []
        for trade in self.trades.values():
            if trade.gap_ns or trade.state not in (TradeState.OPEN, TradeState.EXITING):
                continue
            coin = self._coins[trade.coin]
            mark = trade.mark_e6(coin.book.mid or trade.entry_px, coin.instrument)
            changes.append(self._attribute(trade, day_ms - MS_PER_DAY, mark, now_ns))
        return changes

    def gaps(self) -> dict[str, int]:
        """Return, by coin, since when suspended trades have not been marked (nanoseconds)."""
        return {
            name: min(t.gap_ns for t in trades) for name, trades in self.suspended.items() if trades
        }

    def on_rates(self, coin: str, rates: Iterable[tuple[int, float]]) -> None:
        """Learn settled funding rates by hour, for gaps that crossed one."""
        self.rates[coin] = dict(rates)

    def repair(self, coin: Coin, candles: list[Candle], asked_ns: int) -> list[Change]:
        """Walk the minutes that a coin's trades were not marked, worst case first.

        `asked_ns` is when the candles were asked for. They must cover the gap from its
        beginning, or the worst may have gone unseen; a trade they do not cover stays suspended.
        So does one that lacks the funding rate of an hour on the way, until that was waited for.
        """
        changes: list[Change] = []
        since_ns = self.suspended_ns.setdefault(coin.name, asked_ns)
        waits = asked_ns - since_ns < RATES_WAIT_NS
        for trade in sorted(self.suspended[coin.name], key=_age):
            missed = [
                c
                for c in candles
                if (c.start_ms + 60_000) * NS_PER_MS > trade.gap_ns
                and c.start_ms * NS_PER_MS < asked_ns
            ]
            if not missed or missed[0].start_ms * NS_PER_MS > trade.gap_ns:
                continue
            end_ns = min((missed[-1].start_ms + 60_000) * NS_PER_MS, asked_ns)
            known = self.rates[coin.name].keys()
            if waits and not known >= set(self._unpaid(trade, end_ns)):
                continue
            changes += self._walk_gap(coin, trade, missed, asked_ns)
        if not self.suspended[coin.name]:
            self.suspended_ns.pop(coin.name, None)
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
                    changes.append(self._give_up(trade, now_ns))
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

    def _levels(self, book: Book, side: int) -> list[Level]:
        return book.asks() if side == BUY else book.bids()

    def _enter(self, coin: Coin, trade: Trade, now_ns: int) -> list[Change]:
        fill = walk(
            self._levels(coin.book, trade.side),
            trade.lots,
            coin.instrument,
            fee_rate_e8=self._model.taker_e8,
            skip_lots=trade.skip_lots,
        )
        if not fill.lots:
            return [self._give_up(trade, now_ns)]
        mid = coin.book.mid
        trade.state = TradeState.OPEN
        trade.filled_lots = fill.lots
        trade.entry_notional_e6 = fill.notional_e6
        trade.entry_px = fill.px
        trade.fees_e6 = fill.fee_e6
        trade.opened_ns = now_ns
        trade.hi = trade.lo = mid
        distance = abs(trade.decision_mid - trade.plan.stop_px)
        trade.risk_e6 = notional_e6(distance, fill.lots, coin.instrument.sz_decimals)
        if fill.lots < trade.lots:
            trade.flag("partial")
        self._watch(trade)
        changes = [Change(trade, "filled", now_ns, fill)]
        if trade.side * (mid - trade.stop_px) <= 0.0:
            trade.flag("through_stop")
            changes.append(self._decide_exit(trade, "stop", now_ns))
        elif trade.exit_reason:
            changes.append(self._decide_exit(trade, trade.exit_reason, now_ns))
        return changes

    def _watch(self, trade: Trade) -> None:
        size = self._coins[trade.coin].instrument.size(trade.open_lots)
        self.marks[trade.coin].add(trade, size)

    def _unwatch(self, trade: Trade) -> None:
        if trade in self.suspended[trade.coin]:
            self.suspended[trade.coin].remove(trade)
            trade.gap_ns = 0
            trade.flag("gap")
        else:
            size = self._coins[trade.coin].instrument.size(trade.open_lots)
            self.marks[trade.coin].remove(trade, size)

    def _exit_reached(self, coin: Coin, now_ns: int, *, late: bool) -> list[Change]:
        changes = []
        for trade, reason in self.marks[coin.instrument.coin].reached(coin.book.mid):
            if late:
                trade.flag("gap")
            changes.append(self._decide_exit(trade, reason, now_ns))
        return changes

    def _decide_exit(self, trade: Trade, reason: str, now_ns: int) -> Change:
        self._unwatch(trade)
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
        fill = walk(
            self._levels(book, -trade.side),
            trade.open_lots,
            coin.instrument,
            fee_rate_e8=self._model.taker_e8,
            skip_lots=trade.skip_lots,
        )
        if not fill.lots:
            return []
        return self._sell(trade, fill, now_ns)

    def _sell(self, trade: Trade, fill: Fill, now_ns: int) -> list[Change]:
        trade.exit_lots += fill.lots
        trade.exit_notional_e6 += fill.notional_e6
        trade.fees_e6 += fill.fee_e6
        changes = [Change(trade, "sold", now_ns, fill)]
        if not trade.open_lots:
            size = self._coins[trade.coin].instrument.size(trade.filled_lots)
            trade.exit_px = trade.exit_notional_e6 / 1e6 / size
            day_ms = now_ns // NS_PER_MS // MS_PER_DAY * MS_PER_DAY
            changes.append(self._attribute(trade, day_ms, trade.net_e6, now_ns))
            self._end(trade, now_ns)
            changes.append(Change(trade, "closed", now_ns))
        return changes

    def _give_up(self, trade: Trade, now_ns: int) -> Change:
        trade.exit_reason = UNAVAILABLE
        self._end(trade, now_ns)
        return Change(trade, "closed", now_ns)

    def _end(self, trade: Trade, now_ns: int) -> None:
        trade.state = TradeState.CLOSED
        trade.closed_ns = now_ns
        del self.trades[trade.trade_id]

    def _attribute(self, trade: Trade, day_ms: int, so_far_e6: int, now_ns: int) -> Change:
        part = so_far_e6 - trade.attributed_e6
        trade.attributed_e6 = so_far_e6
        return Change(trade, "day", now_ns, day_ms=day_ms, amount_e6=part)

    def _unpaid(self, trade: Trade, until_ns: int) -> list[int]:
        """Return the hours of a trade's gap, up to a time, that it was not charged for yet."""
        hours = hours_between(trade.gap_ns, until_ns)
        return [hour_ms for hour_ms in hours if hour_ms > trade.funded_ms]

    def _miss_hours(self, trade: Trade, now_ns: int) -> list[Change]:
        """Put on record that a suspended trade goes on without the funding of its gap."""
        if not trade.gap_ns:
            return []
        hours = self._unpaid(trade, now_ns)
        return [self._fund(trade, hour_ms, None, 0.0, now_ns) for hour_ms in hours]

    def _fund(
        self, trade: Trade, hour_ms: int, rate: float | None, oracle: float, now_ns: int
    ) -> Change:
        trade.funded_ms = hour_ms
        if rate is None:
            trade.flag("no_funding")
            return Change(trade, "funded", now_ns)
        decimals = self._coins[trade.coin].instrument.sz_decimals
        paid = funding_e6(trade.side, oracle, trade.open_lots, decimals, rate)
        trade.funding_e6 += paid
        return Change(trade, "funded", now_ns, amount_e6=paid)

    # Gaps.

    def _suspend(self, name: str) -> None:
        marks = self.marks[name]
        for trade in sorted(marks.trades, key=_age):
            self._unwatch(trade)
            trade.gap_ns = marks.last_ns
            self.suspended[name].append(trade)

    def _lose_patience(self, name: str, now_ns: int) -> list[Change]:
        """Go on without repair when no candles came: the hours missed then lack funding."""
        changes: list[Change] = []
        if not _is_back(self._coins[name], now_ns):
            self.suspended_ns.pop(name, None)
            return changes
        if now_ns - self.suspended_ns.setdefault(name, now_ns) <= REPAIR_WAIT_NS:
            return changes
        for trade in sorted(self.suspended[name], key=_age):
            changes += self._miss_hours(trade, now_ns)
            self._take_up(trade, "gap")
        del self.suspended_ns[name]
        return changes

    def _take_up(self, trade: Trade, flag: str) -> None:
        """Mark a suspended trade again."""
        self.suspended[trade.coin].remove(trade)
        trade.gap_ns = 0
        trade.flag(flag)
        self._watch(trade)

    def _walk_gap(
        self, coin: Coin, trade: Trade, candles: list[Candle], asked_ns: int
    ) -> list[Change]:
        changes: list[Change] = []
        trade.flag("repaired")
        for candle in candles:
            start_ns = candle.start_ms * NS_PER_MS
            end_ns = min(start_ns + NS_PER_MINUTE, asked_ns)
            px, reason = worst_exit(trade, candle, end_ns)
            trade.see(candle.high)
            trade.see(candle.low)
            if reason:
                self.suspended[trade.coin].remove(trade)
                trade.gap_ns = 0
                trade.exit_reason = reason
                # Within the minute, so that a day which ends with it still gets the exit.
                at_ns = min(start_ns + NS_PER_MINUTE - 1, asked_ns)
                fill = fill_at(px, trade.open_lots, coin.instrument, self._model)
                return changes + self._sell(trade, fill, at_ns)
            for hour_ms in self._unpaid(trade, end_ns):
                rate = self.rates[trade.coin].get(hour_ms)
                changes.append(self._fund(trade, hour_ms, rate, candle.close, end_ns))
            if end_ns % NS_PER_DAY == 0:
                mark = trade.mark_e6(candle.close, coin.instrument)
                ended_ms = end_ns // NS_PER_MS - MS_PER_DAY
                changes.append(self._attribute(trade, ended_ms, mark, end_ns))
            trail_stop(trade)
            trade.gap_ns = max(trade.gap_ns, end_ns)
        # An hour that ended since the candles were asked for is theirs to charge next time.
        if _is_back(coin, asked_ns) and trade.owed_ms * NS_PER_MS <= trade.gap_ns:
            self._take_up(trade, "repaired")
        return changes


def _is_back(coin: Coin, now_ns: int) -> bool:
    """Say whether a coin's book can mark trades again: whole, and not itself long silent."""
    return coin.book.ok and now_ns - coin.book.recv_ns <= GAP_NS


def _age(trade: Trade) -> int:
    return trade.trade_id


def _sent(trade: Trade) -> tuple[int, int]:
    return trade.exit_due_ns or trade.due_ns, trade.trade_id
