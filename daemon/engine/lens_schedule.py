"""Lens schedule: when which lenses are asked about a coin, and how answers are taken in.

Raw values are asked for at every close of a minute. Ranks cost a hundred times as much: every
minute for coins on which something is open, for the others in rotation. Models are fitted anew
once in a while. A burst of trades on a coin asks for all of it at once. Answers are events, so a
replay needs no lens where the tape holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from msgspec import Struct

from daemon.engine.outcome import Outbox
from market.arrivals import BurstRule
from market.coin import Coin
from market.decision import LensAsk
from market.events import (
    MS_PER_MINUTE,
    LensCause,
    LensKind,
    LensReading,
    LensUpdate,
    Print,
)
from market.series import KEEP_MINUTES
from shadow.store.rows import to_json
from shadow.store.tables.lenses import LensRow

HMM_EVERY_MIN = 60
ARRIVALS_EVERY_MIN = 10
# Fewer arrivals than this tell no pace.
ARRIVALS_MIN = 100


class LensRule(Struct, frozen=True):
    """Interval at which coins with nothing open are ranked, and the threshold of a burst."""

    enabled: bool = True
    rank_every_minutes: int = 15
    burst: BurstRule = BurstRule()


class LensSchedule:
    """Arrivals, questions and answers of all coins. `watched` names those with something open."""

    def __init__(
        self,
        coins: Mapping[str, Coin],
        out: Outbox,
        rule: LensRule,
        watched: Callable[[], Container[str]],
    ) -> None:
        self._coins = coins
        self._out = out
        self._rule = rule
        self._watched = watched
        self._places = {name: place for place, name in enumerate(coins)}
        if not rule.enabled:
            for coin in coins.values():
                coin.lenses.reason = "lenses are switched off ([lens] enabled)"

    def on_prints(self, coin: Coin, prints: list[Print]) -> None:
        """Count a coin's trades."""
        arrivals = coin.arrivals
        arrivals.on_prints(prints, coin.sent_ms(self._out.now_ns))
        if arrivals.threshold and arrivals.turned(self._rule.burst):
            self._turned(coin)

    def on_second(self, now_ms: int) -> None:
        """Let the excitation fade where nothing arrives."""
        for coin in self._coins.values():
            arrivals = coin.arrivals
            if arrivals.terms is not None:
                arrivals.on_second(now_ms)
                if arrivals.turned(self._rule.burst):
                    self._turned(coin)

    def on_minute(self, closed: list[Coin], now_ms: int) -> None:
        """Ask about the coins that closed a minute."""
        for coin in self._coins.values():
            coin.arrivals.on_minute(now_ms, self._rule.burst)
        if not self._rule.enabled:
            return
        watched = self._watched()
        for coin in closed:
            self._ask(coin, "raw", "bar")
        for coin in closed:
            minute = coin.bars.series["1m"].start_ms[-1] // MS_PER_MINUTE
            place = self._places[coin.name]
            due = (minute + place) % self._rule.rank_every_minutes == 0
            if due or coin.name in watched or not coin.lenses.rank_bar_ms:
                self._ask(coin, "rank", "bar")
            if (minute + 7 * place) % HMM_EVERY_MIN == 0:
                self._ask(coin, "hmm", "bar")
            unknown = coin.arrivals.terms is None
            if unknown or (minute + place) % ARRIVALS_EVERY_MIN == 0:
                self._ask_pace(coin, "bar")

    def on_history(self, coin: Coin) -> None:
        """Ask everything about a coin whose bars have just come from the venue."""
        if self._rule.enabled and len(coin.bars.series["1m"]):
            for kind in ("raw", "hmm", "rank"):
                self._ask(coin, kind, "history")

    def interrupt(self, coin: Coin) -> None:
        """Note an outage of a coin: its burst is over as far as anyone can tell."""
        burst = coin.arrivals.burst
        coin.arrivals.interrupt()
        if burst:
            self._turned(coin)

    def on_update(self, update: LensUpdate) -> None:
        """Take an answer."""
        coin = self._coins.get(update.coin)
        if coin is None:
            return
        lenses = coin.lenses
        lenses.take(update)
        if update.arrivals is not None:
            coin.arrivals.adopt(update.arrivals, update.bar_ms)
        if lenses.due_for_record(update):
            for reading in update.readings:
                self._record(coin, reading)
            flags = [update.reason] if update.reason else []
            score = update.score
            self._record(coin, LensReading("composite", score, score, flags=flags))

    def _turned(self, coin: Coin) -> None:
        """Put a burst's beginning or end on record; have the coin looked at when one begins."""
        arrivals = coin.arrivals
        flag = "burst begins" if arrivals.burst else "burst ends"
        params = to_json({"threshold": arrivals.threshold})
        self._record(coin, LensReading("surge", arrivals.surge, params=params, flags=[flag]))
        if arrivals.burst and self._rule.enabled and len(coin.bars.series["1m"]):
            for kind in ("raw", "hmm", "rank"):
                self._ask(coin, kind, "burst")

    def _ask(self, coin: Coin, kind: LensKind, cause: LensCause) -> None:
        minutes = coin.bars.series["1m"]
        ask = LensAsk(coin.name, minutes.start_ms[-1], kind, cause, minutes.close[-KEEP_MINUTES:])
        self._out.outcome.lenses.append(ask)

    def _ask_pace(self, coin: Coin, cause: LensCause) -> None:
        times = coin.arrivals.times_ms
        if len(times) >= ARRIVALS_MIN:
            bar_ms = coin.bars.series["1m"].start_ms[-1]
            ask = LensAsk(coin.name, bar_ms, "arrivals", cause, times_ms=times.copy())
            self._out.outcome.lenses.append(ask)

    def _record(self, coin: Coin, reading: LensReading) -> None:
        self._out.rows.lenses.append(
            LensRow(
                self._out.now_ns,
                coin.name,
                reading.lens,
                reading.value,
                reading.null_rank,
                reading.n,
                reading.params or "{}",
                ",".join(reading.flags),
            )
        )
