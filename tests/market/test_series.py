from __future__ import annotations

import msgspec
import pytest

from market.bars import Bars
from market.series import KEEP, KEEP_MINUTES, SLACK, Series
from tests.support.market import MINUTE_MS, START_MS, candle, candles


def test_a_series_restarts_at_a_hole_and_ignores_what_it_has() -> None:
    series = Series(MINUTE_MS)
    for i in (0, 1, 1, 0, 4, 5):
        series.append(candle(START_MS + i * MINUTE_MS, float(i)))
    assert series.start_ms == [START_MS + 4 * MINUTE_MS, START_MS + 5 * MINUTE_MS]
    assert series.close == [4.0, 5.0]


@pytest.mark.parametrize(("timeframe", "keep"), [("1m", KEEP_MINUTES), ("5m", KEEP), ("4h", KEEP)])
def test_a_series_drops_old_bars_but_goes_on_counting(timeframe: str, keep: int) -> None:
    series = Bars().series[timeframe]
    for bar in candles([float(i) for i in range(3 * keep)], timeframe):
        series.append(bar)
        assert len(series) < keep + SLACK
    assert len(series) >= keep
    assert series.fresh == 3 * keep
    assert series.close[-1] == 3 * keep - 1
    columns = (series.open, series.high, series.low, series.volume, series.count, series.start_ms)
    assert {len(column) for column in columns} == {len(series)}


def test_minutes_written_down_by_an_older_version_are_kept_as_long_as_ours() -> None:
    written = msgspec.json.encode({"step_ms": MINUTE_MS, "fresh": 7})
    assert msgspec.json.decode(written, type=Series).keep == KEEP_MINUTES


def minutes(count: int) -> Series:
    """Return a series of minutes that begins at the start; closes count from 1."""
    series = Series(MINUTE_MS)
    for bar in candles([i + 1.0 for i in range(count)], end_ms=START_MS + count * MINUTE_MS):
        series.append(bar)
    return series


@pytest.mark.parametrize(("since_ms", "left"), [(-1, 0), (59_999, 0), (60_000, 1), (185_000, 3)])
def test_what_had_not_ended_by_then_is_void(since_ms: int, left: int) -> None:
    series = minutes(5)
    before = series.revision
    series.void(START_MS + since_ms)
    assert series.close == [i + 1.0 for i in range(left)]
    assert series.revision > before and series.fresh == 5
    columns = (series.open, series.high, series.low, series.volume, series.count, series.start_ms)
    assert {len(column) for column in columns} == {left}


def test_a_span_is_there_as_a_whole_or_not_at_all() -> None:
    series = minutes(5)
    assert series.span(START_MS + MINUTE_MS, START_MS + 4 * MINUTE_MS) == range(1, 4)
    assert series.span(START_MS, START_MS + 5 * MINUTE_MS) == range(5)
    assert series.span(START_MS - MINUTE_MS, START_MS + MINUTE_MS) is None
    assert series.span(START_MS + MINUTE_MS, START_MS + 6 * MINUTE_MS) is None
    assert Series(MINUTE_MS).span(START_MS, START_MS + MINUTE_MS) is None


def test_bars_put_in_the_place_of_others_count_as_no_more_than_they_are() -> None:
    series = minutes(5)
    longer = candles([9.0] * 7, end_ms=START_MS + 6 * MINUTE_MS)
    series.replace(longer)
    assert (series.close, series.fresh, series.anew) == ([9.0] * 7, 7, False)
    series.replace(longer[:3])
    assert (len(series), series.fresh, series.anew) == (3, 7, False)


def test_a_hole_that_costs_bars_is_noted_until_somebody_has_seen_it() -> None:
    series = minutes(5)
    series.append(candle(START_MS + 9 * MINUTE_MS, 1.0))
    assert series.anew and len(series) == 1
    series.replace([])
    assert series.anew, "nobody has taken note yet"
    series = minutes(5)
    series.replace([*candles([2.0] * 3), *candles([3.0] * 6, end_ms=START_MS + 60 * MINUTE_MS)])
    assert not series.anew, "what came is longer than what was there"
    series.replace([*candles([2.0] * 3), *candles([3.0] * 5, end_ms=START_MS + 60 * MINUTE_MS)])
    assert series.anew
