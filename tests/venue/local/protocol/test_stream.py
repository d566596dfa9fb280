from __future__ import annotations

import json
from typing import Any

import pytest

from venue.local.protocol.request import Change, Unserved, is_admissible, read
from venue.local.protocol.stream import EVENTS, OVERVIEWS, STATES, Stream, stream_of

USER = "0x" + "ab" * 20
MIXED = "0x" + "aB" * 20


def test_a_user_is_known_in_lower_case_and_defaults_are_filled_in() -> None:
    fills = stream_of({"type": "userFills", "user": MIXED})
    assert fills == Stream("userFills", USER)
    assert fills.echo() == {"type": "userFills", "user": USER, "aggregateByTime": False}
    state = stream_of({"type": "clearinghouseState", "user": MIXED, "dex": None})
    assert state is not None
    assert state.echo() == {"type": "clearinghouseState", "user": USER, "dex": ""}
    data = stream_of({"type": "activeAssetData", "user": MIXED, "coin": "BTC"})
    assert data is not None
    assert data.echo() == {"type": "activeAssetData", "user": USER, "coin": "BTC"}


@pytest.mark.parametrize("kind", sorted(EVENTS | STATES))
def test_an_account_stream_needs_an_address(kind: str) -> None:
    good = {"type": kind, "user": USER, "coin": "BTC"}
    assert stream_of(good) is not None
    for user in (None, "", "0x12", 7):
        assert stream_of({**good, "user": user}) is None


def test_streams_of_all_coins_need_none() -> None:
    for kind in OVERVIEWS:
        found = stream_of({"type": kind})
        assert found is not None
        assert found.user == ""
    assert stream_of({"type": "assetCtxs"}) == Stream("assetCtxs")
    assert stream_of({"type": "trades", "coin": "BTC"}) is None


@pytest.mark.parametrize(
    ("subscription", "admissible"),
    [
        ({"type": "activeAssetData", "user": USER, "coin": "BTC"}, True),
        ({"type": "activeAssetData", "user": USER, "coin": "btc"}, False),
        ({"type": "openOrders", "user": USER, "dex": ""}, True),
        ({"type": "openOrders", "user": USER, "dex": "xyz"}, False),
        ({"type": "assetCtxs", "dex": "xyz"}, False),
        ({"type": "fastAssetCtxs"}, True),
    ],
)
def test_what_does_not_exist_is_not_served(subscription: Any, admissible: bool) -> None:
    stream = stream_of(subscription)
    assert stream is not None
    assert is_admissible(stream, {"BTC"}) is admissible


def test_a_stream_asked_for_wrongly_is_no_parse_error() -> None:
    def said(**subscription: Any) -> Any:
        return read(json.dumps({"method": "subscribe", "subscription": subscription}))

    assert said(type="userFills", user=MIXED) == Change("subscribe", Stream("userFills", USER))
    assert isinstance(said(type="userFills", user=MIXED, aggregateByTime="yes"), Unserved)
    assert isinstance(said(type="userFills"), Unserved)
    assert isinstance(said(type="activeAssetData", user=USER), Unserved)
    assert said(type="noSuchType", user=USER) is None
