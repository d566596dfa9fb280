from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, limit


def test_a_good_till_cancelled_order_trades_and_rests_with_what_is_left() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    cloid = "0x" + "c" * 32
    (status,) = bench.place(ALICE, limit("BTC", "buy", "100000", "3", cloid=cloid))
    assert status["resting"]["cloid"] == cloid
    told = [n.data for n in bench.notes("order") if n.user == ALICE]
    assert [(t["status"], t["order"]["sz"]) for t in told] == [("open", "2.0")]
    assert bench.exchange.state.book("BTC").bids.best == 1_000_000


def test_a_post_only_order_rests_or_is_rejected() -> None:
    bench = Bench()
    bench.market.set_book("BTC", [("99990", "1")], [("100010", "1")])
    bench.rest(ALICE, "BTC", "buy", "100009", "1", tif="Alo")
    words = "Post only order would have immediately matched, bbo was 100009@100010. asset=0"
    assert bench.refused(BOB, limit("BTC", "sell", "100009", "1", tif="Alo")) == words
    assert bench.lots(ALICE, "BTC") == 0


def test_an_average_price_has_one_more_digit_than_a_price() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.rest(BOB, "BTC", "sell", "100001", "2")
    filled = bench.take(ALICE, "BTC", "buy", "100001", "3", cloid="0x" + "d" * 32)
    assert (filled["avgPx"], filled["totalSz"], filled["cloid"]) == (
        "100000.67", "3.0", "0x" + "d" * 32,
    )  # fmt: skip
