from __future__ import annotations

import pytest

from tests.venue.local.faults.spoiling import (
    acknowledgement,
    book,
    delta,
    fills,
    message,
    pong,
    posted,
    trades,
)
from venue.local.faults.outgoing import coin_of, read
from venue.local.market.frames import frame


def test_a_frame_of_data_has_its_channel_and_coin() -> None:
    assert (book("ETH").channel, book("ETH").coin, book("ETH").is_answer) == (
        "l2Book",
        "ETH",
        False,
    )
    assert trades("SOL").coin == "SOL"
    assert fills(1, 2).coin == "BTC"


def test_the_coin_of_a_ladder_is_found_in_its_snapshot_its_delta_and_its_acknowledgement() -> None:
    snapshot = message("l2", {"s": {"coin": "SOL", "time": 1, "levels": [[], []]}})
    asked = {"type": "l2", "c": "ETH", "s": None, "m": None}
    ack = message("subscriptionResponse", {"method": "subscribe", "subscription": asked})
    assert (snapshot.channel, snapshot.coin) == ("l2", "SOL")
    assert (delta("ETH").channel, delta("ETH").coin) == ("l2", "ETH")
    assert (ack.channel, ack.coin, ack.is_answer) == ("l2", "ETH", True)
    assert message("l2", {"c": "no delta"}).coin == ""


def test_an_acknowledgement_has_those_of_its_subscription() -> None:
    ack = acknowledgement("bbo", "ETH")
    assert (ack.channel, ack.coin, ack.is_answer) == ("bbo", "ETH", True)


def test_answers_are_no_data() -> None:
    assert all(one.is_answer for one in (pong(), posted("info", {}), read(b"no json"), read(b"7")))


@pytest.mark.parametrize(
    ("data", "coin"),
    [
        ({"s": "BTC", "t": 1}, "BTC"),
        ([{"order": {"coin": "ETH"}}], "ETH"),
        ([{"coin": "ETH"}, {"coin": "BTC"}], ""),
        ({"mids": {}}, ""),
        ([], ""),
        ("text", ""),
    ],
)
def test_the_coin_is_found_wherever_a_channel_puts_it(data: object, coin: str) -> None:
    assert coin_of(data) == coin


def test_other_data_makes_other_bytes() -> None:
    said = book().saying({"coin": "BTC"})
    assert said.payload == frame("l2Book", {"coin": "BTC"})
    assert said.channel == "l2Book"


def test_holding_back_adds_up_and_disorder_stays() -> None:
    late = book().later(5, in_order=False).later(7)
    assert (late.delay_ms, late.in_order) == (12, False)
