from __future__ import annotations

from tests.venue.local.faults.spoiling import LEVEL, book, delta, message, sent, trades
from venue.local.faults.kinds.market.frozen_book import FrozenBook


def test_every_book_repeats_the_first_of_its_coin_and_kind() -> None:
    out = sent(
        FrozenBook(),
        book("BTC", 1, "100.0"),
        book("ETH", 2, "7.0"),
        book("BTC", 3, "99.0", fast=True),
        book("BTC", 4, "98.0"),
        book("BTC", 5, "97.0", fast=True),
    )
    assert [one.data["levels"][0][0]["px"] for one in out] == [
        "100.0",
        "7.0",
        "99.0",
        "100.0",
        "99.0",
    ]
    assert [one.data["time"] for one in out] == [1, 2, 3, 4, 5]


def test_time_may_stand_still_as_well() -> None:
    out = sent(FrozenBook(time_moves=False), book(time_ms=1), book(time_ms=2, bid="90.0"))
    assert [one.payload for one in out] == [book(time_ms=1).payload] * 2


def test_best_prices_and_deltas_fall_silent_and_trades_go_on() -> None:
    best = message("bbo", {"coin": "BTC", "time": 9, "bbo": [LEVEL, LEVEL]})
    assert sent(FrozenBook(), best, delta(), trades()) == [trades()]
