"""Replies to questions: real ones read rightly, broken ones refused, row by row where it can be."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ProtocolViolation
from market.events import Candle
from market.instrument import instruments_from_meta
from tests.support.venue import recorded
from venue.hyperliquid import replies


def number(text: str) -> float:
    return float(Decimal(text))


def bodies(name: str) -> list[Any]:
    """Return the JSON bodies of a recorded exchange of the official SDK's tests."""
    text = recorded(f"hyperliquid_sdk_cassettes/{name}").read_text()
    return re.findall(r"^      string: '(.*)'$", text, re.MULTILINE)


def test_recorded_candles_are_read() -> None:
    raw = bodies("test_get_candles_snapshot.yaml")[1]
    rows = json.loads(raw)
    assert len(rows) == 24
    expected = [
        Candle(r["t"], *(number(r[k]) for k in "ohlcv"), r["n"])  # type: ignore[call-arg]
        for r in rows
    ]
    assert replies.decode_candles(raw.encode()) == replies.CandleRows(expected)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("test_get_funding_history_1684811870000.yaml", 34),
        ("test_get_funding_history_None.yaml", 1038),
    ],
)
def test_recorded_funding_is_read_to_whole_hours(name: str, count: int) -> None:
    raw = bodies(name)[1]
    rows = json.loads(raw)
    rates = replies.decode_funding(raw.encode())
    assert len(rates) == count
    for row, (hour_ms, rate) in zip(rows, rates, strict=True):
        assert hour_ms % 3_600_000 == 0
        assert 0 <= row["time"] - hour_ms < 3_600_000
        assert rate == number(row["fundingRate"])


def test_recorded_metas_are_read_row_by_row() -> None:
    raw = bodies("test_get_candles_snapshot.yaml")[0]
    universe = replies.decode_meta(raw.encode())
    assert universe == json.loads(raw)["universe"]
    metas = [
        r
        for text in recorded("hyperliquid_frames_trading/frames.jsonl").read_text().splitlines()
        if b'"universe"' in (r := json.loads(text)["raw"].encode()) and b"szDecimals" in r
    ]
    listed = instruments_from_meta(replies.decode_meta(metas[0]))
    assert (listed["BTC"].index, listed["BTC"].sz_decimals) == (3, 5)
    assert listed["MATIC"].is_delisted
    assert len(replies.decode_meta(metas[0])) == 201


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=500)
@given(
    raw=st.binary(max_size=60)
    | JSON_VALUES.map(lambda v: json.dumps(v).encode())
    | JSON_VALUES.map(lambda v: json.dumps([{"t": v, "time": v, "fundingRate": v}]).encode())
    | JSON_VALUES.map(lambda v: json.dumps({"universe": v}).encode())
)
def test_replies_of_any_shape_are_refused_or_read(raw: bytes) -> None:
    for decoder, kinds in (
        (replies.decode_candles, {"malformed", "bad_candle"}),
        (replies.decode_funding, {"malformed", "bad_funding"}),
        (replies.decode_meta, {"not_json", "malformed"}),
    ):
        try:
            rows = decoder(raw)
        except ProtocolViolation as refused:
            assert refused.kind in kinds
        else:
            assert isinstance(rows, list | replies.CandleRows)


@given(JSON_VALUES)
def test_a_venue_time_of_any_shape_is_refused_or_read(value: object) -> None:
    for said in (value, {"time": value}):
        try:
            time_ms = replies.decode_venue_time(json.dumps(said).encode())
        except ProtocolViolation as refused:
            assert refused.kind == "malformed"
        else:
            assert 0 <= time_ms < 2**44
    assert replies.decode_venue_time(b'{"time":17,"specialStatuses":null}') == 17


def candle(**changed: Any) -> dict[str, Any]:
    row = {"t": 60_000, "T": 119_999, "s": "BTC", "i": "1m", "n": 3}
    return {**row, "o": "10", "h": "12", "l": "9", "c": "11", "v": "5", **changed}


def test_candles_keep_their_order_and_numbers() -> None:
    rows = [candle(), candle(t=120_000, v="0.0", n=0)]
    assert replies.decode_candles(json.dumps(rows).encode()).rows == [
        Candle(60_000, 10.0, 12.0, 9.0, 11.0, 5.0, 3),
        Candle(120_000, 10.0, 12.0, 9.0, 11.0, 0.0, 0),
    ]
    assert replies.decode_candles(b"[]") == replies.CandleRows([])


