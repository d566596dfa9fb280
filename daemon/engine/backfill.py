"""Backfill of missing history: who asks for it, and where the answers go.

Questions leave as requests of the outcome; the rim asks the venue, and the answers come back as
events.
"""

from __future__ import annotations

from collections.abc import Collection

from daemon.engine.branch import Branch
from daemon.engine.market_half import MarketHalf
from daemon.engine.outcome import Outbox
from market.coin import Coin
from market.decision import Request
from market.events import MS_PER_HOUR, NS_PER_MS, NS_PER_S, TIMEFRAME_MS, TIMEFRAMES, Candles

MINUTE_ROWS = 640
WARM_UP_ROWS = 130
ASK_AGAIN_NS = 20 * NS_PER_S


class Backfill:
    """Requests for what bars and suspended trades lack."""

    def __init__(self, market: MarketHalf, branch: Branch, out: Outbox) -> None:
        self._market = market
        self._branch = branch
        self._out = out
        self._asked: dict[str, int] = {}

    def on_up(self, coins: Collection[Coin]) -> None:
        """Ask for the history that bars lack: all of it at first, later what an outage took."""
        coins = [coin for coin in coins if not coin.closed]
        for coin in coins:
            self._ask(coin, "1m", MINUTE_ROWS)
        for timeframe in TIMEFRAMES[1:]:
            for coin in coins:
                if not len(coin.bars.series[timeframe]):
                    self._ask(coin, timeframe, WARM_UP_ROWS)

    def ask_again(self, coin: Coin) -> None:
        """Ask for a coin's history once more: its bars were interrupted alone."""
        self._ask(coin, "1m", MINUTE_ROWS)
        for timeframe in TIMEFRAMES[1:]:
            if not len(coin.bars.series[timeframe]):
                self._ask(coin, timeframe, WARM_UP_ROWS)

    def on_second(self) -> None:
        """Ask for what suspended trades wait for, now and then until it came."""
        now_ns = self._out.now_ns
        for name, since_ns in self._branch.ledger.gaps.since().items():
            if now_ns - self._asked.get(name, 0) < ASK_AGAIN_NS:
                continue
            self._asked[name] = now_ns
            from_ms = since_ns // NS_PER_MS // 60_000 * 60_000
            to_ms = self._out.venue_ms
            requests = self._out.outcome.requests
            if from_ms // MS_PER_HOUR != to_ms // MS_PER_HOUR:
                requests.append(Request("funding", name, "", from_ms, to_ms))
            requests.append(Request("candles", name, "1m", from_ms, to_ms))

    def on_candles(self, event: Candles) -> None:
        """Take candles: bars first, then the trades that waited for them."""
        coin = self._market.coins.get(event.coin)
        if coin is None or coin.closed:
            return
        if event.refused:
            self._out.alarm(
                "history",
                f"{coin.name} {event.timeframe}: {event.refused} impossible rows of "
                f"{event.refused + len(event.rows)} left out",
            )
        clock, now_ns = self._branch.view.clock, self._out.now_ns
        event.rows = [row for row in event.rows if clock.bears("candle", row.start_ms, now_ns)]
        if "trades" in coin.dead:
            # No print would carry such bars on, so they would soon be old. Trades that wait for
            # these minutes can be walked all the same.
            if event.timeframe == "1m":
                self._branch.repair(coin, event.rows, event.asked_ns)
            return
        asked_ms = clock.venue_ns(event.asked_ns) // NS_PER_MS
        coin.bars.on_candles(event.timeframe, event.rows, asked_ms)
        if event.timeframe == "1m":
            coin.recompute_variance()
            self._market.lenses.on_history(coin)
            self._branch.repair(coin, event.rows, event.asked_ns)
            for timeframe in coin.bars.unfolded():
                if len(coin.bars.series[timeframe]):
                    self._ask(coin, timeframe, WARM_UP_ROWS)

    def _ask(self, coin: Coin, timeframe: str, rows: int) -> None:
        to_ms = self._out.venue_ms
        from_ms = to_ms - rows * TIMEFRAME_MS[timeframe]
        request = Request("candles", coin.name, timeframe, from_ms, to_ms)
        self._out.outcome.requests.append(request)
