from __future__ import annotations

import pytest

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, cancel, limit, stop


@pytest.fixture
def bench() -> Bench:
    """Return a bench on which Alice is long one BTC at 100,000."""
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    bench.market.set_book("BTC", [("99000", "50"), ("94000", "50")], [("101000", "50")])
    bench.pass_ms(75)
    bench.news()
    return bench


def statuses(bench: Bench) -> list[tuple[str, str]]:
    """Return the end of the id and the status of each order told of since the last drain."""
    return [(str(n.data["order"]["oid"])[-1:], n.data["status"]) for n in bench.notes("order")]


def to_mark(bench: Bench, px: str) -> None:
    bench.market.set_mark("BTC", px)
    bench.pass_ms(1_100)


def test_a_stop_wakes_when_the_mark_falls_to_it_and_sells_at_the_book(bench: Bench) -> None:
    (status,) = bench.place(ALICE, stop("BTC", "sell", "90000", "1", "98000"))
    oid = status["resting"]["oid"]
    to_mark(bench, "98001")
    assert bench.status(ALICE, oid) == "open" and bench.lots(ALICE, "BTC") == 100_000
    to_mark(bench, "98000")
    assert bench.status(ALICE, oid) == "filled" and bench.lots(ALICE, "BTC") == 0
    assert [s for _, s in statuses(bench)] == ["open", "triggered", "filled"]


def test_a_take_profit_wakes_when_the_mark_rises_to_it(bench: Bench) -> None:
    (status,) = bench.place(ALICE, stop("BTC", "sell", "98000", "0.4", "102000", tpsl="tp"))
    to_mark(bench, "102000")
    assert bench.status(ALICE, status["resting"]["oid"]) == "filled"
    assert bench.size(ALICE, "BTC") == "0.6"


def test_a_trigger_larger_than_what_is_left_of_the_position_only_closes_it(bench: Bench) -> None:
    (status,) = bench.place(ALICE, stop("BTC", "sell", "90000", "1", "98000"))
    bench.take(ALICE, "BTC", "sell", "99000", "0.7")
    to_mark(bench, "98000")
    assert bench.status(ALICE, status["resting"]["oid"]) == "filled"
    assert bench.lots(ALICE, "BTC") == 0


def test_a_limit_trigger_rests_when_it_can_not_trade(bench: Bench) -> None:
    row = stop("BTC", "sell", "99500", "1", "98000", is_market=False)
    (status,) = bench.place(ALICE, row)
    to_mark(bench, "97000")
    oid = status["resting"]["oid"]
    assert bench.exchange.state.book("BTC").asks.best == 995_000
    assert [s for _, s in statuses(bench)] == ["open", "triggered", "open"]
    assert bench.act(ALICE, cancel("BTC", oid))["response"]["data"]["statuses"] == ["success"]


def test_a_market_trigger_without_a_book_is_rejected(bench: Bench) -> None:
    (status,) = bench.place(ALICE, stop("BTC", "sell", "90000", "1", "98000"))
    bench.market.set_book("BTC", [], [])
    to_mark(bench, "97000")
    assert bench.status(ALICE, status["resting"]["oid"]) == "marketOrderNoLiquidityRejected"


def test_when_the_position_is_gone_its_triggers_are_cancelled(bench: Bench) -> None:
    (status,) = bench.place(ALICE, stop("BTC", "sell", "90000", "1", "98000"))
    bench.take(ALICE, "BTC", "sell", "99000", "1")
    assert bench.status(ALICE, status["resting"]["oid"]) == "reduceOnlyCanceled"


def test_children_wait_for_the_fill_and_the_first_to_trade_ends_the_other() -> None:
    bench = Bench()
    bench.market.set_book("BTC", [("99000", "50")], [("101000", "50")])
    family = [
        limit("BTC", "buy", "99500", "1"),
        stop("BTC", "sell", "98000", "1", "103000", tpsl="tp"),
        stop("BTC", "sell", "90000", "1", "97000"),
    ]
    first, *rest = bench.place(ALICE, *family, grouping="normalTpsl")
    assert rest == ["waitingForFill"] * 2
    oid = first["resting"]["oid"]
    parent = bench.exchange.state.accounts[ALICE].orders[oid]
    assert [c.is_pending for c in parent.children] == [True, True]
    to_mark(bench, "96000")
    assert bench.lots(ALICE, "BTC") == 0
    to_mark(bench, "100000")
    bench.take(BOB, "BTC", "sell", "99500", "1")
    assert [c.is_waiting for c in parent.children] == [True, True]
    to_mark(bench, "97000")
    assert [c.status for c in parent.children] == ["siblingFilledCanceled", "filled"]
    assert bench.lots(ALICE, "BTC") == 0


def test_cancelling_the_parent_cancels_its_children() -> None:
    bench = Bench()
    family = [limit("BTC", "buy", "99500", "1"), stop("BTC", "sell", "90000", "1", "97000")]
    first, _ = bench.place(ALICE, *family, grouping="normalTpsl")
    bench.act(ALICE, cancel("BTC", first["resting"]["oid"]))
    account = bench.exchange.state.accounts[ALICE]
    assert [o.status for o in account.orders.values()] == ["canceled", "canceled"]
    assert not account.open


def test_children_may_be_cancelled_before_their_parent() -> None:
    bench = Bench()
    family = [limit("BTC", "buy", "99500", "1"), stop("BTC", "sell", "90000", "1", "97000")]
    first, _ = bench.place(ALICE, *family, grouping="normalTpsl")
    parent = bench.exchange.state.accounts[ALICE].orders[first["resting"]["oid"]]
    for oid in (parent.children[0].oid, parent.oid):
        reply = bench.act(ALICE, cancel("BTC", oid))
        assert reply["response"]["data"]["statuses"] == ["success"]


def test_a_parent_filled_at_once_has_its_children_wait_for_the_trigger(bench: Bench) -> None:
    family = [
        limit("BTC", "buy", "101000", "1", tif="Ioc"),
        stop("BTC", "sell", "90000", "1", "97000"),
    ]
    first, child = bench.place(BOB, *family, grouping="normalTpsl")
    assert "filled" in first and child == "waitingForTrigger"


def test_a_refused_parent_takes_its_children_with_it(bench: Bench) -> None:
    family = [
        limit("BTC", "buy", "100999", "1", tif="Ioc"),
        stop("BTC", "sell", "90000", "1", "97000"),
    ]
    first, child = bench.place(BOB, *family, grouping="normalTpsl")
    assert first == child and "could not immediately match" in first["error"]
    assert not bench.exchange.state.accounts[BOB].open


def test_a_positions_pair_waits_for_the_trigger_and_covers_what_the_position_is_then(
    bench: Bench,
) -> None:
    pair = [
        stop("BTC", "sell", "98000", "0", "102000", tpsl="tp"),
        stop("BTC", "sell", "90000", "0", "98000"),
    ]
    assert bench.place(ALICE, *pair, grouping="positionTpsl") == ["waitingForTrigger"] * 2
    bench.take(ALICE, "BTC", "buy", "101000", "2")
    to_mark(bench, "97000")
    assert bench.lots(ALICE, "BTC") == 0
    both = list(bench.exchange.state.accounts[ALICE].orders.values())[1:3]
    assert [o.status for o in both] == ["siblingFilledCanceled", "filled"]


def test_a_trigger_that_does_not_reduce_refuses_the_whole_batch(bench: Bench) -> None:
    row = stop("BTC", "sell", "90000", "1", "98000", reduce_only=False)
    assert bench.refused(ALICE, row) == "TP/SL orders must be reduce only."
