"""Backfill of missing history: who asks for it, and where the answers go.

Questions leave as requests of the outcome; the rim asks the venue until it answers, and the
answers come back as events. Minutes are asked for after every outage. They reach far enough back
to fold from them what is missing of the longer bars; those that need more are asked for then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from daemon.engine.desks import Desks
from daemon.engine.market_half import MarketHalf
from daemon.engine.outcome import Outbox
from market.coin import Coin
from market.decision import Request
from market.events import (
    MS_PER_HOUR,
    NS_PER_MINUTE,
    NS_PER_MS,
    NS_PER_S,
    TIMEFRAME_MS,
    TIMEFRAMES,
    Candles,
)

# Eleven whole hours fold from them, whenever it is: as many as the direction limit looks at. With
# the running one there are one fewer than make a series drop its oldest.
MINUTE_ROWS = 719
WARM_UP_ROWS = 130
ASK_AGAIN_NS = 20 * NS_PER_S
# The venue may leave out a recent minute and tell of it later: it is asked so often, after
# pauses that double, and in the middle of a minute, when no bar closes.
TAIL_TRIES = 8
# The rates of owed hours are asked for until they are told or given up, after pauses that double
# up to this many times.
OWED_DOUBLINGS = 7
REFUSED_AGAIN_NS = 3600 * NS_PER_S
QUIET_NS = range(5 * NS_PER_S, 50 * NS_PER_S)


class Tail(Struct):
    """What the venue left out, up to the newest: when to ask again, how often so far."""

    newest_ms: int
    due_ns: int
    tries: int = 0


class Backfill:
    """Requests for what bars, suspended trades and trades that owe funding lack."""

    def __init__(self, market: MarketHalf, desks: Desks, out: Outbox) -> None:
        self._market = market
        self._desks = desks
        self._out = out
        self._asked: dict[str, int] = {}
        # What is only about questions is no state: a replay asks nobody.
        self._whole: set[tuple[str, str]] = set()
        self._tails: dict[tuple[str, str], Tail] = {}
        self._owed: dict[str, Tail] = {}
        self._look_ns = 0

    def on_up(self, coins: Collection[Coin]) -> None:
        """Ask for the minutes that bars lack: all of them at first, later what an outage took."""
        for coin in coins:
            if not coin.closed:
                self.ask_again(coin)

    def ask_again(self, coin: Coin) -> None:
        """Ask for a coin's minutes, now that its trades are heard again."""
        coin.bars.resume(self._out.venue_ms, self._out.now_ns)
        self._ask(coin, "1m", MINUTE_ROWS)

    def ask_anew(self, coin: Coin) -> None:
        """Ask for all bars of a coin, which has none any more, however whole they once came."""
        self._whole.difference_update((coin.name, timeframe) for timeframe in TIMEFRAMES)
        self.ask_again(coin)

    def missing(self) -> dict[str, list[str]]:
        """Return, by coin, the timeframes of which bars are missing."""
        coins = self._market.coins.values()
        open_ = [coin for coin in coins if not coin.closed]
        return {coin.name: missing for coin in open_ if (missing := coin.bars.missing())}

    def on_second(self) -> None:
        """Ask for what bars and suspended trades wait for, now and then until it came."""
        now_ns = self._out.now_ns
        for coin in self._market.coins.values():
            if not coin.closed:
                self._note_anew(coin)
                self._ask_tail(coin)
        for name, since_ns in self._desks.gaps_since().items():
            if now_ns - self._asked.get(name, 0) < ASK_AGAIN_NS:
                continue
            self._asked[name] = now_ns
            from_ms = since_ns // NS_PER_MS // 60_000 * 60_000
            to_ms = self._out.venue_ms
            requests = self._out.outcome.requests
            if from_ms // MS_PER_HOUR != to_ms // MS_PER_HOUR:
                requests.append(Request("funding", name, "", from_ms, to_ms))
            requests.append(Request("candles", name, "1m", from_ms, to_ms))

        if now_ns >= self._look_ns:
            self._look_ns = now_ns + ASK_AGAIN_NS
            self._ask_owed(self._desks.owed())

    def _ask_owed(self, hours: Mapping[str, tuple[int, int]]) -> None:
        """Ask for the funding rates of hours that are owed, by coin the oldest and the newest."""
        now_ns = self._out.now_ns
        for name in self._owed.keys() - hours.keys():
            del self._owed[name]
        for name, (oldest_ms, newest_ms) in hours.items():
            tail = self._owed.get(name)
            if tail is None or tail.newest_ms < newest_ms:
                tail = self._owed[name] = Tail(newest_ms, now_ns)
            if now_ns >= tail.due_ns:
                tail.due_ns = now_ns + (ASK_AGAIN_NS << tail.tries)
                tail.tries = min(tail.tries + 1, OWED_DOUBLINGS)
                request = Request("funding", name, "", oldest_ms, self._out.venue_ms)
                self._out.outcome.requests.append(request)

    def _tell_refused(self, coin: Coin, event: Candles) -> None:
        """Say once an hour that the venue tells of impossible rows; it is asked every minute."""
        told, now_ns = coin.bars.refused_ns, self._out.now_ns
        if now_ns - told.get(event.timeframe, -REFUSED_AGAIN_NS) < REFUSED_AGAIN_NS:
            return
        told[event.timeframe] = now_ns
        plural = "s" * (event.refused > 1)
        self._out.alarm(
            "history",
            f"{coin.name} {event.timeframe}: {event.refused} impossible row{plural} of "
            f"{event.refused + len(event.rows)} left out",
        )

    def on_candles(self, event: Candles) -> None:
        """Take candles: bars first, then the trades that waited for them."""
        coin = self._market.coins.get(event.coin)
        if coin is None or coin.closed:
            return
        if event.refused:
            self._tell_refused(coin, event)
        clock, now_ns = self._desks.main.view.clock, self._out.now_ns
        event.rows = [row for row in event.rows if clock.bears("candle", row.start_ms, now_ns)]
        if "trades" in coin.dead:
            # No print would carry such bars on, so they would soon be old. Trades that wait for
            # these minutes can be walked all the same.
            if event.timeframe == "1m":
                self._desks.repair(coin, event.rows, event.asked_ns)
            return
        before = coin.bars.series["1m"].close.copy()
        asked_ms = clock.venue_ns(event.asked_ns) // NS_PER_MS
        stale = event.asked_ns < coin.bars.up_ns
        coin.bars.on_candles(event.timeframe, event.rows, asked_ms, stale=stale)
        self._note_anew(coin)
        if event.timeframe != "1m":
            self._whole.add((coin.name, event.timeframe))
            return
        if coin.bars.series["1m"].close != before:
            coin.recompute_variance()
            self._market.lenses.on_history(coin)
        self._desks.repair(coin, event.rows, event.asked_ns)
        lacking = coin.bars.lacking()
        for timeframe in TIMEFRAMES[1:]:
            is_short = len(coin.bars.series[timeframe]) < WARM_UP_ROWS
            if timeframe in lacking or (is_short and (coin.name, timeframe) not in self._whole):
                self._ask(coin, timeframe, WARM_UP_ROWS)

    def _note_anew(self, coin: Coin) -> None:
        """Say that a hole has cost bars, and ask for what can be had of them."""
        for timeframe, series in coin.bars.series.items():
            if series.anew:
                series.anew = False
                self._whole.discard((coin.name, timeframe))
                self._out.alarm(
                    "history",
                    f"{coin.name} {timeframe}: the series starts anew after a hole, "
                    f"{len(series)} bars are left; asked for again",
                )
                self._ask(coin, timeframe, MINUTE_ROWS if timeframe == "1m" else WARM_UP_ROWS)

    def _ask_tail(self, coin: Coin) -> None:
        """Ask again for bars that the venue has left out, until it tells of them or never does."""
        now_ns = self._out.now_ns
        for timeframe, patched in coin.bars.patched.items():
            key = (coin.name, timeframe)
            tail = self._tails.get(key)
            if not patched:
                if tail is not None:
                    del self._tails[key]
            elif tail is None or tail.newest_ms < patched[-1]:
                self._tails[key] = Tail(patched[-1], now_ns + ASK_AGAIN_NS)
            elif (
                tail.tries < TAIL_TRIES
                and now_ns >= tail.due_ns
                and now_ns % NS_PER_MINUTE in QUIET_NS
            ):
                tail.tries += 1
                tail.due_ns = now_ns + (ASK_AGAIN_NS << tail.tries)
                self._request(coin, timeframe, patched[0] - TIMEFRAME_MS[timeframe])

    def _ask(self, coin: Coin, timeframe: str, rows: int) -> None:
        step = TIMEFRAME_MS[timeframe]
        running_ms = self._out.venue_ms // step * step
        self._request(coin, timeframe, running_ms - rows * step)

    def _request(self, coin: Coin, timeframe: str, from_ms: int) -> None:
        to_ms = self._out.venue_ms
        request = Request("candles", coin.name, timeframe, from_ms, to_ms)
        self._out.outcome.requests.append(request)
