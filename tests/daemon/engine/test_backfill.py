from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.engine.backfill import MINUTE_ROWS, TAIL_TRIES, WARM_UP_ROWS
from market.bars import Bars
from market.decision import Request
from market.events import (
    NS_PER_S,
    TIMEFRAME_MS,
    TIMEFRAMES,
    Candle,
    Candles,
    FeedDown,
    FeedUp,
    StreamDown,
    StreamUp,
)
from tests.daemon import rig
from tests.daemon.rig import Scene
from tests.support.engines import NOW_NS, S
from tests.support.life import HOUR
from tests.support.outages import MIDNIGHT_MS, MINUTE_MS, Line, candles, truth
from tests.support.shadow import T0, T0_MS, quoted


def test_a_start_asks_for_minutes_then_for_what_they_do_not_tell() -> None:
    made = rig.fresh({}, rig.PAIR)
    asked = made.engine.step(FeedUp(NOW_NS)).requests
    assert [(r.what, r.coin, r.timeframe) for r in asked] == [
        ("candles", coin, "1m") for coin in rig.PAIR
    ]
    for request in asked:
        assert request.from_ms < request.to_ms == NOW_NS // 1_000_000
    line = Line(MIDNIGHT_MS + 90 * MINUTE_MS + 17_000)
    line.run_until(line.now_ms + 2_000)
    assert [r.timeframe for _, r in line.asked] == ["1m", "15m", "1h", "4h"]
    bars = {tf: len(series) for tf, series in line.bars.series.items()}
    assert bars["1m"] >= 700 and bars["5m"] >= WARM_UP_ROWS - 1, "no question for 5m"
    assert all(bars[tf] >= 100 or tf == "4h" for tf in bars)
    line.cut()
    line.connect()
    line.run_until(line.now_ms + 2_000)
    assert [r.timeframe for _, r in line.asked[4:]] == ["1m"]


def test_bars_that_begin_anew_are_asked_for_though_they_once_came_whole() -> None:
    line = Line(MIDNIGHT_MS + 90 * MINUTE_MS + 17_000)
    line.run_until(line.now_ms + 2_000)
    before = {tf: len(series) for tf, series in line.bars.series.items()}
    asked = [r.timeframe for _, r in line.asked]
    line.tell(StreamDown("BTC", "trades", "silent"))
    line.tell(StreamUp("BTC", "trades"))
    line.run_until(line.now_ms + 2_000)
    assert [r.timeframe for _, r in line.asked] == asked * 2
    assert {tf: len(series) for tf, series in line.bars.series.items()} == before


def test_what_few_minutes_do_not_tell_is_asked_for_on_its_own_timeframe() -> None:
    few = False

    def spoil(timeframe: str, rows: list[Candle], asked_ms: int) -> list[Candle]:
        return rows[-3:] if few and timeframe == "1m" else rows

    line = Line(MIDNIGHT_MS + 50 * MINUTE_MS, spoil=spoil)
    line.run_until(line.now_ms + 2_000)
    asked = len(line.asked)
    few = True
    line.cut()
    line.run_until(line.now_ms + 20 * MINUTE_MS)
    line.connect()
    line.run_until(line.now_ms + 2_000)
    assert {"1m", "15m", "1h", "4h"} <= {r.timeframe for _, r in line.asked[asked:]}


def test_eleven_hours_fold_from_the_minutes_alone() -> None:
    for offset in range(0, 240, 7):
        bars = Bars()
        asked_ms = MIDNIGHT_MS + offset * MINUTE_MS + 17_000
        from_ms = asked_ms // MINUTE_MS * MINUTE_MS - MINUTE_ROWS * MINUTE_MS
        rows = candles("1m", from_ms, asked_ms)
        bars.on_candles("1m", rows, asked_ms)
        assert len(bars.series["1h"]) >= 11
        for tf in ("5m", "15m", "1h", "4h"):
            found = [bars.series[tf].bar(i) for i in range(len(bars.series[tf]))]
            assert found == [truth(tf, bar.start_ms) for bar in found]


