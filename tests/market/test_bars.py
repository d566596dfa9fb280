from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.bars import EARLY_MAX, Bars
from market.events import TIMEFRAME_MS, TIMEFRAMES, Candle, Print
from market.series import KEEP_MINUTES, SLACK, Series
from tests.support.market import MINUTE_MS, START_MS, START_NS, candle, candles

GRACE_MS = 500
LONGER = TIMEFRAMES[1:]

Trades = list[tuple[int, float, float]]


def rows(series: Series) -> list[Candle]:
    return [series.bar(i) for i in range(len(series))]


def aggregate(trades: Trades, first_ms: int, until_ms: int) -> list[Candle]:
    """Minutes of `trades` from `first_ms` on, of all that ended by `until_ms`, the slow way."""
    out = []
    for start_ms in range(first_ms, until_ms - MINUTE_MS + 1, MINUTE_MS):
        inside = [t for t in trades if start_ms <= t[0] < start_ms + MINUTE_MS]
        if inside:
            px = [t[1] for t in inside]
            volume = sum(t[2] for t in inside)
            out.append(Candle(start_ms, px[0], max(px), min(px), px[-1], volume, len(px)))
        else:
            last = [t for t in trades if t[0] < start_ms][-1][1]
            out.append(Candle(start_ms, last, last, last, last, 0.0, 0))
    return out


