"""Bots on a market without gate, sizing or trades: the engine up to a signal.

A bot that raises, or gives a signal that no gate could judge, is taken out with its reason in
`faults`, so that one broken bot fails its own tests and nobody else's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from divisions.lane import Lane, LaneState, vet
from market.coin import Coin
from market.decision import ExitCall, Signal
from market.events import (
    NS_PER_MS,
    BboUpdate,
    BookUpdate,
    Candles,
    ContextUpdate,
    Event,
    FeedDown,
    Timer,
    TradesUpdate,
)
from market.instrument import Instrument
from market.view import View

BAR_GRACE_MS = 500
STREAMS = ("slow", "fast", "bbo", "trades", "context")

Hook = Callable[..., Signal | ExitCall | None]
# Called instead of a hook with the lane, the hook and its arguments; returns what the hook said.
Inspect = Callable[[Lane, Hook, tuple[Any, ...]], Signal | ExitCall | None]


class Heard(NamedTuple):
    """One action: when, on which coin, what, and what the bot had been shown of the coin.

    `call` is the number of the lane's call that led to it; `samples` counts its tick calls on
    the coin, `bars` its closed bars by timeframe.
    """

    now_ns: int
    coin: str
    action: Signal | ExitCall
    call: int
    mid: float
    samples: int
    bars: dict[str, int]


class Stage:
    """Coins, a view, and lanes under test."""

    def __init__(
        self,
        lanes: Iterable[Lane],
        instruments: Mapping[str, Instrument],
        inspect: Inspect | None = None,
    ) -> None:
        self.coins = {name: Coin(instrument) for name, instrument in instruments.items()}
        self.view = View(self.coins)
        self.lanes = list(lanes)
        self.heard: list[list[Heard]] = [[] for _ in self.lanes]
        self.faults: dict[int, str] = {}
        self.calls = [0] * len(self.lanes)
        self.samples: Counter[tuple[int, str]] = Counter()
        self._inspect = inspect
        self._next_close_ms = 0
        self._heard_by: dict[tuple[str, str], list[tuple[int, Lane, Hook]]] = {}

    def play(self, events: Iterable[Event]) -> Stage:
        for event in events:
            self.step(event)
        return self

    def step(self, event: Event) -> None:
        self.view.now_ns = event.recv_ns
        if isinstance(event, Timer):
            self._on_timer(event)
        elif isinstance(event, FeedDown):
            for coin in self.coins.values():
                coin.book.invalidate()
                coin.bars.interrupt()
                for name in STREAMS:
                    getattr(coin.streams, name).interrupt()
        elif isinstance(event, BookUpdate | BboUpdate | TradesUpdate | ContextUpdate | Candles):
            self._on_market(self.coins[event.coin], event)

    def _on_market(
        self,
        coin: Coin,
        event: BookUpdate | BboUpdate | TradesUpdate | ContextUpdate | Candles,
    ) -> None:
        streams = coin.streams
        if isinstance(event, BookUpdate):
            (streams.fast if event.fast else streams.slow).observe(event.recv_ns)
            if coin.book.apply_book(event) and coin.book.ok:
                self._call("on_book", coin)
        elif isinstance(event, BboUpdate):
            streams.bbo.observe(event.recv_ns)
            if coin.book.apply_bbo(event) and coin.book.ok:
                self._call("on_book", coin)
        elif isinstance(event, TradesUpdate):
            streams.trades.observe(event.recv_ns)
            for trade in event.prints:
                coin.bars.on_print(trade)
            self._call("on_trades", coin, event)
        elif isinstance(event, ContextUpdate):
            streams.context.observe(event.recv_ns)
            coin.on_context(event)
            self._call("on_context", coin)
        else:
            coin.bars.on_candles(event.timeframe, event.rows, event.asked_ns // NS_PER_MS)
            if event.timeframe == "1m":
                coin.recompute_variance()

    def _on_timer(self, event: Timer) -> None:
        now_ms = event.recv_ns // NS_PER_MS
        if now_ms < self._next_close_ms:
            return
        until_ms = now_ms - BAR_GRACE_MS
        self._next_close_ms = until_ms // 60_000 * 60_000 + 60_000 + BAR_GRACE_MS
        closed = [(coin, coin.bars.close_until(until_ms)) for coin in self.coins.values()]
        for coin, timeframes in closed:
            if timeframes:
                coin.on_minute()
        for coin, timeframes in closed:
            for timeframe in timeframes:
                self._call("on_bar", coin, timeframe)

    def _call(self, hook: str, coin: Coin, *rest: Any) -> None:
        timeframe = rest[0] if hook == "on_bar" else ""
        hearing = self._heard_by.get((hook, timeframe))
        if hearing is None:
            hearing = self._heard_by[hook, timeframe] = self._hearing(hook, timeframe)
        for i, lane, call in hearing:
            if i in self.faults:
                continue
            self.calls[i] += 1
            if not timeframe:
                self.samples[i, coin.name] += 1
            arguments = (lane.memory(coin.name), coin, self.view, *rest)
            try:
                if self._inspect is None:
                    action = call(*arguments)
                else:
                    action = self._inspect(lane, call, arguments)
                if action is not None:
                    self._act(i, coin, action)
            except Exception as error:
                self.faults[i] = f"{hook} of {coin.name}: {type(error).__name__}: {error}"

    def _hearing(self, hook: str, timeframe: str) -> list[tuple[int, Lane, Hook]]:
        return [
            (i, lane, getattr(lane.bot, hook))
            for i, lane in enumerate(self.lanes)
            if lane.bot.hears(hook) and (not timeframe or timeframe in lane.bot.timeframes)
        ]

    def _act(self, i: int, coin: Coin, action: Signal | ExitCall) -> None:
        if isinstance(action, Signal):
            vet(action, coin.book.mid)
        self.heard[i].append(
            Heard(
                self.view.now_ns,
                coin.name,
                action,
                self.calls[i],
                coin.book.mid,
                self.samples[i, coin.name],
                {tf: len(series) for tf, series in coin.bars.series.items()},
            )
        )

    def written(self) -> list[bytes]:
        """Return each lane's state as it would go on the tape."""
        return [msgspec.json.encode(lane.state()) for lane in self.lanes]

    def take_up(self, written: list[bytes], lanes: Iterable[Lane]) -> None:
        """Go on with other lanes from what was written of the first ones."""
        self.lanes = list(lanes)
        self._heard_by.clear()
        for lane, raw in zip(self.lanes, written, strict=True):
            lane.restore(msgspec.json.decode(raw, type=LaneState))