def test_rates_of_owed_hours_are_asked_for_again_and_again_with_pauses_until_they_are_told() -> (
    None
):
    stage = quoted(now_ns=T0 + 3_580 * NS_PER_S)
    stage.signal(horizon_s=60, stop=5.0)
    asked: list[tuple[int, Request]] = []

    def go_on(seconds: int, step: float = 1.0) -> None:
        for _ in range(seconds):
            before = len(stage.outcomes)
            stage.books(step, every=step)
            found = [r for o in stage.outcomes[before:] for r in o.requests if r.what == "funding"]
            asked.extend((stage.now_ns // NS_PER_S - T0 // NS_PER_S, r) for r in found)

    go_on(100)
    assert not stage.engine.branch.ledger.trades, "it has closed meanwhile"
    go_on(3 * 360, 10.0)
    assert {(r.coin, r.from_ms, r.timeframe) for _, r in asked} == {("SOL", T0_MS + HOUR, "")}
    assert asked[0][0] <= 3_620
    pauses = [b - a for (a, _), (b, _) in pairwise(asked)]
    assert pauses == pytest.approx([20, 40, 80, 160, 320, 640, 1_280, 2_560, 2_560, 2_560], abs=20)
    stage.rates([(T0_MS + HOUR, 0.0001)])
    before = len(asked)
    go_on(3_600, 10.0)
    assert len(asked) == before and not stage.engine.branch.ledger.owing.unsettled()


def outage(start_ms: int, down_ms: int, takes_ms: int, *, before_ms: int = 90_000) -> Line:
    """Return a line that was cut for a while, some time after it came back."""
    line = Line(start_ms - before_ms, takes_ms=takes_ms)
    line.run_until(start_ms)
    had = {tf: len(series) for tf, series in line.bars.series.items()}
    line.cut()
    line.run_until(start_ms + down_ms)
    line.connect()
    line.run_until(line.now_ms + takes_ms + 2_500)
    for tf, series in line.bars.series.items():
        assert len(series) >= min(had[tf], series.keep), f"{tf}: {had[tf]} before"
    assert set(line.newest().values()) == {0}
    return line


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_an_outage_across_the_end_of_a_bar_leaves_every_series_whole(timeframe: str) -> None:
    """Four seconds across the end of an hour used to leave 5 bars of 1h and 1 of 4h."""
    ends_ms = MIDNIGHT_MS + TIMEFRAME_MS[timeframe]
    for before_ms in (3_900, 2_000, 100):
        line = outage(ends_ms - before_ms, 4_000, 700)
        line.run_until(line.now_ms + 6 * MINUTE_MS)
        assert line.wrong() == {} and line.rows.alarms[1:] == []
        assert line.engine.backfill.missing() == {}


@given(
    start_ms=st.integers(MIDNIGHT_MS - 5 * MINUTE_MS, MIDNIGHT_MS + 240 * MINUTE_MS),
    down_ms=st.one_of(st.integers(100, 90_000), st.integers(100, 9 * 60 * MINUTE_MS)),
    takes_ms=st.integers(50, 170_000),
)
@example(MIDNIGHT_MS - 2_000, 4_000, 400)
@example(MIDNIGHT_MS + 300, 200, 59_000)
@example(MIDNIGHT_MS - 61_000, 3_000, 150_000)
@settings(max_examples=12)
def test_whatever_an_outage_took_on_any_timeframe_is_asked_for_or_folded(
    start_ms: int, down_ms: int, takes_ms: int
) -> None:
    line = outage(start_ms, down_ms, takes_ms, before_ms=10_000 + 2 * takes_ms)
    # A minute of which the reply knew only the beginning is asked for once more.
    line.run_until(line.now_ms + 3 * MINUTE_MS + 2 * takes_ms)
    assert line.wrong() == {}
    assert set(line.newest().values()) == {0} and line.engine.backfill.missing() == {}


@given(
    cuts=st.lists(st.tuples(st.integers(200, 40_000), st.integers(100, 30_000)), max_size=8),
    takes_ms=st.integers(50, 20_000),
)
@settings(max_examples=8)
def test_a_line_that_flaps_leaves_no_bar_that_is_not_the_venue_s(
    cuts: list[tuple[int, int]], takes_ms: int
) -> None:
    line = Line(MIDNIGHT_MS - 2 * MINUTE_MS + 9_000, takes_ms=takes_ms)
    line.run_until(line.now_ms + 30_000)
    for up_ms, down_ms in cuts:
        line.cut()
        line.run_until(line.now_ms + down_ms)
        line.connect()
        line.run_until(line.now_ms + up_ms)
    line.run_until(line.now_ms + 4 * MINUTE_MS)
    assert line.wrong() == {}
    assert set(line.newest().values()) == {0} and line.engine.backfill.missing() == {}


def leaves_out(minute_ms: int, until_ms: int) -> Line:
    """Return a line whose venue tells of a minute only from some time on."""

    def spoil(tf: str, rows: list[Candle], asked_ms: int) -> list[Candle]:
        told = asked_ms >= until_ms
        return [row for row in rows if told or tf != "1m" or row.start_ms != minute_ms]

    line = Line(minute_ms + MINUTE_MS + 20_000, spoil=spoil)
    line.run_until(line.now_ms + 2_000)
    return line


@pytest.mark.parametrize("ago", [1, 2, 5, 44])
def test_a_minute_that_the_venue_tells_of_later_repeats_the_close_until_then(ago: int) -> None:
    """The minute before now, and one in the middle of what it told."""
    minute_ms = MIDNIGHT_MS + 9 * MINUTE_MS
    line = leaves_out(minute_ms, minute_ms + (ago + 1) * MINUTE_MS + 10_000)
    minutes = line.bars.series["1m"]
    at = minutes.start_ms.index(minute_ms)
    close = minutes.close[at - 1]
    assert minutes.bar(at) == Candle(minute_ms, close, close, close, close, 0.0, 0)
    assert len(minutes) >= 700, "no row before the hole is thrown away"
    assert line.bars.patched["1m"] == [minute_ms] and "5m" in line.wrong()
    line.run_until(line.now_ms + (2 * ago + 2) * MINUTE_MS)
    assert line.bars.patched["1m"] == [] and line.wrong() == {}


def test_a_minute_that_the_venue_never_tells_of_is_asked_for_a_few_times_only() -> None:
    minute_ms = MIDNIGHT_MS + 9 * MINUTE_MS
    line = leaves_out(minute_ms, 2 * MIDNIGHT_MS)
    line.run_until(line.now_ms + 190 * MINUTE_MS)
    tails = [r for _, r in line.asked if r.from_ms == minute_ms - MINUTE_MS]
    assert len(tails) == TAIL_TRIES
    assert all(5_000 <= at % MINUTE_MS < 50_000 for at, r in line.asked if r in tails)
    assert line.engine.backfill.missing() == {}


def test_a_hole_too_long_for_the_minutes_starts_a_series_anew_and_says_so() -> None:
    line = Line(MIDNIGHT_MS + 10_000)
    line.run_until(line.now_ms + 5_000)
    line.cut()
    line.takes_ms = 20 * MINUTE_MS
    line.run_until(line.now_ms + 6 * MINUTE_MS)
    line.connect()
    line.run_until(line.now_ms + 12 * MINUTE_MS)
    said = [alarm.message for alarm in line.rows.alarms if alarm.kind == "history"]
    assert said == [
        "BTC 1m: the series starts anew after a hole, 1 bars are left; asked for again",
        "BTC 5m: the series starts anew after a hole, 1 bars are left; asked for again",
    ]
    line.run_until(line.now_ms + 30 * MINUTE_MS)
    assert line.wrong() == {} and line.engine.backfill.missing() == {}
    assert len(line.bars.series["5m"]) >= WARM_UP_ROWS - 1


def test_a_gap_in_an_open_trade_s_marks_is_asked_for_at_most_every_twenty_seconds() -> None:
    scene = Scene(coins=rig.PAIR, lanes=[rig.probe(lambda m, c, v: rig.entry(c, horizon_s=600))])
    scene.advance(20)
    assert scene.engine.branch.settlement.real
    asked: list[tuple[int, Any]] = []
    scene.run.absorb = lambda outcome: asked.extend(  # type: ignore[method-assign]
        (scene.run.now_ns, r) for r in outcome.requests
    )
    scene.run.intake._absorb = scene.run.absorb
    scene.tell(FeedDown("cut"))
    down_ns = scene.run.now_ns
    scene.advance(100, deaf=True)
    times = sorted({ns for ns, r in asked if r.coin == "BTC"})
    assert times[0] - down_ns > 30 * S
    assert all(b - a >= 20 * S for a, b in pairwise(times))
    for _, request in asked:
        assert request.from_ms % 60_000 == 0 and request.from_ms <= down_ns // 1_000_000


def test_rows_that_no_bar_can_have_are_said_to_be_left_out() -> None:
    made = rig.fresh({}, rig.PAIR)
    rows = [Candle(NOW_NS // 1_000_000 - 60_000, 1.0, 1.0, 1.0, 1.0, 1.0, 1)]
    said = made.engine.step(Candles("ETH", "5m", rows, NOW_NS, NOW_NS, 3)).rows.alarms
    assert [(a.kind, a.message) for a in said] == [
        ("history", "ETH 5m: 3 impossible rows of 4 left out")
    ]
    # The tail of the minutes is asked for again and again: the same trouble is told once an hour.
    for after_s, told in ((60, []), (3599, []), (3601, ["history"]), (3700, [])):
        now_ns = NOW_NS + after_s * NS_PER_S
        said = made.engine.step(Candles("ETH", "5m", rows, now_ns, now_ns, 1)).rows.alarms
        assert [a.kind for a in said if "impossible" in a.message] == told
    assert made.engine.step(Candles("ETH", "5m", rows, NOW_NS, NOW_NS)).rows.size() == 0


def test_a_coin_interrupted_alone_is_asked_for_alone() -> None:
    made = rig.fresh({}, rig.PAIR)
    made.engine.step(FeedUp(NOW_NS))
    coin = made.engine.market.coins["ETH"]
    coin.bars.interrupt(NOW_NS // 1_000_000 - 60_000)
    made.engine.backfill.ask_again(coin)
    asked = made.engine.out.take().requests
    assert {r.coin for r in asked} == {"ETH"} and asked[0].timeframe == "1m"
