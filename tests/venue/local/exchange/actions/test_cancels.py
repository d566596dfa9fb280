from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, cancel, stop

GONE = {"error": "Order was never placed, already canceled, or filled. asset=0"}


def test_each_cancel_of_a_batch_has_its_own_answer() -> None:
    bench = Bench()
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    reply = bench.act(ALICE, cancel("BTC", oid, oid, 5))
    assert reply["response"] == {"type": "cancel", "data": {"statuses": ["success", GONE, GONE]}}


def test_nobody_cancels_anothers_order_nor_one_of_another_asset() -> None:
    bench = Bench()
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    assert bench.statuses(BOB, cancel("BTC", oid)) == [GONE]
    (answer,) = bench.statuses(ALICE, cancel("ETH", oid))
    assert answer["error"].endswith("asset=1")
    assert bench.status(ALICE, oid) == "open"


def test_a_cloid_is_as_good_as_a_number_in_any_case() -> None:
    bench = Bench()
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1", cloid="0x" + "ab" * 16)
    action = {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x" + "AB" * 16}]}
    assert bench.statuses(ALICE, action) == ["success"]
    assert bench.status(ALICE, oid) == "canceled"
    assert bench.statuses(ALICE, action) == [GONE]


def test_a_fast_cancel_is_not_for_triggers() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    (status,) = bench.place(ALICE, stop("BTC", "sell", "90000", "1", "95000"))
    action = {**cancel("BTC", status["resting"]["oid"]), "f": True}
    (answer,) = bench.statuses(ALICE, action)
    assert answer == {"error": "Fast cancel is not allowed for trigger orders. asset=0"}


def test_an_empty_batch_is_refused() -> None:
    assert Bench().act(ALICE, cancel("BTC"))["status"] == "err"
