"""Bars of one coin on five timeframes, from public trades; only closed bars are ever read.

One-minute bars are built from prints by venue time; the longer ones are folded from closed
minutes, so all five agree. History asked of the venue replaces what was built, because the
venue saw every trade and a stream that was down did not. Of the longer bars, minutes mend what
an outage took, as far as they reach.

What the venue leaves out, a recent minute without trades or a row that no bar can have, repeats
the last close without volume until the venue tells of it: such bars are `patched`.
"""

from __future__ import annotations

from itertools import chain

from msgspec import Struct, field

from market.events import MS_PER_HOUR, TIMEFRAME_MS, TIMEFRAMES, Candle, Print
from market.series import KEEP_MINUTES, Series

MINUTE_MS = 60_000
# Minutes beyond the forming one that prints may reach before the clock closes it.
EARLY_MAX = 30
# A hole in a reply is filled when it is not longer, or when it is one bar alone.
HOLE_MS_MAX = MS_PER_HOUR
# Nor may the newest rows be missing for longer.
TAIL_MS_MAX = 5 * MINUTE_MS


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
    closed; they are not lost to trade-driven bots, only to the bar. In an outage they are `deaf`;
    minutes that began before `up_ms` were not heard from their beginning on. `patched` are the
    beginnings of bars, the running one included, that the venue has not told of yet. `refused_ns`
    is when rows that no bar can have were last spoken of, by timeframe.
    """

    series: dict[str, Series] = field(
        default_factory=lambda: {tf: Series(TIMEFRAME_MS[tf]) for tf in TIMEFRAMES}
    )
    forming: dict[str, Candle] = field(default_factory=dict)
    minute: Candle | None = None
    early: list[Candle] = field(default_factory=list)
    late: int = 0
    whole: bool = False
    deaf: bool = False
    up_ms: int = 0
    up_ns: int = 0
    patched: dict[str, list[int]] = field(default_factory=lambda: {tf: [] for tf in TIMEFRAMES})
    refused_ns: dict[str, int] = field(default_factory=dict)

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
                self._begin_anew()
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
            self._begin_anew()
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
            self.whole = minute.start_ms + MINUTE_MS >= self.up_ms
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
        self._begin_anew()
        self.deaf = True
        if since_ms is not None:
            for series in self.series.values():
                series.void(since_ms)

    def _begin_anew(self) -> None:
        self.minute = None
        self.early.clear()
        self.forming.clear()
        self.whole = False

    def resume(self, now_ms: int, now_ns: int) -> None:
        """Note that trades are heard again: a minute that began before was seen in part.

        What the venue sends again of earlier minutes does not make them whole. `now_ms` is the
        venue's time, `now_ns` our stamp.
        """
        self.deaf = False
        self.up_ms, self.up_ns = now_ms, now_ns

    def on_candles(
        self, timeframe: str, rows: list[Candle], asked_ms: int, *, stale: bool = False
    ) -> None:
        """Replace a timeframe by the venue's history as it stood when asked.

        A row that was still running then becomes the forming bar. Closed bars before the first
        row and after the last one stay when they join it without a hole. A `stale` reply is one to
        a question from before the outage that ended last.
        """
        step, series = TIMEFRAME_MS[timeframe], self.series[timeframe]
        running_ms = asked_ms - asked_ms % step
        told = {bar.start_ms: bar for bar in rows if bar.start_ms <= running_ms}
        if not told:
            return
        guessed = _guesses(list(told.values()), step, running_ms)
        if timeframe != "1m":
            guessed = {s: self._folded(timeframe, s) or bar for s, bar in guessed.items()}
        told_running = told.pop(running_ms, None)
        running = told_running or guessed.pop(running_ms, None)
        if self.deaf or stale:
            # Trades were missed since the question, so of the running bar neither of us knows all.
            running = None
        minute = self.minute
        ended = (
            running is not None
            and minute is not None
            and minute.start_ms >= running.start_ms + step
        )
        if running is not None and ended:
            # It ended while the reply was on its way: what we saw of it to its end, if we did,
            # is better than its beginning.
            guessed[running.start_ms] = running
        elif running is not told_running and running is not None:
            self.patched[timeframe].append(running.start_ms)
        mended = self._put(series, timeframe, told, guessed)
        if timeframe == "1m":
            if ended:
                # Our minute began after the question, when the stream was up already.
                self.whole = True
            elif running is not None:
                self._take_running(running)
            for tf in TIMEFRAMES[1:]:
                self._mend(tf, mended)
        else:
            if running is not None and not ended:
                self.forming[timeframe] = _copy(running)
            self._refold(timeframe)

    def _put(
        self, series: Series, timeframe: str, told: dict[int, Candle], guessed: dict[int, Candle]
    ) -> list[int]:
        """Put history into a series; return the bars that had been patched and now are told."""
        bars = {bar.start_ms: bar for bar in map(series.bar, range(len(series)))}
        patched = self.patched[timeframe]
        bars.update(told)
        new = [start_ms for start_ms in guessed if start_ms not in bars]
        for start_ms in new:
            bars[start_ms] = guessed[start_ms]
        series.replace(bars[start_ms] for start_ms in sorted(bars))
        mended = [start_ms for start_ms in patched if start_ms in told]
        oldest_ms = series.start_ms[0] if len(series) else 0
        still = {s for s in chain(patched, new) if s not in told and s >= oldest_ms}
        self.patched[timeframe] = sorted(still)
        return mended

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

    def lacking(self) -> list[str]:
        """Return the longer timeframes of which minutes do not tell what bars lack."""
        minutes = self.series["1m"]
        if not len(minutes):
            return []
        end_ms = minutes.start_ms[-1] + MINUTE_MS
        found: list[str] = []
        for tf in TIMEFRAMES[1:]:
            step, series = TIMEFRAME_MS[tf], self.series[tf]
            running_ms = end_ms - end_ms % step
            has_hole = not len(series) or series.start_ms[-1] + step < running_ms
            if has_hole or (running_ms < end_ms and tf not in self.forming):
                found.append(tf)
        return found

    def missing(self) -> list[str]:
        """Return the timeframes without a bar, or with a hole between their newest and now."""
        lacking = self.lacking()
        if not self.whole:
            lacking.append("1m")
        return [tf for tf in TIMEFRAMES if tf in lacking or not len(self.series[tf])]

    def _mend(self, tf: str, mended: list[int]) -> None:
        """Fold from minutes the longer bars that are missing, and those that stood on a guess."""
        minutes, series = self.series["1m"], self.series[tf]
        if not len(minutes):
            return
        step = TIMEFRAME_MS[tf]
        first_ms = -(-minutes.start_ms[0] // step) * step
        if len(series):
            first_ms = series.start_ms[-1] + step
        missing = range(first_ms, minutes.start_ms[-1] + MINUTE_MS - step + 1, step)
        again = {start_ms - start_ms % step for start_ms in mended}
        known = range(series.start_ms[0], first_ms, step) if len(series) else range(0)
        folded = {s: self._folded(tf, s) for s in chain(missing, again.intersection(known))}
        # Beyond where minutes reach, only the venue can tell.
        if folded and all(bar is not None for bar in folded.values()):
            bars = {bar.start_ms: bar for bar in map(series.bar, range(len(series)))}
            bars.update((s, bar) for s, bar in folded.items() if bar is not None)
            series.replace(bars[start_ms] for start_ms in sorted(bars))
        self._refold(tf)

    def _folded(self, tf: str, start_ms: int) -> Candle | None:
        """Return the longer bar that minutes make up, None unless all of them are there."""
        minutes = self.series["1m"]
        span = minutes.span(start_ms, start_ms + TIMEFRAME_MS[tf])
        bar: Candle | None = None
        for i in span or ():
            bar = _fold(bar, start_ms, minutes.bar(i))
        return bar

    def _refold(self, tf: str) -> None:
        """Rebuild a forming longer bar from closed minutes when they cover its beginning."""
        minutes = self.series["1m"]
        if not len(minutes):
            return
        end_ms = minutes.start_ms[-1] + MINUTE_MS
        start_ms = end_ms - end_ms % TIMEFRAME_MS[tf]
        if start_ms == end_ms:
            self.forming.pop(tf, None)
            return
        forming: Candle | None = None
        for i in minutes.span(start_ms, end_ms) or ():
            forming = _fold(forming, start_ms, minutes.bar(i))
        if forming is not None:
            self.forming[tf] = forming


def _guesses(rows: list[Candle], step_ms: int, running_ms: int) -> dict[int, Candle]:
    """Return bars without trades for the rows that a reply leaves out, the running one included."""
    found: dict[int, Candle] = {}
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        until_ms = running_ms + step_ms if following is None else following.start_ms
        most_ms = TAIL_MS_MAX if following is None else HOLE_MS_MAX
        starts = range(row.start_ms + step_ms, until_ms, step_ms)
        if len(starts) <= max(1, most_ms // step_ms):
            px = row.close
            found.update((s, Candle(s, px, px, px, px, 0.0, 0)) for s in starts)
    return found


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
