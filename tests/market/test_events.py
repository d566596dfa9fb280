from __future__ import annotations

from itertools import pairwise
from typing import get_args

import msgspec
import pytest

from market.events import (
    MS_PER_DAY,
    MS_PER_HOUR,
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MS,
    NS_PER_S,
    TIMEFRAME_MS,
    TIMEFRAMES,
    Candle,
    Candles,
    Command,
    Event,
    FeedDown,
    FeedUp,
    FundingHistory,
    Notice,
    Recorded,
    StreamDown,
    StreamUp,
)
from tests.support.market import START_MS, START_NS, candle


def test_timeframes_rise_and_each_divides_the_next_and_the_day() -> None:
    assert list(TIMEFRAME_MS) == list(TIMEFRAMES)
    for shorter, longer in pairwise(TIMEFRAMES):
        assert TIMEFRAME_MS[longer] > TIMEFRAME_MS[shorter]
        assert TIMEFRAME_MS[longer] % TIMEFRAME_MS[shorter] == 0
    assert all(MS_PER_DAY % step == 0 for step in TIMEFRAME_MS.values())


def test_nanoseconds_and_milliseconds_name_the_same_spans() -> None:
    assert NS_PER_S == 1_000 * NS_PER_MS
    assert NS_PER_HOUR == MS_PER_HOUR * NS_PER_MS == 3_600 * NS_PER_S
    assert NS_PER_DAY == MS_PER_DAY * NS_PER_MS == 24 * NS_PER_HOUR


def test_every_event_is_stamped_with_its_receive_time() -> None:
    for kind in get_args(Event):
        assert "recv_ns" in kind.__struct_fields__


@pytest.mark.parametrize(
    "event",
    [
        Candles("BTC", "5m", [candle(START_MS, 1.5)], START_NS, START_NS + 1),
        FundingHistory("BTC", [(START_MS, -0.0000125)], START_NS),
        Command("halt", "why", "operator", START_NS),
        FeedDown("lost", START_NS),
        FeedUp(START_NS),
        FeedUp(START_NS, 1, ["ETH"]),
        StreamDown("BTC", "fast", "silent", START_NS),
        StreamUp("BTC", "fast", START_NS),
        Notice("kind", "text", START_NS),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_goes_on_the_tape_as_a_value_comes_back_as_itself(event: Recorded) -> None:
    raw = msgspec.json.encode(event)
    back = msgspec.json.decode(raw, type=Recorded)
    assert type(back) is type(event)
    assert back == event


def test_every_kind_that_is_recorded_is_an_event() -> None:
    assert set(get_args(Recorded)) <= set(get_args(Event))


def test_a_candle_is_written_as_a_row() -> None:
    row = msgspec.json.decode(msgspec.json.encode(Candle(START_MS, 1.0, 2.0, 0.5, 1.5, 9.0, 3)))
    assert row == [START_MS, 1.0, 2.0, 0.5, 1.5, 9.0, 3]
