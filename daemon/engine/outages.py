"""Outages: what is no longer believed when a connection or one stream is lost, and what comes back.

One stream's trouble is that stream's alone. A dead kind of book leaves the book to the others, a
dead context leaves none, and without trades there are no bars until candles were asked for anew.
"""

from __future__ import annotations

from collections.abc import Collection

from daemon.engine.backfill import Backfill
from daemon.engine.market_half import MarketHalf
from daemon.engine.outcome import Outbox
from market.coin import Coin
from market.events import FeedDown, FeedUp, StreamDown, StreamUp

# Ends of a connection that nobody needs to be woken for.
EXPECTED_DOWN = ("stopped", "planned")

# What is left of a coin without a stream, in words for the operator.
WITHOUT = {
    "l2": "whole books stand in for the deltas",
    "fast": "the slow book stands in for the fast one",
    "slow": "no depth beyond the fast book",
    "bbo": "the books alone show the best prices",
    "trades": "bars are void, and what reads bars or prints has no data",
    "context": "no mark, oracle, funding or open interest",
}
NO_BOOK = "no book is left"
BOOKS = {"fast", "slow", "bbo"}
WHOLE_BOOKS = {"fast", "slow"}


class Outages:
    """Connections and streams that go and come back."""

    def __init__(self, market: MarketHalf, backfill: Backfill, out: Outbox) -> None:
        self._market = market
        self._backfill = backfill
        self._out = out

    def on_up(self, event: FeedUp) -> None:
        """Note an open connection; ask for the history that its coins lack."""
        vitals = self._out.vitals
        if event.line not in vitals.lines:
            vitals.lines.append(event.line)
        vitals.feed_up = True
        self._backfill.on_up(self._coins(event.coins))

    def on_down(self, event: FeedDown) -> None:
        """Distrust the coins of a lost connection; say so once, however often it is tried."""
        vitals = self._out.vitals
        # A state of an older version knows of no lines.
        was_up = event.line in vitals.lines or (vitals.feed_up and not vitals.lines)
        if was_up and event.reason not in EXPECTED_DOWN:
            self._out.alarm("feed_down", event.reason)
        vitals.lines = [line for line in vitals.lines if line != event.line]
        vitals.feed_up = bool(vitals.lines)
        self._market.interrupt(self._coins(event.coins))

    def on_second(self) -> None:
        """Forget bars and arrivals dated by a clock that has moved since; ask for them anew."""
        clock, vitals = self._market.clock, self._out.vitals
        if not clock.moved:
            return
        clock.moved = False
        vitals.venue_ns, vitals.next_close_ms = clock.venue_ns(vitals.now_ns), 0
        for coin in self._market.coins.values():
            self._market.lenses.interrupt(coin)
            self._begin_bars(coin)

    def on_stream_down(self, event: StreamDown) -> None:
        """Do without a stream of a coin, and say so."""
        coin = self._market.coins.get(event.coin)
        if coin is None:
            return
        coin.lose(event.stream, event.cause)
        if event.stream == "trades":
            self._market.lenses.interrupt(coin)
        left = WITHOUT[event.stream]
        if event.stream in BOOKS and coin.dead.keys() >= BOOKS:
            left = NO_BOOK
        elif event.stream in WHOLE_BOOKS and coin.dead.keys() >= WHOLE_BOOKS:
            left = "best prices stand in for the books"
        self._out.alarm("stream_down", f"{event.coin} {event.stream}: {event.cause}; {left}")

    def on_stream_up(self, event: StreamUp) -> None:
        """Believe a stream again; after trades came back ask for the bars they spoilt."""
        coin = self._market.coins.get(event.coin)
        if coin is None or coin.dead.pop(event.stream, None) is None:
            return
        if event.stream == "trades":
            # Minutes that were seen only in part may not stand beside what the venue saw whole.
            self._begin_bars(coin)

    def _begin_bars(self, coin: Coin) -> None:
        """Forget a coin's bars and ask for them anew."""
        coin.bars.interrupt(since_ms=0)
        self._backfill.ask_anew(coin)

    def _coins(self, names: list[str]) -> Collection[Coin]:
        coins = self._market.coins
        return [coins[name] for name in names if name in coins] if names else coins.values()
