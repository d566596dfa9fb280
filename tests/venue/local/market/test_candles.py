from __future__ import annotations

import numpy as np
import pytest

from market.instrument import Instrument
from venue.local.market.candles import (
    INTERVALS,
    ROWS_MAX,
    Bars,
    bar_end,
    bar_start,
    fold,
    joined,
    no_bars,
    oldest_start,
    rows_of,
)

MINUTE_MS = 60_000
MIDNIGHT_MS = 1_756_684_800_000


def minutes(count: int, start_ms: int = MIDNIGHT_MS) -> Bars:
    rng = np.random.default_rng(count)
    px = rng.integers(100, 200, (count, 4))
    px.sort(axis=1)
    traded = rng.integers(1, 5, count)
    return Bars(
        start_ms + MINUTE_MS * np.arange(count),
        px[:, 1],
        px[:, 3],
        px[:, 0],
        px[:, 2],
        traded * rng.integers(1, 50, count),
        traded,
    )


@pytest.mark.parametrize("interval", ["3m", "15m", "1h", "4h"])
def test_folding_is_exact(interval: str) -> None:
    bars = minutes(1_000, MIDNIGHT_MS + 7 * MINUTE_MS)
    folded = fold(bars, interval)
    for row in range(len(folded)):
        start = int(folded.start_ms[row])
        inside = bars.where((bars.start_ms >= start) & (bars.start_ms < bar_end(interval, start)))
        assert folded.open[row] == inside.open[0]
        assert folded.high[row] == inside.high.max()
        assert folded.low[row] == inside.low.min()
        assert folded.close[row] == inside.close[-1]
        assert folded.lots[row] == inside.lots.sum()
        assert folded.count[row] == inside.count.sum()
    assert int(folded.lots.sum()) == int(bars.lots.sum())


def test_minutes_without_trades_count_only_where_there_are_no_others() -> None:
    rows = [
        (100, 100, 100, 100, 0, 0),
        (120, 130, 110, 115, 5, 2),
        *[(115, 115, 115, 115, 0, 0)] * 4,
    ]
    bars = Bars(MIDNIGHT_MS + MINUTE_MS * np.arange(6), *np.array(rows).T)
    folded = fold(bars, "3m")
    assert folded.open.tolist() == [120, 115]
    assert folded.low.tolist() == [110, 115]
    assert folded.close.tolist() == [115, 115]
    assert folded.lots.tolist() == [5, 0]
    assert folded.count.tolist() == [2, 0]


def test_none_folds_to_none() -> None:
    assert len(fold(no_bars(), "1h")) == len(joined([])) == len(joined([no_bars()])) == 0


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_follow_each_other(interval: str) -> None:
    start = bar_start(interval, MIDNIGHT_MS + 123_456_789)
    end = bar_end(interval, start)
    assert start <= MIDNIGHT_MS + 123_456_789 < end
    assert bar_start(interval, end - 1) == start
    assert bar_start(interval, end) == end
    assert oldest_start(interval, MIDNIGHT_MS) <= MIDNIGHT_MS


def test_months_are_those_of_the_calendar() -> None:
    assert bar_start("1M", MIDNIGHT_MS + 29 * 86_400_000) == MIDNIGHT_MS
    assert bar_end("1M", MIDNIGHT_MS) - MIDNIGHT_MS == 30 * 86_400_000


def test_no_more_than_the_newest_five_thousand_are_given() -> None:
    now_ms = MIDNIGHT_MS + 30
    assert (now_ms - oldest_start("1m", now_ms)) // MINUTE_MS == ROWS_MAX - 1


def test_rows_are_written_like_the_venue_does() -> None:
    bars = Bars(*(np.array([n]) for n in (MIDNIGHT_MS, 10_550, 10_600, 10_500, 10_580, 12_345, 9)))
    assert rows_of(bars, "1m", Instrument("SOL", 2, 2, 10)) == [
        {
            "t": MIDNIGHT_MS,
            "T": MIDNIGHT_MS + 59_999,
            "s": "SOL",
            "i": "1m",
            "o": "1.055",
            "c": "1.058",
            "h": "1.06",
            "l": "1.05",
            "v": "123.45",
            "n": 9,
        }
    ]
