from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.local.market.contract import Topic
from venue.local.protocol.request import Change, Ping, Post, Unserved, is_admissible, read

COINS = {"BTC", "ETH", "X"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
kinds = st.sampled_from(
    ["l2Book", "bbo", "trades", "candle", "allMids", "activeAssetCtx", "userFills"]
)


def subscription(**fields: Any) -> str:
    return json.dumps({"method": "subscribe", "subscription": fields})


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_reading_never_raises(raw: bytes | str) -> None:
    read(raw)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "method": st.sampled_from(["subscribe", "unsubscribe", "ping", "post"]) | json_values,
            "id": json_values,
            "request": json_values,
            "subscription": json_values
            | st.fixed_dictionaries(
                {"type": kinds | json_values},
                optional={
                    name: json_values
                    for name in ("coin", "interval", "nSigFigs", "mantissa", "fast", "dex", "user")
                },
            ),
        },
    )
)
def test_reading_any_object_never_raises(message: dict[str, Any]) -> None:
    found = read(json.dumps(message))
    if isinstance(found, Change):
        assert is_admissible(found.topic, COINS) in (True, False)


def test_extra_fields_are_tolerated() -> None:
    raw = '{"method":"unsubscribe","id":7,"x":[],"subscription":{"type":"bbo","coin":"BTC","y":1}}'
    assert read(raw) == Change("unsubscribe", Topic("bbo", coin="BTC"))
    assert read('{"method":"ping"}') == Ping()


@pytest.mark.parametrize(
    ("fields", "topic"),
    [
        ({"type": "l2", "c": "BTC", "s": None, "m": None}, Topic("l2", "BTC")),
        ({"type": "l2", "c": "BTC", "s": 5, "m": 2}, Topic("l2", "BTC", figures=5, mantissa=2)),
        ({"type": "l2Book", "coin": "BTC"}, Topic("l2Book", "BTC")),
        (
            {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "fast": False},
            Topic("l2Book", "BTC"),
        ),
        (
            {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2, "fast": True},
            Topic("l2Book", "BTC", figures=5, mantissa=2, fast=True),
        ),
        (
            {"type": "candle", "coin": "BTC", "interval": "1M"},
            Topic("candle", "BTC", interval="1M"),
        ),
        ({"type": "allMids"}, Topic("allMids")),
        ({"type": "allMids", "dex": ""}, Topic("allMids")),
    ],
)
def test_subscriptions_have_one_normal_form(fields: dict[str, Any], topic: Topic) -> None:
    assert read(subscription(**fields)) == Change("subscribe", topic)
    assert is_admissible(topic, COINS)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "[]",
        "17",
        '{"method":"dance"}',
        '{"method":"subscribe"}',
        '{"method":"subscribe","xsubscription":{"type":"bbo","coin":"SOL"}}',
        subscription(type="noSuchType", coin="BTC"),
        subscription(type="bbo"),
        subscription(type="bbo", coin=["BTC", "ETH"]),
        subscription(type="candle", coin="BTC", interval="7m"),
        subscription(type="candle", coin="BTC"),
        subscription(type="l2", coin="BTC"),
        subscription(type="l2", c=7),
        subscription(type="l2", c="BTC", s="5"),
        subscription(type="l2Book", coin="BTC", nSigFigs="5"),
        subscription(type="l2Book", coin="BTC", nSigFigs=True),
        subscription(type="l2Book", coin="BTC", fast=1),
        '{"method":"post","request":{"type":"info","payload":{"type":"meta"}}}',
    ],
)
def test_what_the_venue_could_not_parse_is_none(raw: str) -> None:
    assert read(raw) is None


@pytest.mark.parametrize(
    "topic",
    [
        Topic("bbo", "NOPE"),
        Topic("bbo", "btc"),
        Topic("trades", "xyz:GOLD"),
        Topic("l2", "BTC", figures=6),
        Topic("l2Book", "BTC", figures=6),
        Topic("l2Book", "BTC", figures=1),
        Topic("l2Book", "BTC", mantissa=2),
        Topic("l2Book", "BTC", figures=4, mantissa=2),
        Topic("l2Book", "BTC", figures=5, mantissa=3),
        Topic("allMids", "xyz"),
    ],
)
def test_what_does_not_exist_is_inadmissible(topic: Topic) -> None:
    assert not is_admissible(topic, COINS)


def test_streams_of_accounts_are_known_but_not_served() -> None:
    fields = {"type": "userFills", "user": "0x0"}
    assert read(subscription(**fields)) == Unserved(fields)


def test_questions_need_a_number() -> None:
    raw = '{"method":"post","id":3,"request":{"type":"info","payload":{"type":"meta"}}}'
    assert read(raw) == Post(3, {"type": "info", "payload": {"type": "meta"}})
