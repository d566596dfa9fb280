from __future__ import annotations

from tests.venue.local.faults.spoiling import book, message, pong, sent, trades
from venue.local.faults.kinds.market.hostile_numbers import NUMBERS, HostileNumbers


def test_each_number_has_its_turn_and_then_another_place() -> None:
    told = sent(HostileNumbers(share=1.0), *[trades()] * (2 * len(NUMBERS)))
    rows = [one.data[0] for one in told]
    assert [row["px"] for row in rows[: len(NUMBERS)]] == list(NUMBERS)
    assert [row["sz"] for row in rows[len(NUMBERS) :]] == list(NUMBERS)
    assert {row["sz"] for row in rows[: len(NUMBERS)]} == {"1.0"}


def test_a_number_may_be_named() -> None:
    (out,) = sent(HostileNumbers(share=1.0, number="9e13"), book())
    assert out.data["levels"][0][0] == {"px": "9e13", "sz": "1.0", "n": 1}
    assert out.data["levels"][1] == book().data["levels"][1]


def test_what_holds_no_number_is_left_alone() -> None:
    none = message("bbo", {"coin": "BTC", "time": 9, "bbo": [None, None]})
    assert sent(HostileNumbers(share=1.0), none, pong()) == [none, pong()]