IMPOSSIBLE = [
    *[{"l": low} for low in ("0", "-1", "10.5")],
    *[{"h": high} for high in ("10.5", "1e15")],
    *[{"o": opened} for opened in ("12.5", "8.5")],
    *[{"c": close} for close in ("12.5", "8.5")],
    *[{"v": volume} for volume in ("-1", "nan", "inf")],
    *[{key: bad} for key in "ohlc" for bad in ("nan", "inf", "-inf")],
    # Not the beginning of a minute, and one that has not begun.
    *[{"t": start_ms} for start_ms in (60_001, 600_060_000)],
]


@pytest.mark.parametrize("changed", IMPOSSIBLE, ids=repr)
def test_an_impossible_row_leaves_the_others_what_they_are(changed: dict[str, Any]) -> None:
    rows = [candle(t=n * 60_000) for n in range(640)]
    sound = replies.decode_candles(json.dumps(rows).encode()).rows
    assert len(sound) == 640
    for at in (0, 7, 639):
        # A time of its own stays in its place, or it would be the next row that is out of order.
        spoilt = [*rows[:at], {**rows[at], **changed}, *rows[at + 1 :]]
        raw = json.dumps(spoilt).encode()
        found = replies.decode_candles(raw, step_ms=60_000, until_ms=600_000_000)
        assert found == replies.CandleRows(sound[:at] + sound[at + 1 :], 1)


@pytest.mark.parametrize("row", [None, 1, [], {}, {"t": 60_000}, candle(o=None), candle(n=-1)])
def test_a_row_of_another_shape_leaves_the_others_what_they_are(row: Any) -> None:
    raw = json.dumps([candle(), row, candle(t=120_000)]).encode()
    found = replies.decode_candles(raw)
    assert [one.start_ms for one in found.rows] == [60_000, 120_000] and found.refused == 1


def test_rows_out_of_order_are_refused() -> None:
    rows = [candle(), candle(), candle(t=180_000), candle(t=120_000), candle(t=240_000)]
    found = replies.decode_candles(json.dumps(rows).encode())
    assert [one.start_ms for one in found.rows] == [60_000, 180_000, 240_000]
    assert found.refused == 2


@pytest.mark.parametrize(
    "rows",
    [
        [candle(l="0")],
        [candle(l="-1")],
        [candle(l="10.5")],
        [candle(h="10.5")],
        [candle(o="12.5")],
        [candle(o="8.5")],
        [candle(c="12.5")],
        [candle(c="8.5")],
        [candle(h="1e15")],
        [candle(v="-1")],
        [candle(v="nan")],
        [candle(v="inf")],
        *[[candle(**{key: bad})] for key in "ohlc" for bad in ("nan", "inf", "-inf")],
        [candle(v="-1"), candle(l="0")],
    ],
    ids=repr,
)
def test_a_reply_of_impossible_candles_alone_is_refused(rows: list[Any]) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        replies.decode_candles(json.dumps(rows).encode())
    assert refused.value.kind == "bad_candle"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"{}", b'"x"', b"[1]", b"[[]]", b'[{"t":1}]', b"\xff", b"[" * 100_000,
        json.dumps([candle(t="x")]).encode(),
        json.dumps([candle(t=-1)]).encode(),
        json.dumps([candle(t=2**70)]).encode(),
        json.dumps([candle(n=-1)]).encode(),
        json.dumps([candle(o=None)]).encode(),
        json.dumps([candle()]).encode()[:-1],
    ],
)  # fmt: skip
def test_a_reply_that_holds_no_candles_is_malformed(raw: bytes) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        replies.decode_candles(raw)
    assert refused.value.kind == "malformed"


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf", "1.0", "-5"])
def test_an_impossible_funding_rate_is_refused(bad: str) -> None:
    row = {"coin": "BTC", "fundingRate": bad, "premium": "0", "time": 3_600_000}
    with pytest.raises(ProtocolViolation) as refused:
        replies.decode_funding(json.dumps([row]).encode())
    assert refused.value.kind == "bad_funding"


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"{}", b"[[]]", b'[{"time":1}]', b'[{"fundingRate":"0","time":-1}]', b"\xff"],
)
def test_a_reply_that_holds_no_funding_is_malformed(raw: bytes) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        replies.decode_funding(raw)
    assert refused.value.kind == "malformed"


def test_a_settlement_belongs_to_the_hour_it_ends() -> None:
    row = {"coin": "BTC", "fundingRate": "-0.000125", "time": 7_200_118}
    assert replies.decode_funding(json.dumps([row]).encode()) == [(7_200_000, -0.000125)]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"null", "malformed"),
        (b"[]", "malformed"),
        (b"{}", "malformed"),
        (b'{"universe":null}', "malformed"),
        (b'{"universe":{}}', "malformed"),
    ],
)
def test_a_reply_that_is_no_meta_is_refused(raw: bytes, kind: str) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        replies.decode_meta(raw)
    assert refused.value.kind == kind
