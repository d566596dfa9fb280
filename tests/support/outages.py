"""An engine beside a venue that answers the very questions the engine asks, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

from market.bars import Bars
from market.decision import Request
from market.events import (
    NS_PER_MS,
    TIMEFRAME_MS,
    TIMEFRAMES,
    Candle,
    Candles,
    Event,
    FeedDown,
    FeedUp,
    Print,
    Timer,
    TradesUpdate,
)
from shadow.store.rows import Rows
from tests.daemon import rig

MINUTE_MS = 60_000
COIN = "BTC"
# A midnight, so bars of every timeframe end there; history begins ten days before.
MIDNIGHT_MS = 1_795_392_000_000
BEGIN_MS = MIDNIGHT_MS - 10 * 86_400_000
SECONDS = (4, 23, 51)


def prints_of(minute_ms: int) -> list[Print]:
    """Return what trades in a minute: three trades, in one of seven none."""
    number = minute_ms // MINUTE_MS
    if number % 7 == 3:
        return []
    return [
        Print(minute_ms + s * 1_000, 50.0 + (number * 37 + s) % 101 / 4, s % 9 / 4 + 0.25, 1)
        for s in SECONDS
    ]


def bar_of(start_ms: int, prints: list[Print], last: float) -> Candle:
    """Return the minute that these trades make, or a repeated close without any."""
    if not prints:
        return Candle(start_ms, last, last, last, last, 0.0, 0)
    px = [p.px for p in prints]
    volume = sum(p.sz for p in prints)
    return Candle(start_ms, px[0], max(px), min(px), px[-1], volume, len(px))


@cache
def truth(timeframe: str, start_ms: int) -> Candle:
    """Return a closed bar as the venue knows it."""
    minutes = []
    for minute_ms in range(start_ms, start_ms + TIMEFRAME_MS[timeframe], MINUTE_MS):
        before = prints_of(minute_ms - MINUTE_MS) or prints_of(minute_ms - 2 * MINUTE_MS)
        minutes.append(bar_of(minute_ms, prints_of(minute_ms), before[-1].px))
    return folded(start_ms, minutes)


def folded(start_ms: int, minutes: list[Candle]) -> Candle:
    """Return the bar that minutes make up."""
    return Candle(
        start_ms,
        minutes[0].open,
        max(m.high for m in minutes),
        min(m.low for m in minutes),
        minutes[-1].close,
        sum(m.volume for m in minutes),
        sum(m.count for m in minutes),
    )


def candles(timeframe: str, from_ms: int, asked_ms: int) -> list[Candle]:
    """Return the reply to a question: closed bars, then the running one."""
    step = TIMEFRAME_MS[timeframe]
    running_ms = asked_ms // step * step
    first_ms = max(from_ms // step * step, BEGIN_MS)
    rows = [truth(timeframe, s) for s in range(first_ms, running_ms, step)]
    now_ms = asked_ms // MINUTE_MS * MINUTE_MS
    minutes = [truth("1m", s) for s in range(running_ms, now_ms, MINUTE_MS)]
    seen = [p for p in prints_of(now_ms) if p.time_ms <= asked_ms]
    before = prints_of(now_ms - MINUTE_MS) or prints_of(now_ms - 2 * MINUTE_MS)
    minutes.append(bar_of(now_ms, seen, before[-1].px))
    return [*rows, folded(running_ms, minutes)]


class Line:
    """A feed to one engine that is cut and comes back; replies take `takes_ms`.

    `spoil` may change a reply before it leaves: it is given timeframe, rows and question's time.
    """

    def __init__(
        self,
        start_ms: int,
        *,
        takes_ms: int = 400,
        spoil: Callable[[str, list[Candle], int], list[Candle]] = lambda tf, rows, asked: rows,
    ) -> None:
        self.engine = rig.fresh({"lens": {"enabled": False}}, (COIN,)).engine
        self.now_ms = start_ms
        self.takes_ms = takes_ms
        self.spoil = spoil
        self.up = False
        self.rows = Rows()
        self.asked: list[tuple[int, Request]] = []
        self._due: list[tuple[int, Event]] = []
        self.connect()

    @property
    def bars(self) -> Bars:
        """Return the bars under test."""
        return self.engine.market.coins[COIN].bars

    def tell(self, event: Event) -> None:
        """Tell the engine; questions are answered as they stand when they are asked."""
        event.recv_ns = self.now_ms * NS_PER_MS
        outcome = self.engine.step(event)
        self.rows.extend(outcome.rows)
        for request in outcome.requests:
            self.asked.append((self.now_ms, request))
            tf, asked_ms = request.timeframe, self.now_ms
            found = self.spoil(tf, candles(tf, request.from_ms, asked_ms), asked_ms)
            reply = Candles(request.coin, tf, found, asked_ms * NS_PER_MS)  # type: ignore[arg-type]
            self._due.append((self.now_ms + self.takes_ms, reply))

    def connect(self) -> None:
        """Connect; the venue sends the newest trades again."""
        self.up = True
        self.tell(FeedUp())
        minute_ms = self.now_ms // MINUTE_MS * MINUTE_MS
        old = [
            p
            for m in range(minute_ms - 2 * MINUTE_MS, minute_ms + 1, MINUTE_MS)
            for p in prints_of(m)
            if p.time_ms <= self.now_ms
        ]
        if old:
            self.tell(TradesUpdate(COIN, old))

    def cut(self) -> None:
        """Lose the connection."""
        self.up = False
        self.tell(FeedDown("cut"))

    def run_until(self, end_ms: int) -> None:
        """Let trades, seconds and replies come in their order."""
        while self.now_ms < end_ms:
            next_ms = min([self.now_ms // 1_000 * 1_000 + 1_000, *(at for at, _ in self._due)])
            self.now_ms = min(max(next_ms, self.now_ms), end_ms)
            due = [event for at, event in self._due if at <= self.now_ms]
            self._due = [(at, event) for at, event in self._due if at > self.now_ms]
            for event in due:
                self.tell(event)
            if self.now_ms % 1_000 == 0:
                minute_ms = self.now_ms // MINUTE_MS * MINUTE_MS
                new = [p for p in prints_of(minute_ms) if p.time_ms == self.now_ms]
                if new and self.up:
                    self.tell(TradesUpdate(COIN, new))
                self.tell(Timer())
            self.check()

    def check(self) -> None:
        """See that every series is contiguous and closed."""
        for tf in TIMEFRAMES:
            series = self.bars.series[tf]
            starts = series.start_ms
            assert all(b - a == series.step_ms for a, b in pairwise(starts[-20:])), tf
            assert not starts or starts[-1] + series.step_ms <= self.now_ms

    def wrong(self) -> dict[str, list[Candle]]:
        """Return, by timeframe, the bars that are not what the venue knows."""
        found = {}
        for tf in TIMEFRAMES:
            series = self.bars.series[tf]
            bars = [series.bar(i) for i in range(len(series))]
            bad = [bar for bar in bars if bar != truth(tf, bar.start_ms)]
            if bad:
                found[tf] = bad
        return found

    def newest(self) -> dict[str, int]:
        """Return how many bars short of the newest closed one each series is."""
        return {
            tf: ((self.now_ms - 500) // TIMEFRAME_MS[tf] * TIMEFRAME_MS[tf] - series.start_ms[-1])
            // TIMEFRAME_MS[tf]
            - 1
            for tf, series in self.bars.series.items()
        }
