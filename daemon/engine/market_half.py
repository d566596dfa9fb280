"""Market half of the engine: coins, bots, votes and lenses; an event becomes actions.

It never looks at a desk, and no bot does, so one pass over the market can serve any number of
desks. What bots say goes to the listener, within the call that took the event.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

import msgspec

from daemon.engine.dispatch import Hook, Subscribers, idle_bots
from daemon.engine.heard import Heard, Listener
from daemon.engine.lens_schedule import LensRule, LensSchedule
from daemon.engine.outcome import Outbox
from daemon.engine.trials import Arm, Bench
from daemon.engine.vetting import vet_action
from daemon.engine.weighing import Weighing
from divisions import vote as voting
from divisions.lane import Lane
from divisions.weights import START
from market import plausibility
from market.coin import Coin
from market.decision import ExitCall, Signal, Vote
from market.events import (
    NS_PER_MINUTE,
    NS_PER_MS,
    BboUpdate,
    BookUpdate,
    ContextUpdate,
    Level,
    Print,
    TradesUpdate,
)
from market.plausibility import PriceRule
from market.venue_clock import OFFSET_NS_MAX, VenueClock
from market.view import View

# A coin whose prices come and go need not be told more often.
ALARM_EVERY_NS = NS_PER_MINUTE


class MarketHalf:
    """Coins by name, lanes by bot, opinions, and the dispatch table.

    `watched` names the coins whose lenses are ranked every minute, whatever the rotation says.
    """

    def __init__(
        self,
        coins: dict[str, Coin],
        lanes: list[Lane],
        weighing: Weighing,
        out: Outbox,
        listener: Listener,
        *,
        lens_rule: LensRule,
        price_rule: PriceRule,
        watched: Callable[[], Container[str]],
    ) -> None:
        self.coins = coins
        self.lanes = {lane.name: lane for lane in lanes}
        self.opinions: voting.Opinions = {}
        self.view = View(self.coins)
        self.clock = VenueClock()
        self.bench = Bench(self.lanes, out)
        self.lenses = LensSchedule(self.coins, out, lens_rule, watched)
        self._weighing = weighing
        self._out = out
        self._rule = price_rule
        self.listener = listener
        self.resubscribe()

    def resubscribe(self) -> None:
        """Make anew who hears what, after a lane failed, was re-armed, or came or went."""
        self._subscribers = Subscribers([*self.lanes.values(), *self.bench.arms], self.coins)

    def on_book(self, event: BookUpdate) -> Coin | None:
        """Take a book; return its coin when there is a new valid one, after the bots spoke."""
        coin = self.coins.get(event.coin)
        if coin is None or coin.closed:
            return None
        if not self.clock.hear("book", event.time_ms, event.recv_ns):
            return None
        streams = coin.streams
        (streams.fast if event.fast else streams.slow).observe(event.recv_ns)
        bids, asks = event.bids, event.asks
        if not self._believes(coin, bids[0] if bids else None, asks[0] if asks else None, event):
            return None
        return self._merged(coin, event) if coin.book.apply_book(event) else None

    def on_bbo(self, event: BboUpdate) -> Coin | None:
        """Take best prices; return their coin when there is a new valid book."""
        coin = self.coins.get(event.coin)
        if coin is None or coin.closed:
            return None
        if not self.clock.hear("bbo", event.time_ms, event.recv_ns):
            return None
        coin.streams.bbo.observe(event.recv_ns)
        if not self._believes(coin, event.bid, event.ask, event):
            return None
        return self._merged(coin, event) if coin.book.apply_bbo(event) else None

    def _believes(
        self, coin: Coin, bid: Level | None, ask: Level | None, event: BookUpdate | BboUpdate
    ) -> bool:
        """Say whether a quote may enter the book; while it may not, there is no book."""
        prices = coin.prices
        doubted = prices.since_ns
        now_ns = event.recv_ns
        if plausibility.believes_quote(coin, bid, ask, event.time_ms, now_ns, self._rule):
            if prices.held:
                # A fall that turned out to be real belongs in the bars.
                self._count(coin, plausibility.released_prints(coin, now_ns, self._rule))
            return True
        if prices.since_ns:
            coin.book.ok = False
        if prices.since_ns and not doubted:
            self.listener.doubted(coin)
            self._alarm(coin, "quotes", prices.bid, prices.ask)
        return False

    def _alarm(self, coin: Coin, what: str, *found: float) -> None:
        prices, now_ns = coin.prices, self._out.now_ns
        if prices.alarmed_ns and now_ns - prices.alarmed_ns < ALARM_EVERY_NS:
            return
        prices.alarmed_ns = now_ns
        book, context = coin.book, coin.context
        vouched = f"mark {context.mark_px:g}, oracle {context.oracle_px:g}"
        self._out.alarm(
            "suspect_price",
            f"{coin.name}: {what} at {' and '.join(f'{px:g}' for px in found)} are not believed; "
            f"so far bid {book.bid:g}, ask {book.ask:g}, "
            f"{vouched if context.mark_px else 'no mark or oracle'}",
        )

    def _merged(self, coin: Coin, event: BookUpdate | BboUpdate) -> Coin | None:
        book = coin.book
        if book.time_ms == event.time_ms:
            coin.offset_ns = self.clock.offset_ns
            coin.venue_lag_ms = lag_ms = self.clock.lag_ms(event.time_ms, event.recv_ns)
            if lag_ms * NS_PER_MS <= OFFSET_NS_MAX:
                coin.late_ns = 0
            elif not coin.late_ns:
                coin.late_ns = event.recv_ns
        if not book.ok:
            return None
        self._tell(self._subscribers.book[coin.instrument.coin], coin)
        return coin

    def on_trades(self, event: TradesUpdate) -> None:
        """Take public trades."""
        coin = self.coins.get(event.coin)
        if coin is None or coin.closed:
            return
        if not self._take_times(event):
            return
        coin.streams.trades.observe(event.recv_ns)
        prints = plausibility.believed_prints(coin, event.prints, event.recv_ns, self._rule)
        if prints is not event.prints:
            if not prints:
                return
            event = msgspec.structs.replace(event, prints=prints)
        self._count(coin, prints)
        self._tell_of(event, self._subscribers.trades[event.coin], coin)

    def _count(self, coin: Coin, prints: list[Print]) -> None:
        """Let prints enter bars and the pace of arrivals."""
        bars = coin.bars
        for trade in prints:
            bars.on_print(trade)
        self.lenses.on_prints(coin, prints)

    def on_context(self, event: ContextUpdate) -> None:
        """Take mark, oracle, funding and open interest."""
        coin = self.coins.get(event.coin)
        if coin is None or coin.closed:
            return
        coin.streams.context.observe(event.recv_ns)
        coin.offset_ns = self.clock.offset_ns
        if not plausibility.believes_context(coin, event, self._rule):
            self._alarm(coin, "mark and oracle", event.mark_px, event.oracle_px)
            return
        coin.on_context(event)
        self._tell(self._subscribers.context[event.coin], coin)

    def learn_books(self) -> None:
        """Let every coin learn what its book usually costs; called once a second."""
        now_ns = self._out.now_ns
        for coin in self.coins.values():
            if coin.book.ok:
                coin.usual.see(coin.book, now_ns)

    def _take_times(self, event: TradesUpdate) -> bool:
        """Leave prints from the future out of an event; say False when that leaves none."""
        hear, now_ns = self.clock.hear, event.recv_ns
        kept = [p for p in event.prints if hear("trade", p.time_ms, now_ns, current=False)]
        if len(kept) == len(event.prints):
            return True
        event.prints = kept
        return bool(kept)

    def close_bars(self, until_ms: int) -> None:
        """Close what is due on every coin first, so that bots compare like with like."""
        coins = [coin for coin in self.coins.values() if not coin.closed]
        closed = [(coin, coin.close_until(until_ms)) for coin in coins]
        for coin, timeframes in closed:
            for timeframe in timeframes:
                hooks = self._subscribers.bars.get((coin.name, timeframe), ())
                self._tell_of(timeframe, hooks, coin)
        minutes = [coin for coin, timeframes in closed if "1m" in timeframes]
        self._check_memories()
        self.lenses.on_minute(minutes, until_ms)

    def close(self, coin: Coin, who: str, why: str) -> None:
        """Let nobody hear of a coin any more; what bots said of it counts no longer."""
        coin.closed[who] = why
        self._out.touch("closed")
        self._out.outcome.closed.append(coin.name)
        self.opinions.pop(coin.name, None)
        self._distrust(coin)

    def _check_memories(self) -> None:
        """Take bots out of service whose memory holds a number that is not finite."""
        for lane in (*self.lanes.values(), *self.bench.arms):
            coin = "" if lane.fault else lane.check()
            if coin:
                error = ArithmeticError("its memory holds a number that is not finite")
                self._fault(lane, self.coins[coin], error)

    def interrupt(self, coins: Iterable[Coin]) -> None:
        """Note that the feed of some coins is down: none of their books is valid, no bar whole."""
        self.clock.interrupt()
        for coin in coins:
            self._distrust(coin)

    def _distrust(self, coin: Coin) -> None:
        self.lenses.interrupt(coin)
        coin.book.invalidate()
        coin.prices.forget()
        coin.bars.interrupt()
        for name in ("slow", "fast", "bbo", "trades", "context"):
            getattr(coin.streams, name).interrupt()

    def _tell(self, hooks: tuple[Hook, ...], coin: Coin) -> None:
        """Let bots react; one that raises is faulted alone."""
        view = self.view
        for hook, memory, lane in hooks:
            try:
                action = hook(memory, coin, view)
            except Exception as error:
                self._fault(lane, coin, error)
            else:
                if action is not None:
                    self._act(lane, coin, action)

    # The same once more: one loop that passes on *arguments makes each call twice as dear.
    def _tell_of(self, what: TradesUpdate | str, hooks: tuple[Hook, ...], coin: Coin) -> None:
        """Let bots react to trades, or to the close of a bar of a timeframe."""
        view = self.view
        for hook, memory, lane in hooks:
            try:
                action = hook(memory, coin, view, what)
            except Exception as error:
                self._fault(lane, coin, error)
            else:
                if action is not None:
                    self._act(lane, coin, action)

    def _act(self, lane: Lane, coin: Coin, action: Signal | ExitCall) -> None:
        try:
            vet_action(action, coin)
        except Exception as error:
            self._fault(lane, coin, error)
            return
        # What fails from here on is no bot's fault, and nobody may carry on as if it were.
        if isinstance(action, ExitCall):
            voting.withdraw(self.opinions, lane.name, action.coin, action.side)
            self.listener.exit_called(lane.name, action)
        elif isinstance(lane, Arm):
            heard = Heard(lane, coin, action, (START, START), self.vote)
            self.listener.try_out(heard, lane.trial_id)
        else:
            voting.hold(self.opinions, lane.name, action, self._out.now_ns)
            weights = self._weighing.weights.of(lane.division, lane.name)
            self.listener.hear(Heard(lane, coin, action, weights, self.vote))

    def vote(self, coin: Coin) -> Vote:
        """Return the divisions' vote on a coin as it stands."""
        weights = self._weighing.weights
        return voting.cast(
            self.opinions.get(coin.name, {}),
            mid=coin.book.mid,
            now_ns=self._out.now_ns,
            divisions=weights.divisions,
            bots=weights.bots,
            homes=weights.homes,
            totals=self._weighing.totals(),
        )

    def heard_bots(self) -> list[tuple[str, str]]:
        """Return (bot, division) of the admitted bots: one in the shadow has no weight."""
        lanes = self.lanes.values()
        return [(lane.name, lane.division) for lane in lanes if lane.stage == "admit"]

    def idle_bots(self) -> list[str]:
        """Return the bots that have heard none of the data they listen to."""
        return idle_bots(self.lanes.values(), self.coins.values())

    def rearm(self, bot: str) -> str:
        """Put a bot back into service; return the fault it had, in words."""
        lane = self.lanes[bot]
        fault = lane.fault
        lane.rearm()
        self.resubscribe()
        self._out.touch(f"lane/{bot}")
        return fault

    def _fault(self, lane: Lane, coin: Coin, error: Exception) -> None:
        """Take one bot out of service; the others go on."""
        lane.fail(error)
        if isinstance(lane, Arm):
            self.bench.fail(lane)
        else:
            self._out.touch(f"lane/{lane.name}")
        self.resubscribe()
        self._out.alarm("bot_fault", f"{lane.name} on {coin.name}: {lane.fault}")
