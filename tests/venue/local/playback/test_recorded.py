from __future__ import annotations

import gzip
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.events import Candle, Candles
from tests.venue.local.serving import recordings
from tests.venue.local.taping import START_MS, START_NS, bbo, book, candles_at, context, trades
from venue.local.market.contract import Topic
from venue.local.playback.recorded import Shift, aligned, candles_of, shown

NOW_MS = 1_760_000_000_123
TENFOLD = Shift(START_NS, NOW_MS, 10.0)


def test_distances_are_divided_by_the_speed() -> None:
    assert TENFOLD.shown_ms(START_MS) == NOW_MS
    assert TENFOLD.shown_ms(START_MS + 5_000) == NOW_MS + 500
    assert TENFOLD.shown_ms(START_MS - 300) == NOW_MS - 30
    assert not TENFOLD.is_due(START_NS + 5_000_000_000, NOW_MS + 499)
    assert TENFOLD.is_due(START_NS + 5_000_000_000, NOW_MS + 500)


@pytest.mark.parametrize(
    ("raw", "topic"),
    [
        (book(1_000, "100.0", "101.0"), Topic("l2Book", "BTC")),
        (book(1_000, "100.0", "101.0", fast=True), Topic("l2Book", "BTC", fast=True)),
        (bbo(1_000, "100.0", None), Topic("bbo", "BTC")),
        (trades((1_000, "100.0", "1.0", 7), (1_000, "100.0", "2.0", 8)), Topic("trades", "BTC")),
        (context(), Topic("activeAssetCtx", "BTC")),
    ],
)
def test_nothing_but_the_times_changes(raw: bytes, topic: Topic) -> None:
    found = shown(raw, TENFOLD)
    assert found is not None
    assert found.topic == topic
    recorded = json.loads(raw)["data"]
    changed = found.data if isinstance(found.data, list) else [found.data]
    for ours, theirs in zip(
        changed, recorded if isinstance(recorded, list) else [recorded], strict=True
    ):
        assert list(ours) == list(theirs)
        if "time" in ours:
            assert ours.pop("time") == NOW_MS + 100
            del theirs["time"]
        assert ours == theirs


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Websocket connection established.",
        b'{"channel":"pong"}',
        b'{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{}}}',
        b'{"channel":"error","data":"no"}',
        b'{"channel":"allMids","data":{"mids":{}}}',
        b'{"channel":"trades","data":[]}',
        b'{"channel":"l2Book","data":{"coin":"BTC","time":1,"levels":null}}',
        trades((0, "-5.0", "1.0", 1)),
        trades((0, "5.0", "1.0", 1))[:-2] + b"," + trades((0, "5.0", "1.0", 1), coin="X")[29:],
        book(0, "98.0", "101.0"),
        bbo(10**400, "100.0", "101.0"),
        bbo(-(10**15), "100.0", "101.0"),
        context()[:-1] + b',"more":"\xff"}',
    ],
)
def test_what_the_daemon_would_refuse_is_passed_over(raw: bytes) -> None:
    assert shown(raw, TENFOLD) is None


@given(st.binary(max_size=100), st.integers(0, 400), st.integers(0, 400))
def test_no_bytes_do_harm(junk: bytes, start: int, end: int) -> None:
    raw = book(0, "100.0", "101.0")
    shown(raw[:start] + junk + raw[end:], TENFOLD)
    candles_of(junk)


def test_recorded_frames_of_mainnet_can_be_shown() -> None:
    path = recordings() / "hyperliquid_ws_frames" / "btcusd_20250126.gz"
    with gzip.open(path, "rb") as lines:
        frames = [text.split(b" ", 1) for text in lines]
    shift = Shift(int(frames[0][0]), NOW_MS, 1.0)
    found = [shown(raw, shift) for _, raw in frames]
    assert all(found)
    # The venue's lag is kept: what was old when it came is as old when it is shown.
    for (ns, raw), each in zip(frames, found, strict=True):
        if each is not None and each.topic.type == "l2Book":
            lag_ms = int(ns) / 1e6 - json.loads(raw)["data"]["time"]
            shown_lag_ms = shift.shown_ms(int(ns) // 1_000_000) - each.data["time"]
            assert abs(lag_ms - shown_lag_ms) < 2.0


def test_times_written_as_text_are_moved_too() -> None:
    found = shown(bbo(0, "1.0", "2.0").replace(str(START_MS).encode(), b'"%d"' % START_MS), TENFOLD)
    assert found is not None
    assert found.data["time"] == NOW_MS


def test_candles_are_read_and_other_replies_are_not() -> None:
    row = Candle(START_MS, 1.0, 2.0, 0.5, 1.5, 10.0, 3)
    payload = candles_at(0, "1m", [row]).split(b" ", 2)[2]
    candles = candles_of(payload)
    assert candles is not None
    assert candles.rows == [row]
    assert candles_of(b'{"type":"funding","coin":"BTC","rates":[]}') is None
    assert candles_of(b"{") is None


@pytest.mark.parametrize("now_ms", [START_MS, START_MS + 1, 1_760_000_000_123])
def test_moved_candles_still_open_at_round_times(now_ms: int) -> None:
    step = 300_000
    first = START_MS - START_MS % step
    rows = [Candle(first + n * step, 1.0, 1.0, 1.0, 1.0, 1.0, 1) for n in range(-3, 1)]
    shift = Shift(START_NS, now_ms, 1.0)
    starts = [row.start_ms for row in aligned(Candles("BTC", "5m", rows), step, shift)]
    assert all(start % step == 0 for start in starts)
    assert [b - a for a, b in pairwise(starts)] == [step] * 3
    assert now_ms - 2 * step < starts[-1] <= now_ms
