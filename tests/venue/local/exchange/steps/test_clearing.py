from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, limit


def long_one() -> Bench:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "5")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    bench.news()
    return bench


def test_a_larger_reduce_only_order_is_shrunk_and_keeps_its_first_size() -> None:
    bench = long_one()
    oid = bench.rest(ALICE, "BTC", "sell", "101000", "2.5", reduce_only=True)
    (told,) = bench.notes("order")
    assert (told.data["order"]["sz"], told.data["order"]["origSz"]) == ("1.0", "2.5")
    bench.market.set_book("BTC", [("99990", "9")], [])
    bench.pass_ms(75)
    bench.take(ALICE, "BTC", "sell", "99990", "0.3")
    assert bench.exchange.state.accounts[ALICE].orders[oid].lots == 70_000
    bench.take(ALICE, "BTC", "sell", "99990", "0.7")
    assert bench.status(ALICE, oid) == "reduceOnlyCanceled"
    assert bench.notes("cancel") == []


def test_of_two_reduce_only_orders_too_large_together_the_older_is_cancelled() -> None:
    bench = long_one()
    older = bench.rest(ALICE, "BTC", "sell", "101000", "0.7", reduce_only=True)
    newer = bench.rest(ALICE, "BTC", "sell", "102000", "0.4", reduce_only=True)
    assert bench.status(ALICE, older) == "reduceOnlyCanceled"
    assert bench.status(ALICE, newer) == "open"


def test_two_reduce_only_orders_that_fit_both_rest() -> None:
    bench = long_one()
    both = [bench.rest(ALICE, "BTC", "sell", "101000", s, reduce_only=True) for s in ("0.6", "0.4")]
    assert [bench.status(ALICE, oid) for oid in both] == ["open", "open"]


def test_a_flip_names_both_sides_and_realises_only_what_was_closed() -> None:
    bench = long_one()
    bench.market.set_book("BTC", [("99000", "9")], [])
    bench.pass_ms(75)
    bench.take(ALICE, "BTC", "sell", "99000", "3")
    (fill,) = bench.notes("fill")
    assert (fill.data["dir"], fill.data["closedPnl"]) == ("Long > Short", "-1000.0")
    position = bench.exchange.state.accounts[ALICE].positions["BTC"]
    assert (position.lots, position.cost_e6) == (-200_000, -2 * 99_000 * 10**6)


def test_a_partial_close_releases_its_share_of_the_cost() -> None:
    bench = long_one()
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    bench.market.set_book("BTC", [("100300", "9")], [])
    bench.pass_ms(75)
    bench.news()
    bench.take(ALICE, "BTC", "sell", "100300", "0.5")
    (fill,) = bench.notes("fill")
    assert (fill.data["closedPnl"], fill.data["startPosition"]) == ("150.0", "2.0")


def test_an_isolated_position_carries_its_own_margin_and_gives_it_back() -> None:
    bench = Bench()
    bench.act(ALICE, {"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 10})
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    account = bench.exchange.state.accounts[ALICE]
    assert account.raw_e6 == (1_000_000 - 10_000 - 45) * 10**6
    assert account.positions["BTC"].raw_e6 == (10_000 - 100_000) * 10**6
    bench.market.set_book("BTC", [("100200", "9")], [])
    bench.pass_ms(75)
    bench.take(ALICE, "BTC", "sell", "100200", "0.25")
    # A quarter of 10,200 comes back, less the fee on 25,050.
    assert account.raw_e6 == (1_000_000 - 10_000 - 45 + 2_550) * 10**6 - 11_272_500
    bench.take(ALICE, "BTC", "sell", "100200", "0.75")
    assert account.cash_e6 == account.raw_e6 == (1_000_000 - 45 + 200) * 10**6 - 45_090_000


def test_a_builder_earns_its_fee_on_top() -> None:
    bench = Bench()
    approve = {"type": "approveBuilderFee", "maxFeeRate": "0.01%", "builder": BOB, "nonce": 1}
    assert bench.act(ALICE, approve)["status"] == "ok"
    bench.market.set_book("BTC", [], [("100000", "9")])
    order = limit("BTC", "buy", "100000", "1", tif="Ioc")
    action = {"type": "order", "orders": [order], "grouping": "na", "builder": {"b": BOB, "f": 10}}
    bench.act(ALICE, action)
    (fill,) = bench.notes("fill")
    assert (fill.data["fee"], fill.data["builderFee"]) == ("55.0", "10.0")
    assert bench.cash(BOB) - bench.cash(ALICE) == 65 * 10**6
    action["builder"] = {"b": BOB, "f": 11}
    assert bench.act(ALICE, action)["response"] == "Builder fee has not been approved."
