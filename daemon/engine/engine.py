"""The reducer: one event in, one outcome out, nothing else.

`step` runs to its end in one call stack. It reads no clock (time is the event's receive time),
does no I/O, draws no randomness; given the same state and events it returns the same outcomes on
any machine of the same arithmetic. What it may be asked of the world (history) leaves as
requests and comes back as events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.engine import commands
from daemon.engine.admission import Admission, Identity, vet_action
from daemon.engine.dispatch import Subscribers, idle_bots
from daemon.engine.lens_schedule import LensRule, Observation
from daemon.engine.outcome import Outbox, Outcome, Vitals
from daemon.engine.settlement import Settlement
from daemon.engine.trials import Arm, Bench, Trials
from daemon.engine.weighing import Returns, Weighing, Weights
from divisions import vote as voting
from divisions.lane import Lane
from market.coin import Coin
from market.decision import ExitCall, Request, Signal, TradeKind
from market.desk import Desk, View
from market.events import (
    MS_PER_DAY,
    MS_PER_HOUR,
    NS_PER_HOUR,
    NS_PER_MS,
    NS_PER_S,
    TIMEFRAME_MS,
    TIMEFRAMES,
    BboUpdate,
    BookUpdate,
    Candles,
    Command,
    ContextUpdate,
    Event,
    FeedDown,
    FeedUp,
    FundingHistory,
    LensUpdate,
    Notice,
    Timer,
    TradesUpdate,
)
from market.fills import FillModel
from market.instrument import Instrument
from risk.gate import Gate
from shadow.ledger.episodes import KeyState
from shadow.ledger.ledger import Ledger
from shadow.store.tables.desk import EquityRow

# Prints come up to half a second after their venue time; a bar waits for them before it closes.
BAR_GRACE_MS = 500
MINUTE_ROWS = 640
WARM_UP_ROWS = 130
ASK_AGAIN_NS = 20 * NS_PER_S
# Ends of a connection that nobody needs to be woken for.
EXPECTED_DOWN = ("stopped", "planned")


class Engine:
    """Coins, desk, gate, lanes and ledger, moved by events."""

    def __init__(
        self,
        *,
        instruments: Mapping[str, Instrument],
        lanes: list[Lane],
        gate: Gate,
        model: FillModel,
        identity: Identity,
        start_e6: int,
        seed: int,
        vol_target: float,
        shadow: bool,
        lens_rule: LensRule = LensRule(),  # noqa: B008 - frozen
    ) -> None:
        self.coins = {name: Coin(i) for name, i in instruments.items()}
        self.desk = Desk.opened_with(start_e6, seed)
        self.lanes = {lane.name: lane for lane in lanes}
        self.gate = gate
        self.keys: dict[str, KeyState] = {}
        self.weights = Weights()
        self.fresh: Returns = {}
        self.opinions: voting.Opinions = {}
        self.trials = Trials()
        self.view = View(self.desk, self.coins)
        self.ledger = Ledger(self.coins, model)
        self.out = Outbox()
        self._model = model
        self.identity = identity
        self._vol_target = vol_target
        self.shadow = shadow
        self._lens_rule = lens_rule
        self._asked: dict[str, int] = {}
        self.assemble()

    def assemble(self) -> None:
        """Wire the parts around the current state."""
        self.view.desk = self.desk
        self.weighing = Weighing(self.weights, self.fresh, self.out, shadow=self.shadow)
        self.bench = Bench(self.trials, self.lanes, self.out)
        self.observation = Observation(self.coins, self.out, self._lens_rule, self._watched)
        self.settlement = Settlement(
            self.desk, self.ledger, self.keys, self.weighing, self.out, shadow=self.shadow
        )
        self.admission = Admission(
            self.view,
            self.gate,
            self.ledger,
            self.settlement,
            self.keys,
            self.weights,
            self.opinions,
            self.out,
            model=self._model,
            vol_target=self._vol_target,
            identity=self.identity,
            shadow=self.shadow,
        )
        self.resubscribe()
        self._handlers: dict[type, Callable[[Any], None]] = {
            BookUpdate: self._on_book,
            BboUpdate: self._on_bbo,
            TradesUpdate: self._on_trades,
            ContextUpdate: self._on_context,
            Timer: self._on_timer,
            Candles: self._on_candles,
            FundingHistory: self._on_funding,
            Command: self._on_command,
            FeedDown: self._on_down,
            FeedUp: self._on_up,
            Notice: self._on_notice,
            LensUpdate: self.observation.on_update,
        }

    def resubscribe(self) -> None:
        """Make anew who hears what, after a lane failed, was re-armed, or came or went."""
        self._subscribers = Subscribers([*self.lanes.values(), *self.bench.arms], self.coins)

    def drop_keys(self) -> None:
        """Forget the episodes of arms whose trial is over."""
        hearing = {arm.name for arm in self.bench.arms}
        for name in list(self.keys):
            bot = name.partition("|")[0]
            if "#" in bot and bot not in hearing:
                del self.keys[name]
                self.out.touch(f"key/{name}")

    def step(self, event: Event) -> Outcome:
        """Take one event and return what it led to."""
        now_ns = event.recv_ns
        vitals = self.out.vitals
        vitals.seq += 1
        vitals.now_ns = now_ns
        self.view.now_ns = now_ns
        if now_ns >= vitals.next_hour_ns:
            self._roll(now_ns)
            lanes = self.lanes.values()
            # A bot in the shadow has no weight and no voice until it is admitted.
            heard = ((lane.name, lane.division) for lane in lanes if lane.stage == "admit")
            self.weighing.enrol(heard, now_ns // NS_PER_MS)
        self._handlers[type(event)](event)
        return self.out.take()

    @property
    def vitals(self) -> Vitals:
        """Return where the engine stands."""
        return self.out.vitals

    @property
    def digest(self) -> str:
        """Return the running digest of all outcomes so far, as hex."""
        return self.out.vitals.digest.hex()

    # Market data.

    def _on_book(self, event: BookUpdate) -> None:
        coin = self.coins.get(event.coin)
        if coin is None:
            return
        streams = coin.streams
        (streams.fast if event.fast else streams.slow).observe(event.recv_ns)
        book = coin.book
        if book.apply_book(event):
            if book.time_ms == event.time_ms:
                coin.venue_lag_ms = event.recv_ns / NS_PER_MS - event.time_ms
            if book.ok:
                self._book_changed(coin)

    def _on_bbo(self, event: BboUpdate) -> None:
        coin = self.coins.get(event.coin)
        if coin is None:
            return
        coin.streams.bbo.observe(event.recv_ns)
        book = coin.book
        if book.apply_bbo(event):
            if book.time_ms == event.time_ms:
                coin.venue_lag_ms = event.recv_ns / NS_PER_MS - event.time_ms
            if book.ok:
                self._book_changed(coin)

    def _book_changed(self, coin: Coin) -> None:
        view = self.view
        for hook, memory, lane in self._subscribers.book[coin.instrument.coin]:
            try:
                action = hook(memory, coin, view)
            except Exception as error:
                self._fault(lane, coin, error)
            else:
                if action is not None:
                    self._act(lane, coin, action)
        changes = self.ledger.on_book(coin, self.out.now_ns)
        if changes:
            self.settlement.apply(changes)

    def _on_trades(self, event: TradesUpdate) -> None:
        coin = self.coins.get(event.coin)
        if coin is None:
            return
        coin.streams.trades.observe(event.recv_ns)
        bars = coin.bars
        for trade in event.prints:
            bars.on_print(trade)
        self.observation.on_prints(coin, event.prints)
        view = self.view
        for hook, memory, lane in self._subscribers.trades[event.coin]:
            try:
                action = hook(memory, coin, view, event)
            except Exception as error:
                self._fault(lane, coin, error)
            else:
                if action is not None:
                    self._act(lane, coin, action)

    def _on_context(self, event: ContextUpdate) -> None:
        coin = self.coins.get(event.coin)
        if coin is None:
            return
        coin.streams.context.observe(event.recv_ns)
        coin.on_context(event)
        view = self.view
        for hook, memory, lane in self._subscribers.context[event.coin]:
            try:
                action = hook(memory, coin, view)
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
            changes = self.ledger.call_exit(
                lane.name, action.coin, action.side, action.reason, self.out.now_ns
            )
            self.settlement.apply(changes)
        elif isinstance(lane, Arm):
            self.admission.try_out(lane, coin, action)
        else:
            self.admission.hear(lane, coin, action)

    def _fault(self, lane: Lane, coin: Coin, error: Exception) -> None:
        """Take one bot out of service; the others go on."""
        lane.fail(error)
        if isinstance(lane, Arm):
            self.bench.fail(lane)
        else:
            self.out.touch(f"lane/{lane.name}")
        self.resubscribe()
        self.out.alarm("bot_fault", f"{lane.name} on {coin.name}: {lane.fault}")

    # Time.

    def _on_timer(self, event: Timer) -> None:
        now_ns = event.recv_ns
        now_ms = now_ns // NS_PER_MS
        if now_ms >= self.vitals.next_close_ms:
            minute = 60_000
            self.vitals.next_close_ms = (now_ms - BAR_GRACE_MS) // minute * minute
            self.vitals.next_close_ms += minute + BAR_GRACE_MS
            self._close_bars(now_ms - BAR_GRACE_MS)
            self._on_minute()
        self.observation.on_second(now_ms)
        self.settlement.apply(self.ledger.on_second(now_ns))
        self.settlement.value_open()
        if not self.desk.latched:
            reason = self.gate.breach(self.view)
            if reason:
                self.desk.latched = reason
                self.out.touch("desk")
                self.out.alarm("drawdown", f"entries latched: {reason}")
        self._ask_for_gaps(now_ns)

    def _close_bars(self, until_ms: int) -> None:
        """Close what is due on every coin first, so that bots compare like with like."""
        closed = [(coin, coin.close_until(until_ms)) for coin in self.coins.values()]
        for coin, timeframes in closed:
            for timeframe in timeframes:
                self._bar_closed(coin, timeframe)
        minutes = [coin for coin, timeframes in closed if "1m" in timeframes]
        self.observation.on_minute(minutes, until_ms)

    def _watched(self) -> set[str]:
        """Return the coins with a position or an open episode, whether shadowed or not."""
        kinds = (TradeKind.PAPER, TradeKind.PHANTOM)
        return {t.coin for t in self.ledger.trades.values() if t.kind in kinds}

    def _bar_closed(self, coin: Coin, timeframe: str) -> None:
        for hook, memory, lane in self._subscribers.bars.get((coin.name, timeframe), ()):
            try:
                action = hook(memory, coin, self.view, timeframe)
            except Exception as error:
                self._fault(lane, coin, error)
            else:
                if action is not None:
                    self._act(lane, coin, action)

    def _on_minute(self) -> None:
        self.settlement.value_open()
        self.settlement.flush_repeats()
        desk, ledger = self.desk, self.ledger
        phantoms = len(ledger.trades) - len(self.settlement.real)
        self.out.rows.equity.append(
            EquityRow(
                self.out.now_ns,
                desk.equity_e6,
                desk.cash_e6,
                desk.open_e6,
                desk.gross_e6,
                desk.net_e6,
                len(self.settlement.real),
                phantoms if self.shadow else 0,
            )
        )
        for marks in ledger.marks.values():
            marks.write_back()
        for trade in ledger.trades.values():
            book = self.coins[trade.coin].book
            if trade.opened_ns and book.ok:
                trade.mark_px = book.mid
            if self.settlement.recorded(trade):
                self.out.touch(f"trade/{trade.trade_id}")

    def _roll(self, now_ns: int) -> None:
        """Settle every hour that ended since the last event, and the days among them."""
        vitals = self.vitals
        now_ms = now_ns // NS_PER_MS
        self.ledger.suspend_stale(now_ns)
        if not vitals.next_hour_ns:
            self.desk.day_ms = self.desk.day_ms or now_ms // MS_PER_DAY * MS_PER_DAY
            vitals.next_hour_ns = now_ns // NS_PER_HOUR * NS_PER_HOUR + NS_PER_HOUR
            if self.desk.day_ms == now_ms // MS_PER_DAY * MS_PER_DAY:
                return
        while vitals.next_hour_ns <= now_ns:
            hour_ms = vitals.next_hour_ns // NS_PER_MS
            self.settlement.apply(self.ledger.on_hour(hour_ms, now_ns))
            if hour_ms % MS_PER_DAY == 0:
                self.settlement.apply(self.ledger.on_day(hour_ms, now_ns))
                self.weighing.step(hour_ms)
            vitals.next_hour_ns += MS_PER_HOUR * NS_PER_MS
        day_ms = now_ms // MS_PER_DAY * MS_PER_DAY
        if day_ms != self.desk.day_ms:
            self.settlement.value_open()
            self.desk.day_ms = day_ms
            self.desk.day_start_e6 = self.desk.equity_e6
            self.out.touch("desk")

    # History.

    def _on_up(self, event: FeedUp) -> None:
        """Ask for the history that bars lack: all of it at first, later what an outage took."""
        self.vitals.feed_up = True
        for coin in self.coins.values():
            self._ask_candles(coin, "1m", MINUTE_ROWS)
        for timeframe in TIMEFRAMES[1:]:
            for coin in self.coins.values():
                if not len(coin.bars.series[timeframe]):
                    self._ask_candles(coin, timeframe, WARM_UP_ROWS)

    def _ask_candles(self, coin: Coin, timeframe: str, rows: int) -> None:
        to_ms = self.out.now_ns // NS_PER_MS
        from_ms = to_ms - rows * TIMEFRAME_MS[timeframe]
        request = Request("candles", coin.name, timeframe, from_ms, to_ms)
        self.out.outcome.requests.append(request)

    def _ask_for_gaps(self, now_ns: int) -> None:
        for name, since_ns in self.ledger.gaps.since().items():
            if now_ns - self._asked.get(name, 0) < ASK_AGAIN_NS:
                continue
            self._asked[name] = now_ns
            from_ms = since_ns // NS_PER_MS // 60_000 * 60_000
            to_ms = now_ns // NS_PER_MS
            requests = self.out.outcome.requests
            if from_ms // MS_PER_HOUR != to_ms // MS_PER_HOUR:
                requests.append(Request("funding", name, "", from_ms, to_ms))
            requests.append(Request("candles", name, "1m", from_ms, to_ms))

    def _on_candles(self, event: Candles) -> None:
        coin = self.coins.get(event.coin)
        if coin is None:
            return
        coin.bars.on_candles(event.timeframe, event.rows, event.asked_ns // NS_PER_MS)
        if event.timeframe == "1m":
            coin.recompute_variance()
            self.observation.on_history(coin)
            self.settlement.apply(self.ledger.repair(coin, event.rows, event.asked_ns))
            for timeframe in coin.bars.unfolded():
                if len(coin.bars.series[timeframe]):
                    self._ask_candles(coin, timeframe, WARM_UP_ROWS)

    def _on_funding(self, event: FundingHistory) -> None:
        if event.coin in self.coins:
            self.ledger.on_rates(event.coin, event.rates)

    # Connectivity, commands, notices.

    def _on_down(self, event: FeedDown) -> None:
        if self.vitals.feed_up and event.reason not in EXPECTED_DOWN:
            self.out.alarm("feed_down", event.reason)
        self.vitals.feed_up = False
        self.observation.interrupt()
        for coin in self.coins.values():
            coin.book.invalidate()
            coin.bars.interrupt()
            for name in ("slow", "fast", "bbo", "trades", "context"):
                getattr(coin.streams, name).interrupt()

    def _on_notice(self, event: Notice) -> None:
        self.out.alarm(event.kind, event.message)

    def _on_command(self, event: Command) -> None:
        self.out.outcome.reply = commands.obey(self, event, self.out)

    def idle_bots(self) -> list[str]:
        """Return the bots that have heard none of the data they listen to."""
        return idle_bots(self.lanes.values(), self.coins.values())
