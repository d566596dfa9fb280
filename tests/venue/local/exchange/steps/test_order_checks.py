from __future__ import annotations

import pytest

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, cancel, limit, stop
from venue.local.exchange.state.rules import Rules


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.market.set_book("BTC", [("99990", "1")], [("100010", "1")])
    return bench


@pytest.mark.parametrize(
    ("order", "words", "status"),
    [
        (limit("BTC", "buy", "99990.5", "1"), "Price must be divisible by tick size.",
         "tickRejected"),
        (limit("BTC", "buy", "99990.12", "1"), "Price must be divisible by tick size.",
         "tickRejected"),
        (limit("BTC", "buy", "0", "1"), "Order has invalid price.", "rejected"),
        (limit("BTC", "buy", "99990", "0"), "Order has zero size.", "rejected"),
        (limit("BTC", "buy", "99990", "0.000001"), "Order has invalid size.", "rejected"),
        (limit("BTC", "buy", "99990", "4000"), "Order value too large. Max is $300000000.",
         "rejected"),
        (limit("BTC", "buy", "99990", "0.0001"), "Order must have minimum value of $10.",
         "minTradeNtlRejected"),
        (limit("BTC", "buy", "99990", "250"), "Insufficient margin to place order.",
         "perpMarginRejected"),
        (limit("BTC", "sell", "101000", "1", reduce_only=True),
         "Reduce only order would increase position.", "reduceOnlyRejected"),
        (limit("BTC", "buy", "100010", "1", tif="Alo"),
         "Post only order would have immediately matched, bbo was 99990@100010.",
         "badAloPxRejected"),
        (limit("BTC", "buy", "100009", "1", tif="Ioc"),
         "Order could not immediately match against any resting orders.", "iocCancelRejected"),
        (limit("BTC", "buy", "100009", "1", tif="FrontendMarket"),
         "No liquidity available for market order.", "marketOrderNoLiquidityRejected"),
        (stop("BTC", "sell", "99000", "1", "100001"), "Invalid TP/SL price.",
         "badTriggerPxRejected"),
        (limit("OLD", "buy", "1", "100"), "Trading is halted.", "rejected"),
    ],
)  # fmt: skip
def test_each_fault_has_its_words_and_leaves_its_status(
    bench: Bench, order: dict, words: str, status: str
) -> None:
    asset = "" if words.startswith("Order value") else f" asset={order['a']}"
    assert bench.refused(ALICE, order) == words + asset
    (kept,) = bench.exchange.state.accounts[ALICE].orders.values()
    assert kept.status == status and not kept.is_open
    (told,) = bench.notes("order")
    assert told.data["status"] == status


def test_an_asset_that_does_not_exist_is_refused(bench: Bench) -> None:
    assert bench.refused(ALICE, {**limit("BTC", "buy", "1", "1"), "a": 77}) == (
        "Asset does not exist. asset=77"
    )


@pytest.mark.parametrize(
    ("rules", "order", "words", "status"),
    [
        (Rules(oi_capped=frozenset({"BTC"})), limit("BTC", "buy", "99000", "1"),
         "Order would increase open interest while open interest is capped",
         "positionIncreaseAtOpenInterestCapRejected"),
        (Rules(oi_too_fast=frozenset({"BTC"})), limit("BTC", "buy", "99000", "1"),
         "Order would increase open interest too quickly", "openInterestIncreaseRejected"),
        (Rules(oracle_band=0.1), limit("BTC", "buy", "89000", "1"),
         "Order price too far from oracle", "oracleRejected"),
        (Rules(open_orders_max=0), limit("BTC", "buy", "99000", "1"), "Too many open orders.",
         "tooManyOpenOrdersRejected"),
    ],
)  # fmt: skip
def test_switches_of_the_rules_refuse_with_their_own_words(
    rules: Rules, order: dict, words: str, status: str
) -> None:
    bench = Bench(rules=rules)
    assert bench.refused(ALICE, order) == f"{words} asset=0"
    (kept,) = bench.exchange.state.accounts[ALICE].orders.values()
    assert kept.status == status