def fold(minutes: list[Candle], step_ms: int) -> list[Candle]:
    """Longer bars of contiguous minutes: the first that began with one of them, and so on."""
    out = []
    for start_ms in sorted({m.start_ms // step_ms * step_ms for m in minutes}):
        inside = [m for m in minutes if start_ms <= m.start_ms < start_ms + step_ms]
        if inside[0].start_ms == start_ms:
            out.append(
                Candle(
                    start_ms,
                    inside[0].open,
                    max(m.high for m in inside),
                    min(m.low for m in inside),
                    inside[-1].close,
                    sum(m.volume for m in inside),
                    sum(m.count for m in inside),
                )
            )
    return out


def closed(bars: list[Candle], step_ms: int, until_ms: int) -> list[Candle]:
    return [bar for bar in bars if bar.start_ms + step_ms <= until_ms]


def minute_of(time_ms: int) -> int:
    return time_ms // MINUTE_MS * MINUTE_MS


def print_all(bars: Bars, trades: Iterable[tuple[int, float, float]]) -> None:
    for time_ms, px, sz in trades:
        bars.on_print(Print(time_ms, px, sz, 1))


# Whole multiples of a quarter, so that volumes add up exactly in any order.
quarters = st.integers(1, 400).map(lambda n: n / 4)


def trades_within(span_ms: int, *, most: int) -> st.SearchStrategy[Trades]:
    trade = st.tuples(st.integers(START_MS, START_MS + span_ms - 1), quarters, quarters)
    return st.lists(trade, min_size=1, max_size=most).map(
        lambda found: sorted(found, key=lambda t: t[0])
    )


@given(
    trades_within(7 * MINUTE_MS, most=40),
    st.lists(st.integers(0, GRACE_MS - 1), min_size=40, max_size=40),
)
def test_minutes_are_the_prints_of_their_venue_time(trades: Trades, delays: list[int]) -> None:
    bars = Bars()
    arrivals = sorted(
        (trade[0] + delay, i) for i, (trade, delay) in enumerate(zip(trades, delays, strict=False))
    )
    # Prints of one coin come in order; it is only their minute's end that they may miss.
    in_order = sorted(time for time, _ in arrivals)
    now = START_MS
    for trade, received in zip(trades, in_order, strict=True):
        while now + 1_000 <= received:
            now += 1_000
            bars.close_until(now - GRACE_MS)
        print_all(bars, [trade])
    until = START_MS + 8 * MINUTE_MS
    bars.close_until(until)
    first = minute_of(trades[0][0]) + MINUTE_MS
    assert rows(bars.series["1m"]) == aggregate(trades, first, until)
    assert bars.late == 0


@given(trades_within(9 * MINUTE_MS, most=30))
def test_minutes_that_pile_up_before_the_clock_comes_round_are_all_kept(trades: Trades) -> None:
    bars = Bars()
    print_all(bars, trades)
    until = START_MS + 9 * MINUTE_MS
    bars.close_until(until)
    first = minute_of(trades[0][0]) + MINUTE_MS
    assert rows(bars.series["1m"]) == aggregate(trades, first, until)


@given(st.integers(0, 239), st.integers(2, 50))
@settings(max_examples=12)
def test_longer_bars_are_their_minutes_from_their_beginning_on(offset: int, hole: int) -> None:
    bars = Bars()
    begin = START_MS + offset * MINUTE_MS
    trades: Trades = []
    for i in range(500):
        start = begin + i * MINUTE_MS
        if i % hole:
            trades += [(start, i * 37 % 101 / 4, 0.25), (start + 59_999, i * 53 % 89 / 4, 1.0)]
            print_all(bars, trades[-2:])
        due = {tf for tf in TIMEFRAMES if (start + MINUTE_MS) % TIMEFRAME_MS[tf] == 0}
        assert set(bars.close_until(start + MINUTE_MS)) <= due
    # The first minute that was seen is dropped, as seen in part.
    first = minute_of(trades[0][0]) + MINUTE_MS
    minutes = aggregate(trades, first, start + MINUTE_MS)
    for tf in LONGER:
        step = TIMEFRAME_MS[tf]
        expected = closed(fold(minutes, step), step, start + MINUTE_MS)
        assert rows(bars.series[tf]) == expected
        assert expected or tf == "4h"


def minutes_of(timeframe: str) -> int:
    return TIMEFRAME_MS[timeframe] // MINUTE_MS


def test_a_print_of_the_next_minute_waits_for_it() -> None:
    bars = Bars()
    print_all(bars, [(START_MS, 1.0, 1.0), (START_MS + MINUTE_MS, 2.0, 1.0)])
    print_all(bars, [(START_MS + 2 * MINUTE_MS + 3, 9.0, 1.0)])
    print_all(bars, [(START_MS + MINUTE_MS + 50_000, 3.0, 1.0)])
    bars.close_until(START_MS + 2 * MINUTE_MS)
    assert rows(bars.series["1m"]) == [
        Candle(START_MS + MINUTE_MS, 2.0, 3.0, 2.0, 3.0, 2.0, 2),
    ]
    bars.close_until(START_MS + 3 * MINUTE_MS)
    assert bars.series["1m"].close == [3.0, 9.0]


def test_a_print_after_its_minute_closed_is_counted_and_changes_no_bar() -> None:
    bars = Bars()
    print_all(bars, [(START_MS, 1.0, 1.0), (START_MS + MINUTE_MS, 2.0, 1.0)])
    bars.close_until(START_MS + 2 * MINUTE_MS)
    before = rows(bars.series["1m"])
    print_all(bars, [(START_MS + 2 * MINUTE_MS - 1, 99.0, 1.0)])
    bars.interrupt()
    print_all(bars, [(START_MS + MINUTE_MS, 98.0, 1.0)])
    assert bars.late == 2
    assert rows(bars.series["1m"]) == before
    assert bars.minute is None


def test_a_minute_without_trades_repeats_the_close_with_no_volume() -> None:
    bars = Bars()
    print_all(bars, [(START_MS, 5.0, 1.0), (START_MS + MINUTE_MS, 7.0, 1.0)])
    assert bars.close_until(START_MS + 4 * MINUTE_MS) == ("1m",)
    assert rows(bars.series["1m"])[1:] == [
        Candle(START_MS + i * MINUTE_MS, 7.0, 7.0, 7.0, 7.0, 0.0, 0) for i in (2, 3)
    ]


def test_the_first_minute_was_seen_in_part_and_never_becomes_a_bar() -> None:
    bars = Bars()
    print_all(bars, [(START_MS + 30_000, 5.0, 1.0)])
    assert bars.close_until(START_MS + MINUTE_MS) == ()
    print_all(bars, [(START_MS + MINUTE_MS, 6.0, 1.0)])
    for i in range(2, 6):
        bars.close_until(START_MS + i * MINUTE_MS)
    assert bars.series["1m"].start_ms[0] == START_MS + MINUTE_MS
    assert len(bars.series["5m"]) == 0, "nor does a longer bar that would hold it"


@pytest.mark.parametrize("early_ms", [1, 500, 30_000])
def test_no_bar_is_shown_before_its_end(early_ms: int) -> None:
    bars = Bars()
    print_all(bars, [(START_MS + i * MINUTE_MS, 1.0 + i, 1.0) for i in range(5)])
    bars.close_until(START_MS + 5 * MINUTE_MS - early_ms)
    assert bars.series["1m"].start_ms[-1] == START_MS + 3 * MINUTE_MS
    assert len(bars.series["5m"]) == 0


@given(trades_within(30 * MINUTE_MS, most=60), st.lists(st.integers(1, 200_000), max_size=20))
def test_closing_never_exposes_a_bar_before_its_end(trades: Trades, waits: list[int]) -> None:
    bars = Bars()
    now = START_MS
    pending = list(trades)
    for wait in waits:
        now += wait
        while pending and pending[0][0] <= now + 1_000:
            print_all(bars, [pending.pop(0)])
        before = {tf: bars.series[tf].fresh for tf in TIMEFRAMES}
        told = bars.close_until(now)
        for tf in TIMEFRAMES:
            series = bars.series[tf]
            assert all(start + series.step_ms <= now for start in series.start_ms)
            assert (series.fresh > before[tf]) is (tf in told)


def test_an_outage_takes_what_was_forming_with_it() -> None:
    bars = Bars()
    print_all(bars, [(START_MS + i * MINUTE_MS, 1.0, 1.0) for i in range(4)])
    bars.close_until(START_MS + 3 * MINUTE_MS)
    bars.interrupt()
    print_all(bars, [(START_MS + i * MINUTE_MS + 9, 2.0, 1.0) for i in range(3, 11)])
    bars.close_until(START_MS + 11 * MINUTE_MS)
    minutes = bars.series["1m"]
    assert minutes.start_ms == [START_MS + i * MINUTE_MS for i in range(4, 11)]
    assert [bar.start_ms for bar in rows(bars.series["5m"])] == [START_MS + 5 * MINUTE_MS]
    assert bars.series["5m"].volume == [5.0]


@pytest.mark.parametrize("late_ms", [0, 1, 60_000, 150_000])
def test_an_outage_noticed_late_takes_what_closed_since_it_began(late_ms: int) -> None:
    bars = Bars()
    print_all(bars, [(START_MS + i * MINUTE_MS, 1.0, 1.0) for i in range(11)])
    bars.close_until(START_MS + 10 * MINUTE_MS)
    since_ms = START_MS + 10 * MINUTE_MS - late_ms
    bars.interrupt(since_ms)
    for timeframe in TIMEFRAMES:
        series = bars.series[timeframe]
        assert all(start + series.step_ms <= since_ms for start in series.start_ms)
        assert len({len(column) for column in (series.start_ms, series.close, series.count)}) == 1
    assert len(bars.series["1m"]) == 9 - -(-late_ms // MINUTE_MS)
    assert len(bars.series["5m"]) == (1 if late_ms == 0 else 0)


def test_a_longer_bar_forming_from_history_does_not_survive_a_minute_that_was_dropped() -> None:
    bars = Bars()
    history = [candle(START_MS - 5 * MINUTE_MS, 5.0), candle(START_MS, 5.0)]
    bars.on_candles("5m", history, START_MS + 10_000)
    print_all(bars, [(START_MS + 30_000 + i * MINUTE_MS, 6.0, 1.0) for i in range(5)])
    bars.close_until(START_MS + 5 * MINUTE_MS)
    assert bars.series["5m"].start_ms == [START_MS - 5 * MINUTE_MS]


class Venue:
    """What really traded, and the candles the venue would tell of it at any time."""

    def __init__(self, trades: Trades) -> None:
        self.trades = trades
        self.minutes = aggregate(trades, START_MS, minute_of(trades[-1][0]) + MINUTE_MS)

    def candles(self, timeframe: str, from_ms: int, asked_ms: int) -> list[Candle]:
        """Return what a reply would hold; the last row is the running one."""
        now = minute_of(asked_ms)
        last = (now - START_MS) // MINUTE_MS
        earlier = [t for t in self.trades if now - 10 * MINUTE_MS <= t[0] <= asked_ms]
        minutes = [*self.minutes[:last], *aggregate(earlier, now, now + MINUTE_MS)]
        bars = fold(minutes, TIMEFRAME_MS[timeframe])
        return [bar for bar in bars if bar.start_ms + TIMEFRAME_MS[timeframe] > from_ms]


def dense_trades(minutes: int) -> Trades:
    """Three trades in most minutes, none in some; volumes add up exactly."""
    out = []
    for i in range(minutes):
        if i % 7 != 3:
            for second in (4, 23, 51):
                n = i * 60 + second
                out.append((START_MS + n * 1_000, 50.0 + n * 37 % 101 / 4, n % 9 / 4 + 0.25))
    return out


VENUE = Venue(dense_trades(400))
steps = st.lists(
    st.tuples(
        st.sampled_from(["live", "live", "outage", "minutes", "longer"]),
        st.integers(1, 40),
        st.sampled_from(LONGER),
        st.integers(0, 59_999),
    ),
    min_size=1,
    max_size=12,
)


class Listener:
    """Bars fed as the engine feeds them: prints as they happen, a clock with its grace."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.bars = Bars()
        self.now = START_MS + 90 * MINUTE_MS
        self.next_trade = self._find(self.now)

    def _find(self, now: int) -> int:
        return next((i for i, t in enumerate(self.venue.trades) if t[0] > now), 10**9)

    def live(self, for_ms: int) -> None:
        end = self.now + for_ms
        trades = self.venue.trades
        while self.next_trade < len(trades) and trades[self.next_trade][0] <= end:
            trade = trades[self.next_trade]
            self.bars.close_until(trade[0] - GRACE_MS)
            print_all(self.bars, [trade])
            self.next_trade += 1
        self.now = end
        self.bars.close_until(self.now - GRACE_MS)

    def outage(self, for_ms: int) -> None:
        self.bars.interrupt()
        self.now += for_ms
        self.bars.resume(self.now, self.now * 1_000_000)
        self.next_trade = self._find(self.now)

    def ask(self, timeframe: str, count: int) -> None:
        from_ms = self.now - count * TIMEFRAME_MS[timeframe]
        self.answer(timeframe, self.venue.candles(timeframe, from_ms, self.now), self.now)

    def answer(self, timeframe: str, history: list[Candle], asked_ms: int) -> None:
        self.bars.on_candles(timeframe, history, asked_ms)

    def check(self) -> None:
        for tf in TIMEFRAMES:
            series = self.bars.series[tf]
            assert all(b - a == series.step_ms for a, b in pairwise(series.start_ms))
            assert all(start % series.step_ms == 0 for start in series.start_ms)
            assert len(series) < series.keep + SLACK
            assert not len(series) or series.start_ms[-1] + series.step_ms <= self.now


@given(steps)
@settings(max_examples=60)
def test_bars_stay_contiguous_and_closed_whatever_history_comes_when(
    sequence: list[tuple[str, int, str, int]],
) -> None:
    listener = Listener(VENUE)
    for what, count, timeframe, rest_ms in sequence:
        if what == "live":
            listener.live(count * MINUTE_MS // 8 + rest_ms)
        elif what == "outage":
            listener.outage(count * 5_000 + rest_ms)
        else:
            tf = "1m" if what == "minutes" else timeframe
            asked = listener.now
            reply = VENUE.candles(tf, asked - count * TIMEFRAME_MS[tf], asked)
            if count % 2:
                listener.live(rest_ms * 3)
            listener.answer(tf, reply, asked)
        listener.check()


@given(st.integers(1_000, 3_600_000), st.integers(0, 59_000))
@settings(max_examples=30)
def test_history_that_answers_within_a_minute_is_joined_by_what_follows(
    down_ms: int, wait_ms: int
) -> None:
    listener = Listener(VENUE)
    listener.outage(down_ms)
    asked = listener.now
    replies = {tf: VENUE.candles(tf, START_MS, asked) for tf in TIMEFRAMES}
    listener.live(wait_ms)
    for tf, reply in replies.items():
        listener.answer(tf, reply, asked)
    listener.live(17 * MINUTE_MS)
    for tf in TIMEFRAMES:
        series = listener.bars.series[tf]
        until = (listener.now - GRACE_MS) // series.step_ms * series.step_ms
        truth = closed(fold(VENUE.minutes, series.step_ms), series.step_ms, until)
        # Between the question and its minute's end, only the prints tell what traded.
        at = asked // series.step_ms * series.step_ms
        assert [b for b in rows(series) if b.start_ms != at] == [
            b for b in truth if b.start_ms != at
        ]


@given(steps)
@example([("live", 4, "5m", 25_000), ("minutes", 1, "5m", 0)])
@settings(max_examples=25)
def test_with_history_after_every_outage_each_bar_is_the_truth(
    sequence: list[tuple[str, int, str, int]],
) -> None:
    listener = Listener(VENUE)
    for what, count, timeframe, rest_ms in [("outage", 1, "5m", 0), *sequence]:
        if what == "live":
            listener.live(count * MINUTE_MS // 8 + rest_ms)
        elif what == "outage":
            listener.outage(count * 5_000 + rest_ms)
            for tf in TIMEFRAMES:
                listener.ask(tf, 300)
        else:
            listener.ask("1m" if what == "minutes" else timeframe, count)
        listener.check()
        for tf in TIMEFRAMES:
            series = listener.bars.series[tf]
            until = (listener.now - GRACE_MS) // series.step_ms * series.step_ms
            if len(series):
                # History may know of a bar that ended a moment ago, before the grace is over.
                until = max(until, series.start_ms[-1] + series.step_ms)
            truth = closed(fold(VENUE.minutes, series.step_ms), series.step_ms, until)
            assert rows(series) == truth[-len(series) :]
            assert len(series) == len(truth) or len(series) >= series.keep


def test_history_replaces_what_was_built_and_keeps_what_it_joins() -> None:
    bars = Bars()
    for bar in candles([1.0] * 10):
        bars.series["1m"].append(bar)
    told = candles([2.0] * 4, end_ms=START_MS - 3 * MINUTE_MS)
    bars.on_candles("1m", told, START_MS)
    assert bars.series["1m"].close == [1.0] * 3 + [2.0] * 4 + [1.0] * 3


def test_old_bars_that_do_not_reach_the_history_are_dropped() -> None:
    bars = Bars()
    for bar in candles([1.0] * 10, end_ms=START_MS - 60 * MINUTE_MS):
        bars.series["1m"].append(bar)
    bars.on_candles("1m", candles([2.0] * 4), START_MS)
    assert bars.series["1m"].close == [2.0] * 4


def test_no_history_changes_nothing() -> None:
    bars = Bars()
    for bar in candles([1.0, 2.0]):
        bars.series["1m"].append(bar)
    bars.on_candles("1m", [], START_MS)
    assert bars.series["1m"].close == [1.0, 2.0]
    assert not bars.whole


def test_the_running_row_is_united_with_what_was_seen_of_its_minute() -> None:
    bars = Bars()
    print_all(bars, [(START_MS + 20_000, 12.0, 1.0), (START_MS + 40_000, 11.0, 1.0)])
    running = candle(START_MS, 10.5, opened=10.0, high=11.5, low=9.0, volume=6.0, count=5)
    bars.on_candles("1m", [*candles([8.0, 9.0]), running], START_MS + 15_000)
    print_all(bars, [(START_MS + 50_000, 11.25, 0.5)])
    bars.close_until(START_MS + MINUTE_MS)
    whole = bars.series["1m"].bar(-1)
    assert (whole.start_ms, whole.open, whole.high, whole.low) == (START_MS, 10.0, 12.0, 9.0)
    assert whole.close == 11.25
    assert 6.5 <= whole.volume <= 8.5
    assert 6 <= whole.count <= 8


def test_a_running_row_that_comes_before_the_clock_keeps_the_minute_and_the_early_prints() -> None:
    bars = Bars()
    for bar in candles([7.0] * 3, end_ms=START_MS - MINUTE_MS):
        bars.series["1m"].append(bar)
    bars.whole = True
    print_all(bars, [(START_MS - MINUTE_MS, 8.0, 1.0), (START_MS + 300, 10.0, 2.0)])
    running = candle(START_MS, 9.5, volume=1.0)
    bars.on_candles("1m", [running], START_MS + 100)
    bars.close_until(START_MS + MINUTE_MS)
    assert bars.series["1m"].close == [7.0, 7.0, 7.0, 8.0, 10.0]
    last = bars.series["1m"].bar(-1)
    assert (last.open, last.high, last.low, last.volume) == (9.5, 10.0, 9.5, 2.0)


def test_an_empty_running_row_does_not_stretch_the_minute_to_the_last_close() -> None:
    bars = Bars()
    print_all(bars, [(START_MS + 200, 12.0, 1.0)])
    empty = candle(START_MS, 10.0, volume=0.0, count=0)
    bars.on_candles("1m", [*candles([10.0]), empty], START_MS + 100)
    bars.close_until(START_MS + MINUTE_MS)
    assert bars.series["1m"].bar(-1) == Candle(START_MS, 12.0, 12.0, 12.0, 12.0, 1.0, 1)


def test_a_reply_that_crosses_the_minute_does_not_replace_what_was_seen_to_its_end() -> None:
    bars = Bars()
    bars.whole = True
    print_all(bars, [(START_MS, 10.0, 1.0), (START_MS + 59_000, 14.0, 1.0)])
    bars.close_until(START_MS + MINUTE_MS)
    half = candle(START_MS, 10.0)
    bars.on_candles("1m", [*candles([9.0, 9.5]), half], START_MS + 30_000)
    assert rows(bars.series["1m"])[-1] == Candle(START_MS, 10.0, 14.0, 10.0, 14.0, 2.0, 2)
    assert len(bars.series["1m"]) == 3


def test_a_reply_that_crosses_the_minute_of_a_quiet_coin_keeps_its_history_joined() -> None:
    bars = Bars()
    print_all(bars, [(START_MS + MINUTE_MS + 2_000, 11.0, 1.0)])
    history = [*candles([9.0] * 30), candle(START_MS, 10.0)]
    bars.on_candles("1m", history, START_MS + 59_900)
    bars.close_until(START_MS + 3 * MINUTE_MS)
    assert bars.series["1m"].close == [*([9.0] * 30), 10.0, 11.0, 11.0]


@pytest.mark.parametrize("timeframe", LONGER)
def test_a_longer_row_that_ended_before_the_reply_is_not_lost(timeframe: str) -> None:
    bars = Bars()
    step = TIMEFRAME_MS[timeframe]
    print_all(bars, [(START_MS - 10_000, 11.0, 1.0)])
    bars.close_until(START_MS)
    history = candles([9.0] * 5, timeframe)
    bars.on_candles(timeframe, history, START_MS - 5_000)
    minutes = minutes_of(timeframe)
    for i in range(1, minutes + 1):
        bars.close_until(START_MS + i * MINUTE_MS)
    assert bars.series[timeframe].close == [*([9.0] * 5), 11.0]
    assert bars.series[timeframe].start_ms[-1] == START_MS
    assert step == bars.series[timeframe].step_ms


@pytest.mark.parametrize("timeframe", LONGER)
@pytest.mark.parametrize("order", ["minutes first", "minutes last"])
def test_forming_bars_are_folded_again_from_the_minutes_that_history_brings(
    timeframe: str, order: str
) -> None:
    bars = Bars()
    step = TIMEFRAME_MS[timeframe]
    minutes = minutes_of(timeframe)
    asked = START_MS + step - MINUTE_MS + 30_000
    told = [float(i) for i in range(1, minutes)]
    history = [*candles(told, end_ms=START_MS + step - MINUTE_MS)]
    running = candle(START_MS + step - MINUTE_MS, 0.5)
    longer = [*candles([5.0] * 3, timeframe), candle(START_MS, 77.0, volume=99.0)]
    asks: list[Callable[[], None]] = [
        lambda: bars.on_candles("1m", [*history, running], asked),
        lambda: bars.on_candles(timeframe, longer, asked),
    ]
    for ask in asks if order == "minutes first" else reversed(asks):
        ask()
    bars.close_until(START_MS + step)
    newest = bars.series[timeframe].bar(-1)
    volume = float(minutes)
    assert newest == Candle(START_MS, 1.0, told[-1], 0.5, 0.5, volume, minutes)
    assert bars.series[timeframe].close == [5.0, 5.0, 5.0, 0.5]


def test_what_minutes_do_not_tell_of_a_longer_timeframe_is_lacking() -> None:
    bars = Bars()
    assert bars.lacking() == []
    asked = START_MS + 7 * MINUTE_MS
    bars.on_candles("1m", candles([1.0] * 3, end_ms=asked), asked)
    assert bars.lacking() == list(LONGER), "7 minutes in, 3 of them known, and no bar at all"
    for tf in LONGER:
        end_ms = asked // TIMEFRAME_MS[tf] * TIMEFRAME_MS[tf]
        bars.on_candles(tf, candles([1.0] * 3, tf, end_ms=end_ms), asked)
    assert bars.lacking() == []
    bars.interrupt()
    assert bars.lacking() == ["5m", "15m", "1h", "4h"]
    bars.on_candles("1m", candles([1.0] * 12, end_ms=asked), asked)
    assert bars.lacking() == []
    bars.series["1h"].void(START_MS - 1)
    assert bars.lacking() == ["1h"], "its newest bar is missing, and minutes do not reach back"


@pytest.mark.parametrize("deaf", [True, False])
def test_a_question_asked_before_an_outage_makes_no_minute_whole(deaf: bool) -> None:
    bars = Bars()
    bars.interrupt()
    if not deaf:
        bars.resume(START_MS + 40_000, START_NS + 40)
    rows = [*candles([5.0] * 3), candle(START_MS, 6.0)]
    bars.on_candles("1m", rows, START_MS + 30_000, stale=not deaf)
    assert bars.series["1m"].close == [5.0] * 3
    assert bars.minute is None and not bars.whole


def test_prints_told_again_make_no_minute_whole_that_began_before_the_outage() -> None:
    bars = Bars()
    bars.interrupt()
    bars.resume(START_MS + 2 * MINUTE_MS + 10_000, START_NS)
    print_all(bars, [(START_MS + i * 30_000, 5.0, 1.0) for i in range(10)])
    bars.close_until(START_MS + 5 * MINUTE_MS)
    assert bars.series["1m"].start_ms == [START_MS + i * MINUTE_MS for i in (3, 4)]


def test_rows_left_out_repeat_the_close_until_they_are_told() -> None:
    bars = Bars()
    told = candles([float(i) for i in range(1, 31)])
    asked = START_MS + 30_000
    bars.on_candles("1m", told[:10] + told[12:28], asked)
    missing = [bar.start_ms for bar in told[10:12] + told[28:]]
    assert bars.patched["1m"] == [*missing, START_MS]
    assert bars.series["1m"].close == [*range(1, 11), 10.0, 10.0, *range(13, 29), 28.0, 28.0]
    assert bars.series["1m"].volume[10:12] == [0.0, 0.0]
    assert bars.series["5m"].close == [5.0, 10.0, 15.0, 20.0, 25.0, 28.0]
    bars.on_candles("1m", told[9:], asked + 20_000)
    assert bars.series["1m"].close == [float(i) for i in range(1, 31)]
    assert bars.series["5m"].close == [5.0, 10.0, 15.0, 20.0, 25.0, 30.0]
    assert bars.series["5m"].low[2] == 10.0 and bars.patched["1m"] == [START_MS]


def test_a_hole_of_hours_is_not_filled() -> None:
    bars = Bars()
    told = candles([1.0] * 200)
    bars.on_candles("1m", told[:50] + told[150:], START_MS)
    assert len(bars.series["1m"]) == 50 and bars.patched["1m"] == [START_MS]
    late = Bars()
    late.on_candles("1m", told[:150], START_MS)
    assert late.series["1m"].start_ms[-1] == told[149].start_ms and late.patched["1m"] == []


def test_a_hole_in_what_is_heard_costs_the_series_and_is_noted() -> None:
    bars = Bars()
    bars.on_candles("1m", candles([1.0] * 20), START_MS)
    assert not bars.series["1m"].anew
    bars.interrupt()
    bars.resume(START_MS + 3 * MINUTE_MS, START_NS)
    print_all(bars, [(START_MS + i * MINUTE_MS, 5.0, 1.0) for i in (3, 4)])
    bars.close_until(START_MS + 5 * MINUTE_MS)
    assert bars.series["1m"].anew and len(bars.series["1m"]) == 1
    bars.series["1m"].anew = False
    asked = START_MS + 5 * MINUTE_MS
    bars.on_candles("1m", candles([1.0] * 25, end_ms=asked), asked)
    assert len(bars.series["1m"]) > 20 and not bars.series["1m"].anew


def test_history_is_copied_not_kept() -> None:
    bars = Bars()
    minute, longer = candle(START_MS, 10.0), candle(START_MS, 10.0)
    bars.on_candles("5m", [longer], START_MS + 1_000)
    bars.on_candles("1m", [minute], START_MS + 1_000)
    print_all(bars, [(START_MS + 2_000, 20.0, 1.0), (START_MS + MINUTE_MS, 30.0, 1.0)])
    bars.close_until(START_MS + 2 * MINUTE_MS)
    assert minute == longer == candle(START_MS, 10.0)


HOSTILE_MS = (1, START_MS - 10 * 365 * 86_400_000, START_MS + 10 * 365 * 86_400_000, 2**43)


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fail once more minutes have been closed in a test than any honest one closes."""
    closes: list[int] = []
    close_minute = Bars._close_minute

    def counted(self: Bars, minute: Candle, closed: dict[str, None]) -> None:
        closes.append(minute.start_ms)
        assert len(closes) <= 2 * KEEP_MINUTES, "minutes are walked without end"
        close_minute(self, minute, closed)

    monkeypatch.setattr(Bars, "_close_minute", counted)
    return closes


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("time_ms", HOSTILE_MS)
def test_a_first_print_of_any_time_walks_no_minutes_without_end(time_ms: int) -> None:
    bars = Bars()
    bars.on_print(Print(time_ms, 100.0, 1.0, 1))
    bars.close_until(START_MS)
    for minute in range(1, 5):
        at_ms = START_MS + minute * MINUTE_MS
        bars.on_print(Print(at_ms, 100.0, 1.0, 1))
        bars.close_until(at_ms + MINUTE_MS)
    assert time_ms > START_MS or rows(bars.series["1m"])[-1].start_ms == START_MS + 4 * MINUTE_MS


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("time_ms", HOSTILE_MS)
def test_a_candle_of_any_date_walks_no_minutes_without_end(time_ms: int) -> None:
    bars = Bars()
    bars.on_print(Print(START_MS, 100.0, 1.0, 1))
    bars.on_candles("1m", [candle(time_ms, 100.0)], START_MS)
    bars.close_until(START_MS + 5 * MINUTE_MS)


def test_prints_of_ever_other_minutes_pile_up_only_so_far() -> None:
    bars = Bars()
    for minute in range(100_000):
        bars.on_print(Print(START_MS + minute * MINUTE_MS, 100.0, 1.0, 1))
        assert len(bars.early) <= EARLY_MAX
