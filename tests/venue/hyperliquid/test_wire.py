"""The venue's messages: real ones read rightly, broken ones refused by the documented kind."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market.errors import ProtocolViolation
from market.events import BboUpdate, BookUpdate, ContextUpdate, Print, TradesUpdate
from tests.support.venue import (
    BBO,
    DATA_OF,
    FAST,
    PONG,
    SLOW,
    T0,
    T0_MS,
    TRADES,
    ack,
    bbo,
    book,
    complaint,
    context,
    message,
    recorded,
    trade,
    trades,
)
from venue.hyperliquid import replies, wire
from venue.hyperliquid.streams import Subscription

KINDS_OF_DECODE = {"not_json", "unknown_channel", "malformed"}
KINDS_OF_NUMBERS = {"bad_level", "bad_trade", "bad_context"}
TYPE_OF = {
    "l2Book": wire.L2BookFrame,
    "bbo": wire.BboFrame,
    "trades": wire.TradesFrame,
    "activeAssetCtx": wire.ContextFrame,
    "subscriptionResponse": wire.AckFrame,
    "error": wire.ErrorFrame,
    "pong": wire.PongFrame,
}

BadNumber = Callable[[str], bytes]
BAD_NUMBERS = ["nan", "-nan", "inf", "-inf", "1e400", "-1.0", "0.0", "-0.0", "1e15", "1e308"]


def event_of(raw: bytes) -> Any:
    """Return the event in a frame of data, as a session would make it."""
    frame = wire.decode(raw)
    if isinstance(frame, wire.L2BookFrame):
        return wire.book_update(frame.data, T0)
    if isinstance(frame, wire.BboFrame):
        return wire.bbo_update(frame.data, T0)
    if isinstance(frame, wire.ContextFrame):
        return wire.context_update(frame.data, T0)
    if isinstance(frame, wire.TradesFrame):
        return wire.trades_update("BTC", frame.data, T0)
    return frame


def refusal(raw: bytes) -> str:
    """Return the kind of violation that a frame is refused for."""
    with pytest.raises(ProtocolViolation) as refused:
        event_of(raw)
    assert str(refused.value).startswith(refused.value.kind)
    return refused.value.kind


# Real frames.


def recorded_frames() -> Iterator[bytes]:
    """Yield every frame of the websocket recordings."""
    with gzip.open(recorded("hyperliquid_ws_frames/btcusd_20250126.gz"), "rb") as file:
        for text in file:
            yield text.split(b" ", 1)[1].strip()
    for name in (
        "hyperliquid_frames_testnet/testnet_20260728.jsonl",
        "hyperliquid_frames_trading/frames.jsonl",
    ):
        for text in recorded(name).read_text().splitlines():
            yield json.loads(text)["raw"].encode()


def number(text: str) -> float:
    return float(Decimal(text))


def levels_of(rows: list[dict[str, Any]]) -> list[tuple[float, float, int]]:
    return [(number(r["px"]), number(r["sz"]), r["n"]) for r in rows]


def check_book(data: dict[str, Any], event: BookUpdate) -> None:
    sides = [[(x.px, x.sz, x.n) for x in side] for side in (event.bids, event.asks)]
    assert sides == [levels_of(side) for side in data["levels"]]
    assert (event.coin, event.time_ms) == (data["coin"], data["time"])
    assert (event.fast, event.recv_ns) == (data.get("fast", False), T0)


def check_bbo(data: dict[str, Any], event: BboUpdate) -> None:
    for row, side in zip(data["bbo"], (event.bid, event.ask), strict=True):
        if row is None or side is None:
            assert row is side
        else:
            assert [(side.px, side.sz, side.n)] == levels_of([row])
    assert (event.coin, event.time_ms) == (data["coin"], data["time"])


def check_trades(data: list[dict[str, Any]], event: TradesUpdate) -> None:
    expected = [
        Print(r["time"], number(r["px"]), number(r["sz"]), {"B": 1, "A": -1}[r["side"]])
        for r in data
    ]
    assert event.prints == expected


def check_context(data: dict[str, Any], event: ContextUpdate) -> None:
    ctx = data["ctx"]
    got = {
        "funding": event.funding,
        "openInterest": event.open_interest,
        "oraclePx": event.oracle_px,
        "markPx": event.mark_px,
        "premium": event.premium,
        "dayNtlVlm": event.day_notional,
        "prevDayPx": event.prev_day_px,
    }
    assert got == {k: None if ctx[k] is None else number(ctx[k]) for k in got}


CHECKS: dict[str, Callable[[Any, Any], None]] = {
    "l2Book": check_book,
    "bbo": check_bbo,
    "trades": check_trades,
    "activeAssetCtx": check_context,
}


def test_every_recorded_frame_is_read_to_its_type_and_numbers() -> None:
    seen: dict[str, int] = {}
    for raw in recorded_frames():
        value = json.loads(raw)
        channel = value.get("channel") if isinstance(value, dict) else None
        seen[str(channel)] = seen.get(str(channel), 0) + 1
        if channel not in TYPE_OF:
            assert refusal(raw) == "unknown_channel"
            continue
        assert type(wire.decode(raw)) is TYPE_OF[channel]
        if channel in CHECKS:
            CHECKS[channel](value["data"], event_of(raw))
    assert seen["l2Book"] == 46 + 3
    assert seen["trades"] == 9 + 2
    assert set(TYPE_OF) <= set(seen)


def test_a_recorded_acknowledgement_and_complaint_keep_their_words() -> None:
    talk = (b'{"channel":"subscriptionResponse"', b'{"channel":"error"')
    frames = [wire.decode(raw) for raw in recorded_frames() if raw.startswith(talk)]
    acks = [f.data for f in frames if isinstance(f, wire.AckFrame)]
    assert {"type": "bbo", "coin": "BTC"} in [a.subscription for a in acks]
    assert {a.method for a in acks} == {"subscribe"}
    texts = [f.data for f in frames if isinstance(f, wire.ErrorFrame)]
    assert len(texts) == 2
    assert all(t.startswith("Error parsing JSON into valid websocket request: {") for t in texts)
    requests = [wire.object_in(t) for t in texts]
    assert requests[0] == {
        "method": "subscribe",
        "subscription": {"type": "noSuchType", "coin": "BTC"},
    }


# What is allowed.


def test_sides_may_be_empty_or_missing() -> None:
    assert event_of(book([], [])) == BookUpdate("BTC", T0_MS, [], [], False, T0)
    assert event_of(book([], ["101.0"])).bids == []
    one_sided = event_of(bbo(None, "101.0"))
    assert one_sided.bid is None
    assert one_sided.ask.px == 101.0


def test_a_crossed_book_is_for_the_book_to_judge() -> None:
    crossed = event_of(book(["102.0"], ["101.0"]))
    assert (crossed.bids[0].px, crossed.asks[0].px) == (102.0, 101.0)


def test_only_the_fast_key_tells_the_kinds_of_book_apart() -> None:
    assert event_of(book(fast=True)).fast is True
    assert event_of(book()).fast is False
    spread = json.loads(book())
    spread["data"]["spread"] = "2.0"
    assert event_of(json.dumps(spread).encode()).fast is False


def test_a_level_without_its_count_of_orders_is_read() -> None:
    data = {"coin": "BTC", "time": T0_MS, "levels": [[{"px": "1.5", "sz": "2"}], []]}
    assert event_of(message("l2Book", data)).bids[0].n == 0


def test_a_context_may_lack_its_premium() -> None:
    assert event_of(context(premium=None, midPx=None, impactPxs=None)).premium is None


def test_negative_funding_and_premium_are_ordinary() -> None:
    event = event_of(context(funding="-0.0004", premium="-0.002"))
    assert (event.funding, event.premium) == (-0.0004, -0.002)


def test_pong_has_no_data_and_a_greeting_is_no_json() -> None:
    assert isinstance(wire.decode(PONG), wire.PongFrame)
    assert refusal(wire.GREETING) == "not_json"


def test_keys_in_any_order_and_unknown_keys_are_read() -> None:
    raw = b'{"data":{"levels":[[],[]],"time":5,"new":{"a":[1]},"coin":"BTC"},"channel":"l2Book"}'
    assert event_of(raw) == BookUpdate("BTC", 5, [], [], False, T0)


# What is refused.


@pytest.mark.parametrize("raw", [*DATA_OF.values(), ack(FAST), complaint("no"), PONG])
def test_a_frame_cut_short_anywhere_is_not_json(raw: bytes) -> None:
    assert event_of(raw) is not None
    for size in range(len(raw)):
        assert refusal(raw[:size]) == "not_json"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "not_json"),
        (b" ", "not_json"),
        (b"\x00", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"<html>502 Bad Gateway</html>", "not_json"),
        (b'{"channel":"pong"} trailing', "not_json"),
        (b'{"channel":"pong"}{"channel":"pong"}', "not_json"),
        (b"\xef\xbb\xbf" + PONG, "not_json"),
        (b'{"channel":"error","data":"\xff"}', "not_json"),
        (b'{"channel":"\xc0\x80"}', "not_json"),
        (b'{"channel":"bbo","data":{"coin":"\xed\xa0\x80"}}', "not_json"),
        (b'{"channel":"error","data":"\\ud800"}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"channel":"pong","x":' + b"[" * 100_000, "not_json"),
        (b'{"channel":"bbo","data":' + b'{"coin":' * 50_000, "not_json"),
        (b"null", "unknown_channel"),
        (b"true", "unknown_channel"),
        (b"5", "unknown_channel"),
        (b'"pong"', "unknown_channel"),
        (b"[]", "unknown_channel"),
        (b"{}", "unknown_channel"),
        (b'{"data":{}}', "unknown_channel"),
        (b'{"channel":null}', "unknown_channel"),
        (b'{"channel":1}', "unknown_channel"),
        (b'{"channel":["l2Book"]}', "unknown_channel"),
        (b'{"channel":{"l2Book":1}}', "unknown_channel"),
        (b'{"channel":"Pong"}', "unknown_channel"),
        (b'{"channel":"orderUpdates","data":[]}', "unknown_channel"),
        (b'{"channel":"pong","channel":"noSuch"}', "unknown_channel"),
        (b'{"channel":"pong","channel":"l2Book"}', "malformed"),
        (b'{"channel":"l2Book"}', "malformed"),
        (b'{"channel":"l2Book","data":null}', "malformed"),
        (b'{"channel":"l2Book","data":[]}', "malformed"),
        (b'{"channel":"trades","data":{}}', "malformed"),
        (b'{"channel":"trades","data":[null]}', "malformed"),
        (b'{"channel":"error","data":{}}', "malformed"),
        (b'{"channel":"subscriptionResponse","data":{"method":"subscribe"}}', "malformed"),
        (
            b'{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":[]}}',
            "malformed",
        ),
    ],
    ids=lambda x: x if isinstance(x, str) else repr(x[:40]),
)
def test_what_is_no_frame_is_refused_by_its_kind(raw: bytes, kind: str) -> None:
    assert refusal(raw) == kind


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("coin",), 5),
        (("coin",), None),
        (("time",), None),
        (("time",), "soon"),
        (("time",), 1.5),
        (("time",), True),
        (("time",), -1),
        (("time",), 2**63),
        (("time",), 10**400),
        (("time",), "9" * 30),
        (("levels",), []),
        (("levels",), [[]]),
        (("levels",), [[], [], []]),
        (("levels",), {}),
        (("levels", 0), {}),
        (("levels", 0, 0), ["99.0", "1.0"]),
        (("levels", 0, 0), None),
        (("levels", 0, 0, "px"), None),
        (("levels", 0, 0, "px"), ""),
        (("levels", 0, 0, "px"), "1_000"),
        (("levels", 0, 0, "px"), " 1"),
        (("levels", 0, 0, "px"), "0x10"),
        (("levels", 0, 0, "px"), True),
        (("levels", 0, 0, "px"), []),
        (("levels", 0, 0, "n"), "many"),
        (("fast",), None),
        (("fast",), []),
    ],
    ids=repr,
)
def test_a_value_of_the_wrong_type_or_range_is_malformed(path: tuple[Any, ...], value: Any) -> None:
    frame = json.loads(book(["99.0"], ["101.0"]))
    *way, last = ("data", *path)
    inner = frame
    for step in way:
        inner = inner[step]
    inner[last] = value
    assert refusal(json.dumps(frame).encode()) == "malformed"


@pytest.mark.parametrize("key", ["coin", "time", "levels"])
def test_a_missing_key_is_malformed(key: str) -> None:
    frame = json.loads(book())
    del frame["data"][key]
    assert refusal(json.dumps(frame).encode()) == "malformed"


@pytest.mark.parametrize("key", ["tid", "time"])
@pytest.mark.parametrize("value", [-1, 2**63, 2**200, 10**4000])
def test_ids_and_times_of_trades_fit_64_bits(key: str, value: int) -> None:
    row = {**trade(1), key: 0}
    raw = trades(row).replace(b'"%s":0' % key.encode(), b'"%s":%d' % (key.encode(), value))
    assert refusal(raw) == "malformed"


@pytest.mark.parametrize("side", ["C", "b", "", None, 1])
def test_a_trade_has_one_of_two_sides(side: Any) -> None:
    assert refusal(trades({**trade(1), "side": side})) == "malformed"


@pytest.mark.parametrize("bad", BAD_NUMBERS)
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("bad_level", lambda x: book([(x, "1.0")], [])),
        ("bad_level", lambda x: book([("99.0", x)], [])),
        ("bad_level", lambda x: book([], [(x, "1.0")])),
        ("bad_level", lambda x: book([], [("101.0", x)])),
        ("bad_level", lambda x: book(["99.0", (x, "1.0")], [])),
        ("bad_level", lambda x: book([], ["101.0", (x, "1.0")])),
        ("bad_level", lambda x: bbo((x, "1.0"), None)),
        ("bad_level", lambda x: bbo(None, (x, "1.0"))),
        ("bad_level", lambda x: bbo("99.0", ("101.0", x))),
        ("bad_trade", lambda x: trades(trade(1, px=x))),
        ("bad_trade", lambda x: trades(trade(1), trade(2, sz=x))),
        ("bad_context", lambda x: context(oraclePx=x)),
        ("bad_context", lambda x: context(markPx=x)),
    ],
)
def test_a_price_or_size_is_positive_and_finite(make: BadNumber, kind: str, bad: str) -> None:
    assert refusal(make(bad)) in (kind, "malformed")


@pytest.mark.parametrize("bad", ["9e13", "198000000000", "0.000000001", "1e-320", "1e9"])
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("bad_level", lambda x: book([x], [])),
        ("bad_level", lambda x: book([], [x])),
        ("bad_level", lambda x: bbo(x, None)),
        ("bad_level", lambda x: bbo(None, x)),
        ("bad_trade", lambda x: trades(trade(1, px=x))),
        ("bad_context", lambda x: context(oraclePx=x)),
        ("bad_context", lambda x: context(markPx=x)),
    ],
)
def test_a_price_is_one_that_a_coin_can_have(make: BadNumber, kind: str, bad: str) -> None:
    assert refusal(make(bad)) == kind


@pytest.mark.parametrize("size", ["1e-7", "1e-320", "2e8"])
def test_a_size_and_what_it_is_worth_are_bearable(size: str) -> None:
    assert refusal(book([("100000.0", size)], [])) == "bad_level"
    assert refusal(book([], [("100000.0", size)])) == "bad_level"
    assert refusal(bbo(("100000.0", size), None)) == "bad_level"
    assert refusal(trades(trade(1, px="100000.0", sz=size))) == "bad_trade"


@pytest.mark.parametrize("key", ["openInterest", "dayNtlVlm", "prevDayPx"])
def test_a_quantity_is_none_or_large_enough_to_divide_by(key: str) -> None:
    assert refusal(context(**{key: "1e-320"})) == "bad_context"


def test_a_rate_that_is_next_to_nothing_is_nothing() -> None:
    event = event_of(context(funding="1e-320", premium="-1e-13"))
    assert (event.funding, event.premium) == (0.0, 0.0)
    assert replies.decode_funding(b'[{"fundingRate":"1e-320","time":3600005}]') == [
        (3_600_000, 0.0)
    ]


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf", "-1.0", "1e15"])
@pytest.mark.parametrize("key", ["openInterest", "dayNtlVlm", "prevDayPx"])
def test_a_quantity_of_a_context_is_finite_and_not_negative(key: str, bad: str) -> None:
    assert refusal(context(**{key: bad})) == "bad_context"
    assert event_of(context(**{key: "0.0"})) is not None


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf", "1.0", "-1.0"])
@pytest.mark.parametrize("key", ["funding", "premium"])
def test_a_rate_is_a_fraction(key: str, bad: str) -> None:
    assert refusal(context(**{key: bad})) == "bad_context"


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        (["99.0", "99.5"], []),
        (["99.0", "99.0"], []),
        ([], ["101.0", "100.5"]),
        ([], ["101.0", "101.0"]),
        (["99.0", "98.0", "98.5"], ["101.0"]),
    ],
)
def test_unsorted_or_repeated_levels_are_refused(bids: list[str], asks: list[str]) -> None:
    assert refusal(book(bids, asks)) == "bad_level"


def test_many_nested_brackets_deep_inside_are_refused_or_skipped() -> None:
    for depth in (10, 100, 500, 1_000, 5_000, 50_000):
        raw = b'{"channel":"pong","x":' + b"[" * depth + b"]" * depth + b"}"
        try:
            assert isinstance(wire.decode(raw), wire.PongFrame)
        except ProtocolViolation as refused:
            assert refused.kind == "not_json"


# Mutation: whatever the bytes, an event with sane numbers or a refusal, and nothing else.

SEEDS = [
    *DATA_OF.values(),
    trades(trade(1), trade(2), trade(3)),
    ack(SLOW),
    PONG,
    complaint("x", BBO),
]
SPICE = [
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"-", b"1e999", b"\\u0000", b"\xff",
    b'"nan"', b'"-1"', b"9" * 40, b'"channel":"l2Book",', b'"fast":true,', b" ", b"0", b"NaN",
]  # fmt: skip


def sane(event: Any) -> bool:
    """Say whether every number in an event is one that arithmetic survives."""
    if isinstance(event, BookUpdate):
        levels = event.bids + event.asks
        falling = all(a.px > b.px for a, b in zip(event.bids, event.bids[1:], strict=False))
        rising = all(a.px < b.px for a, b in zip(event.asks, event.asks[1:], strict=False))
        numbers = [x for v in levels for x in (v.px, v.sz)]
        return falling and rising and all(0 < x < 1e15 for x in numbers) and fits(event.time_ms)
    if isinstance(event, BboUpdate):
        levels = [v for v in (event.bid, event.ask) if v is not None]
        return all(0 < x < 1e15 for v in levels for x in (v.px, v.sz)) and fits(event.time_ms)
    if isinstance(event, TradesUpdate):
        return all(
            0 < p.px < 1e15 and 0 < p.sz < 1e15 and abs(p.aggressor) == 1 and fits(p.time_ms)
            for p in event.prints
        )
    if isinstance(event, ContextUpdate):
        numbers = [event.funding, event.open_interest, event.oracle_px, event.mark_px]
        numbers += [event.premium or 0.0, event.day_notional, event.prev_day_px]
        return all(math.isfinite(x) for x in numbers) and event.mark_px > 0 < event.oracle_px
    return type(event) in (wire.AckFrame, wire.ErrorFrame, wire.PongFrame)


def fits(time_ms: int) -> bool:
    return 0 <= time_ms * 1_000_000 < 2**63


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    raw = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        what = draw(st.integers(0, 4))
        if what == 0:
            raw[at:at] = draw(st.sampled_from(SPICE))
        elif what == 1:
            raw[at : at + draw(st.integers(1, 12))] = b""
        elif what == 2 and at < len(raw):
            raw[at] = draw(st.integers(0, 255))
        elif what == 3:
            end = min(len(raw), at + draw(st.integers(1, 30)))
            raw[at:at] = raw[at:end]
        else:
            raw[at : at + draw(st.integers(1, 5))] = draw(st.sampled_from(SPICE))
    return bytes(raw)


@settings(max_examples=4000)
@given(raw=mutated())
def test_a_mutated_frame_is_a_sane_event_or_a_documented_refusal(raw: bytes) -> None:
    try:
        event = event_of(raw)
    except ProtocolViolation as refused:
        assert refused.kind in KINDS_OF_DECODE | KINDS_OF_NUMBERS
    else:
        assert sane(event), event


@settings(max_examples=500)
@given(raw=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_arbitrary_bytes_are_refused(raw: bytes) -> None:
    # The search knows the words of the source, and by them may find a frame that is one.
    assume(b'"pong"' not in raw)
    assert refusal(raw) in ("not_json", "unknown_channel")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=500)
@given(channel=st.sampled_from(sorted(TYPE_OF)) | JSON_VALUES, data=JSON_VALUES)
def test_arbitrary_values_in_an_envelope_are_refused_or_harmless(channel: Any, data: Any) -> None:
    raw = json.dumps({"channel": channel, "data": data}).encode()
    try:
        event = event_of(raw)
    except ProtocolViolation as refused:
        assert refused.kind in KINDS_OF_DECODE | KINDS_OF_NUMBERS
    else:
        assert sane(event)


@given(st.text(max_size=60))
def test_object_in_never_raises(text: str) -> None:
    found = wire.object_in(text)
    assert found is None or isinstance(found, dict)


def test_object_in_finds_the_object_that_ends_a_complaint() -> None:
    inner = {"type": "bbo", "coin": "BTC"}
    assert wire.object_in("Invalid subscription " + json.dumps(inner)) == inner
    assert wire.object_in("no object") is None
    assert wire.object_in('half {"type":') is None
    assert wire.object_in("{" * 100_000) is None
    assert wire.object_in("a list [1] {}") == {}


# What we send.


@pytest.mark.parametrize(
    ("subscription", "inner"),
    [
        (BBO, {"type": "bbo", "coin": "BTC"}),
        (SLOW, {"type": "l2Book", "coin": "BTC"}),
        (FAST, {"type": "l2Book", "coin": "BTC", "fast": True}),
        (TRADES, {"type": "trades", "coin": "BTC"}),
        (Subscription("activeAssetCtx", "kPEPE"), {"type": "activeAssetCtx", "coin": "kPEPE"}),
    ],
)
def test_requests_are_the_venues_json(subscription: Subscription, inner: Any) -> None:
    assert json.loads(wire.subscribe(subscription)) == {
        "method": "subscribe",
        "subscription": inner,
    }
    assert json.loads(wire.unsubscribe(subscription)) == {
        "method": "unsubscribe",
        "subscription": inner,
    }


def test_the_ping_is_the_venues_json() -> None:
    assert json.loads(wire.PING) == {"method": "ping"}