def test_at_the_open_interest_cap_a_flip_and_an_aggressive_close_are_refused() -> None:
    bench = Bench(rules=Rules(oi_capped=frozenset({"BTC"})))
    state = bench.exchange.state
    capped, state.rules = state.rules, Rules()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    state.rules = capped
    words = "Order would increase open interest while open interest is capped asset=0"
    assert bench.refused(ALICE, limit("BTC", "sell", "100000", "3")) == words
    assert list(state.accounts[ALICE].orders.values())[-1].status == (
        "positionFlipAtOpenInterestCapRejected"
    )
    assert bench.refused(BOB, limit("BTC", "buy", "100001", "0.5")) == (
        "Order rejected due to price more aggressive than oracle while at open interest cap asset=0"
    )


def test_leverage_may_not_exceed_that_of_the_margin_tier() -> None:
    bench = Bench(ALICE, usd=100_000_000)
    assert (
        bench.act(ALICE, {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 40})[
            "status"
        ]
        == "ok"
    )
    words = "Order would cause position to exceed margin tier limit at current leverage asset=0"
    assert bench.refused(ALICE, limit("BTC", "buy", "100000", "1501")) == words
    bench.rest(ALICE, "BTC", "buy", "99990", "1400")


@pytest.mark.parametrize("px", ["4900", "195001"])
def test_a_price_far_from_the_mark_refuses_the_whole_batch(bench: Bench, px: str) -> None:
    orders = [limit("BTC", "buy", "99000", "1"), limit("BTC", "buy", px, "1")]
    reply = bench.act(ALICE, {"type": "order", "orders": orders, "grouping": "na"})
    words = "Order price cannot be more than 95% away from the reference price"
    response = {"type": "order", "data": {"statuses": [{"error": words}]}}
    assert reply == {"status": "ok", "response": response}
    assert not bench.exchange.state.accounts[ALICE].open


def test_ten_dollars_are_counted_at_the_limit_and_not_asked_for_a_whole_close(
    bench: Bench,
) -> None:
    bench.rest(BOB, "DOGE", "sell", "0.2", "1000")
    bench.take(ALICE, "DOGE", "buy", "0.2", "50")
    assert "minimum value" in bench.refused(ALICE, limit("DOGE", "sell", "0.2", "49"))
    assert "minimum value" in bench.refused(
        ALICE, limit("DOGE", "sell", "0.199", "49", reduce_only=True)
    )
    oid = bench.rest(ALICE, "DOGE", "sell", "0.1", "50", reduce_only=True)
    assert bench.act(ALICE, cancel("DOGE", oid))["status"] == "ok"
    bench.market.set_book("DOGE", [("0.199", "9999")], [])
    bench.pass_ms(75)
    assert bench.take(ALICE, "DOGE", "sell", "0.19", "50")["totalSz"] == "50.0"


def test_an_open_orders_cloid_may_not_be_used_again(bench: Bench) -> None:
    cloid = "0x" + "5" * 32
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1", cloid=cloid)
    assert bench.refused(ALICE, limit("BTC", "buy", "98000", "1", cloid=cloid)) == (
        "Duplicate cloid. asset=0"
    )
    assert bench.exchange.state.accounts[ALICE].by_cloid[cloid].oid == oid
    bench.act(ALICE, cancel("BTC", oid))
    bench.rest(ALICE, "BTC", "buy", "98000", "1", cloid=cloid)


def test_room_for_open_orders_grows_with_volume_and_ends_for_triggers() -> None:
    bench = Bench(ALICE, BOB, usd=10_000_000, rules=Rules(open_orders_max=2))
    bench.rest(BOB, "BTC", "sell", "100000", "60")
    bench.take(ALICE, "BTC", "buy", "100000", "60")
    bench.rest(ALICE, "BTC", "buy", "99000", "1")
    bench.rest(ALICE, "BTC", "buy", "99000", "1")
    bench.rest(ALICE, "BTC", "buy", "99000", "1")
    assert "Too many" in bench.refused(ALICE, limit("BTC", "buy", "99000", "1"))
    bench.act(ALICE, cancel("BTC", next(iter(bench.exchange.state.accounts[ALICE].open))))
    assert "Too many" in bench.refused(ALICE, stop("BTC", "sell", "90000", "1", "95000"))
