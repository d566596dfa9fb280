from __future__ import annotations

from typing import Any

import pytest

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, limit, stop


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.market.set_book("BTC", [("99990", "9")], [("100010", "9")])
    return bench


def modify(oid: int | str, order: dict, **more: Any) -> dict:
    return {"type": "modify", "oid": oid, "order": order, **more}


def test_the_new_order_has_a_new_id_and_is_post_only(bench: Bench) -> None:
    old = bench.rest(ALICE, "BTC", "buy", "99000", "1", cloid="0x" + "1" * 32)
    order = limit("BTC", "buy", "99100", "2", cloid="0x" + "1" * 32)
    assert bench.act(ALICE, modify(old, order)) == {
        "status": "ok",
        "response": {"type": "default"},
    }
    account = bench.exchange.state.accounts[ALICE]
    (new,) = account.open.values()
    assert new.oid > old and (new.tif, new.lots) == ("Alo", 200_000)
    assert bench.status(ALICE, old) == "canceled"
    assert account.by_cloid["0x" + "1" * 32] is new


def test_in_a_batch_each_answers_as_an_order_does(bench: Bench) -> None:
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1", cloid="0x" + "2" * 32)
    row = {"oid": "0x" + "2" * 32, "order": limit("BTC", "buy", "99100", "1")}
    reply = bench.act(ALICE, {"type": "batchModify", "modifies": [row, {**row, "oid": oid}]})
    assert reply["response"]["type"] == "order"
    first, second = reply["response"]["data"]["statuses"]
    assert first["resting"]["oid"] > oid
    assert second == {"error": "Cannot modify canceled or filled order"}


@pytest.mark.parametrize(
    "order",
    [
        limit("BTC", "buy", "100010", "1"),
        limit("BTC", "buy", "100010", "1", tif="Ioc"),
        stop("BTC", "sell", "90000", "1", "95000"),
        limit("BTC", "buy", "99000.5", "1"),
        limit("BTC", "buy", "99000", "900"),
        limit("BTC", "buy", "1000", "1"),
    ],
)
def test_what_may_not_take_its_place_leaves_the_old_order_alone(bench: Bench, order: dict) -> None:
    bench.rest(BOB, "BTC", "sell", "100011", "1")
    old = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    reply = bench.act(ALICE, modify(old, order))
    assert reply["status"] == "err"
    if order["t"] in ({"limit": {"tif": "Gtc"}}, {"limit": {"tif": "Alo"}}):
        assert reply["response"].endswith(" asset=0")
    else:
        assert reply["response"] == "Attempted to modify to invalid new order"
    assert bench.status(ALICE, old) == "open"


def test_always_place_lets_any_order_take_its_place(bench: Bench) -> None:
    old = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    order = limit("BTC", "buy", "100010", "1", tif="Ioc")
    assert bench.act(ALICE, modify(old, order, a=True))["status"] == "ok"
    assert bench.size(ALICE, "BTC") == "1.0"


def test_what_is_gone_can_not_be_modified(bench: Bench) -> None:
    reply = bench.act(ALICE, modify(5, limit("BTC", "buy", "99000", "1")))
    assert reply == {"status": "err", "response": "Cannot modify canceled or filled order"}


def test_a_moved_stop_is_still_ended_by_its_sibling(bench: Bench) -> None:
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100010", "1")
    pair = [
        stop("BTC", "sell", "98000", "1", "102000", tpsl="tp"),
        stop("BTC", "sell", "90000", "1", "95000"),
    ]
    bench.place(ALICE, *pair, grouping="positionTpsl")
    profit, loss = bench.exchange.state.accounts[ALICE].open.values()
    order = stop("BTC", "sell", "91000", "1", "96000")
    assert bench.act(ALICE, modify(loss.oid, order, a=True))["status"] == "ok"
    (moved,) = profit.siblings
    assert moved.siblings == [profit] and moved.is_waiting
    bench.market.set_mark("BTC", "102000")
    bench.pass_ms(1_100)
    assert moved.status == "siblingFilledCanceled"
