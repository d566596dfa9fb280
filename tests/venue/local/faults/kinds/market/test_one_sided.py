from __future__ import annotations

from typing import Literal

import pytest

from tests.venue.local.faults.spoiling import (
    LEVEL,
    answer,
    asked,
    book,
    delta,
    message,
    sent,
    trades,
)
from venue.local.faults.kinds.market.one_sided import OneSided

Side = Literal["bids", "asks", "both"]


@pytest.mark.parametrize(("side", "left"), [("bids", [0, 1]), ("asks", [1, 0]), ("both", [0, 0])])
def test_a_side_of_the_book_is_empty(side: Side, left: list[int]) -> None:
    (out,) = sent(OneSided(side=side), book(time_ms=9, spread="1.0"))
    assert [len(levels) for levels in out.data["levels"]] == left
    assert out.data["time"] == 9
    assert "spread" not in out.data


def test_a_side_of_the_best_prices_is_null() -> None:
    best = message("bbo", {"coin": "BTC", "time": 9, "bbo": [LEVEL, LEVEL]})
    (out,) = sent(OneSided(side="bids"), best)
    assert out.data == {"coin": "BTC", "time": 9, "bbo": [None, LEVEL]}


def test_a_book_that_is_asked_for_lacks_it_too() -> None:
    fault, question = OneSided(), asked("l2Book", coin="BTC")
    assert answer(fault, question, book().data).data()["levels"][1] == []
    assert answer(fault, question, None).data() is None


def test_trades_are_left_alone() -> None:
    assert sent(OneSided(), trades()) == [trades()]


def test_the_stream_of_deltas_falls_silent() -> None:
    assert sent(OneSided(), delta(), trades()) == [trades()]
