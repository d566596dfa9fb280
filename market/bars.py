"""Bars of one coin on five timeframes, from public trades; only closed bars are ever read.

One-minute bars are built from prints by venue time; the longer ones are folded from closed
minutes, so all five agree. History asked of the venue replaces what was built, because the
venue saw every trade and a stream that was down did not.

Invariant: `start_ms` of a series rises by exactly one step; a hole restarts the series, so the
last `len(series)` bars are always contiguous.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from msgspec import Struct, field

from market.events import TIMEFRAME_MS, TIMEFRAMES, Candle, Print

KEEP = 240
# The lenses look at 512 returns, and from where their recurrence threshold was last set.
KEEP_MINUTES = 600
SLACK = 120
MINUTE_MS = 60_000
# Minutes beyond the forming one that prints may reach before the clock closes it.
EARLY_MAX = 30


class Series(Struct):
    """Closed bars of one timeframe as parallel columns, oldest first.

    There are always the last `keep`, once so many have closed, and fewer than SLACK more. Prices
    in USD, volume in base units. `fresh` counts bars closed since the series began and
    never shrinks when old bars are dropped, so it can stand for the bar's number. `revision` rises
    with every bar that is added or dropped, history put in the place of bars included.
    """

    step_ms: int
    start_ms: list[int] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)
    volume: list[float] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    fresh: int = 0
    revision: int = 0

    @property
    def keep(self) -> int:
        """Return how many bars are kept.

        It is no part of the state: what an older version wrote down kept fewer minutes.
        """
        return KEEP_MINUTES if self.step_ms == MINUTE_MS else KEEP

    def __len__(self) -> int:
        return len(self.close)

    def append(self, bar: Candle) -> None:
        """Add a closed bar; a bar that does not follow the last one restarts the series."""
        if self.start_ms and bar.start_ms != self.start_ms[-1] + self.step_ms:
            if bar.start_ms <= self.start_ms[-1]:
                return
            self.clear()
        self.start_ms.append(bar.start_ms)
        self.open.append(bar.open)
        self.high.append(bar.high)
        self.low.append(bar.low)
        self.close.append(bar.close)
        self.volume.append(bar.volume)
        self.count.append(bar.count)
        self.fresh += 1
        self.revision += 1
        if len(self.close) >= self.keep + SLACK:
            self._drop(SLACK)

    def clear(self) -> None:
        """Forget every bar."""
        self._drop(len(self.close))

    def void(self, since_ms: int) -> None:
        """Forget the bars that had not ended by then."""
        kept = bisect_right(self.start_ms, since_ms - self.step_ms)
        self.revision += 1
        for column in self._columns():
            del column[kept:]

    def _drop(self, n: int) -> None:
        self.revision += 1
        for column in self._columns():
            del column[:n]

    def _columns(self) -> tuple[list[Any], ...]:
        return (
            self.start_ms,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.count,
        )

    def bar(self, index: int) -> Candle:
        """Return one bar as a value; negative indices count from the newest."""
        return Candle(
            self.start_ms[index],
            self.open[index],
            self.high[index],
            self.low[index],
            self.close[index],
            self.volume[index],
            self.count[index],
        )


def _fold(into: Candle | None, start_ms: int, bar: Candle) -> Candle:
    """Return the forming bar `into` extended by a closed shorter bar."""
    if into is None or into.start_ms != start_ms:
        return Candle(start_ms, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.count)
    into.high = max(into.high, bar.high)
    into.low = min(into.low, bar.low)
    into.close = bar.close
    into.volume += bar.volume
    into.count += bar.count
    return into


class Bars(Struct):
    """All timeframes of one coin.

    `minute` is the forming minute. `early` holds the minutes after it that prints have reached
    before the clock closed this one: one as a rule, several after a stall and in the trades that
    the venue replays to a new subscriber. `late` counts prints that came after their minute had
    closed; they are not lost to trade-driven bots, only to the bar.
    """

    series: dict[str, Series] = field(
        default_factory=lambda: {tf: Series(TIMEFRAME_MS[tf]) for tf in TIMEFRAMES}
    )
    forming: dict[str, Candle] = field(default_factory=dict)
    minute: Candle | None = None
    early: list[Candle] = field(default_factory=list)
    late: int = 0
    whole: bool = False

    def on_print(self, trade: Print) -> None:
        """Add a public trade to its minute."""
        start_ms = trade.time_ms - trade.time_ms % MINUTE_MS
        minute = self.minute
        if minute is None:
            closed = self.series["1m"].start_ms
            if closed and start_ms <= closed[-1]:
                self.late += 1
                return
            self.minute = _first(start_ms, trade)
        elif start_ms == minute.start_ms:
            _extend(minute, trade)
        elif start_ms > minute.start_ms:
            for bar in self.early:
                if bar.start_ms == start_ms:
                    _extend(bar, trade)
                    return
            if len(self.early) < EARLY_MAX:
                self.early.append(_first(start_ms, trade))
            else:
                # Nobody has closed a minute for so long, or these are no times: begin anew.
                self.interrupt()
        else:
            self.late += 1

    def close_until(self, now_ms: int) -> tuple[str, ...]:
        """Close every minute that ended by `now_ms`; return the timeframes that closed a bar.

        A minute without trades repeats the last close with no volume, as the venue's own
        candles do. The caller adds the grace it gives late prints. More than one minute may be
        due after a stall; then the bots still see each timeframe once, at its newest bar. More than
        are kept are not walked through: the bars begin anew.
        """
        minute = self.minute
        if minute is None or minute.start_ms + MINUTE_MS > now_ms:
            return ()
        if now_ms - minute.start_ms > KEEP_MINUTES * MINUTE_MS:
            self.interrupt()
            return ()
        closed: dict[str, None] = {}
        while minute.start_ms + MINUTE_MS <= now_ms:
            self._close_minute(minute, closed)
            last = minute.close
            following = minute.start_ms + MINUTE_MS
            minute = self._take_early(following)
            if minute is None:
                minute = Candle(following, last, last, last, last, 0.0, 0)
        self.minute = minute
        return tuple(closed)

    def _take_early(self, start_ms: int) -> Candle | None:
        for i, bar in enumerate(self.early):
            if bar.start_ms == start_ms:
                return self.early.pop(i)
        return None

    def _close_minute(self, minute: Candle, closed: dict[str, None]) -> None:
        if not self.whole:
            # The first minute after a start or an outage was seen only in part, so no bar of
            # any timeframe may contain it unless the venue's history replaces it.
            self.whole = True
            self.forming.clear()
            return
        self.series["1m"].append(minute)
        closed["1m"] = None
        end_ms = minute.start_ms + MINUTE_MS
        for tf in TIMEFRAMES[1:]:
            step = TIMEFRAME_MS[tf]
            start = minute.start_ms - minute.start_ms % step
            forming = self.forming.get(tf)
            if forming is None and minute.start_ms != start:
                continue
            self.forming[tf] = _fold(forming, start, minute)
            if end_ms % step == 0:
                self.series[tf].append(self.forming.pop(tf))
                closed[tf] = None

    def interrupt(self, since_ms: int | None = None) -> None:
        """Note an outage: what is forming lacks trades and may not become a bar.

        `since_ms` is when it began where that was noticed late: what closed since then goes too.
        """
        self.minute = None
        self.early.clear()
        self.forming.clear()
        self.whole = False
        if since_ms is not None:
            for series in self.series.values():
                series.void(since_ms)

    def on_candles(self, timeframe: str, rows: list[Candle], asked_ms: int) -> None:
        """Replace a timeframe by the venue's history as it stood when asked.

        A row that was still running then becomes the forming bar. Closed bars before the first
        row and after the last one stay when they join it without a hole.
        """
        if not rows:
            return
        step = TIMEFRAME_MS[timeframe]
        series = self.series[timeframe]
        running = rows[-1] if rows[-1].start_ms + step > asked_ms else None
        bars = {bar.start_ms: bar for bar in map(series.bar, range(len(series)))}
        bars.update((bar.start_ms, bar) for bar in (rows if running is None else rows[:-1]))
        ended = (
            running is not None
            and self.minute is not None
            and self.minute.start_ms >= running.start_ms + step
        )
        if running is not None and ended:
            # It ended while the reply was on its way: what we saw of it to its end, if we did,
            # is better than its beginning.
            bars.setdefault(running.start_ms, running)
        fresh = series.fresh
        series.clear()
        for start_ms in sorted(bars):
            series.append(bars[start_ms])
        series.fresh = max(fresh, len(series))
        if timeframe == "1m":
            if ended:
                # Our minute began after the question, when the stream was up already.
                self.whole = True
            elif running is not None:
                self._take_running(running)
            for tf in TIMEFRAMES[1:]:
                self._refold(tf)
        else:
            if running is not None and not ended:
                self.forming[timeframe] = _copy(running)
            self._refold(timeframe)

    def _take_running(self, running: Candle) -> None:
        """Unite the venue's forming minute with ours, which may still be an earlier one."""
        self.close_until(running.start_ms)
        minute = self.minute
        if minute is None or not minute.count:
            self.minute = _copy(running)
        elif running.count:
            minute.open = running.open
            minute.high = max(running.high, minute.high)
            minute.low = min(running.low, minute.low)
            minute.volume = max(running.volume, minute.volume)
            minute.count = max(running.count, minute.count)
        self.whole = True

    def unfolded(self) -> list[str]:
        """Return the longer timeframes whose running bar lacks its beginning."""
        minutes = self.series["1m"].start_ms
        if not minutes:
            return []
        following = minutes[-1] + MINUTE_MS
        return [
            tf for tf in TIMEFRAMES[1:] if tf not in self.forming and following % TIMEFRAME_MS[tf]
        ]

    def _refold(self, tf: str) -> None:
        """Rebuild a forming longer bar from closed minutes when they cover its beginning."""
        minutes = self.series["1m"]
        if not len(minutes):
            return
        step = TIMEFRAME_MS[tf]
        following = minutes.start_ms[-1] + MINUTE_MS
        start = following - following % step
        if start == following:
            self.forming.pop(tf, None)
            return
        if minutes.start_ms[0] > start:
            return
        forming: Candle | None = None
        for i in range(len(minutes) - (following - start) // MINUTE_MS, len(minutes)):
            forming = _fold(forming, start, minutes.bar(i))
        if forming is not None:
            self.forming[tf] = forming


def _first(start_ms: int, trade: Print) -> Candle:
    px = trade.px
    return Candle(start_ms, px, px, px, px, trade.sz, 1)


def _copy(bar: Candle) -> Candle:
    return _fold(None, bar.start_ms, bar)


def _extend(bar: Candle, trade: Print) -> None:
    px = trade.px
    if not bar.count:
        # So far it only repeats the last close, at which nobody traded within it.
        bar.open = bar.high = bar.low = px
    elif px > bar.high:
        bar.high = px
    elif px < bar.low:
        bar.low = px
    bar.close = px
    bar.volume += trade.sz
    bar.count += 1
