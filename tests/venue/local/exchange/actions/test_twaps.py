from __future__ import annotations

import pytest

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench


def ask(bench: Bench, **more: object) -> object:
    twap = {"a": 0, "b": True, "s": "1", "r": False, "m": 5, "t": False, **more}
    return bench.act(ALICE, {"type": "twapOrder", "twap": twap})["response"]["data"]["status"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"r": True}, "Reduce-only TWAP order would increase position. asset=0"),
        ({"s": "0.0009"}, "TWAP order must have minimum value of $100. asset=0"),
        ({"s": "0"}, "Order has zero size. asset=0"),
        ({"s": "0.0000001"}, "Order has invalid size. asset=0"),
        ({"m": 4}, "TWAP duration must be between 5 minutes and 7 days. asset=0"),
        ({"s": "1000"}, "Insufficient margin to place order. asset=0"),
        ({"a": 44}, "Asset does not exist. asset=44"),
        ({"a": 4}, "Trading is halted. asset=4"),
    ],
)
def test_a_twap_that_can_not_be_is_told_why(more: dict, words: str) -> None:
    assert ask(Bench(), **more) == {"error": words}


def test_only_its_owner_can_stop_a_running_one() -> None:
    bench = Bench()
    ask(bench)
    gone = {"error": "TWAP was never placed, already canceled, or filled. asset=0"}
    stop = {"type": "twapCancel", "a": 0, "t": 1}
    assert bench.act(BOB, stop)["response"]["data"]["status"] == gone
    assert bench.act(ALICE, stop)["response"] == {
        "type": "twapCancel",
        "data": {"status": "success"},
    }
    assert bench.act(ALICE, stop)["response"]["data"]["status"] == gone
