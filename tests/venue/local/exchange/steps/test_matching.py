from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, CAROL, Bench, limit
from venue.local.exchange.state.notes import Print


def fills(bench: Bench, user: str) -> list[tuple[str, str, bool]]:
    """Return (price, size, crossed) of an account's fills since the last drain."""
    return [
        (n.data["px"], n.data["sz"], n.data["crossed"])
        for n in bench.notes("fill")
        if n.user == user
    ]


def test_best_price_first_then_the_older_order() -> None:
    bench = Bench()
    late = bench.rest(BOB, "BTC", "sell", "100010", "1")
    first = bench.rest(CAROL, "BTC", "sell", "100000", "1")
    second = bench.rest(BOB, "BTC", "sell", "100000", "1")
    filled = bench.take(ALICE, "BTC", "buy", "100010", "2.5")
    assert filled["avgPx"] == "100002.0"
    assert [bench.status(u, o) for u, o in ((CAROL, first), (BOB, second))] == ["filled"] * 2
    assert bench.exchange.state.accounts[BOB].orders[late].lots == 50_000
    assert bench.size(BOB, "BTC") == "-1.5" and bench.size(CAROL, "BTC") == "-1.0"


def test_the_crowds_lots_that_rested_before_an_order_come_first() -> None:
    bench = Bench()
    bench.market.set_book("BTC", [], [("100000", "2"), ("100005", "9")])
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.market.set_book("BTC", [], [("100000", "3"), ("100005", "9")])
    bench.pass_ms(75)
    bench.take(ALICE, "BTC", "buy", "100000", "1.5")
    assert bench.lots(BOB, "BTC") == 0
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    assert bench.size(BOB, "BTC") == "-0.5"
    filled = bench.take(ALICE, "BTC", "buy", "100005", "2.5")
    # What is left of the order, the crowd behind it, then the next price.
    assert filled["avgPx"] == "100002.0" and bench.size(BOB, "BTC") == "-1.0"


def test_nothing_is_taken_twice_and_the_book_heals() -> None:
    bench = Bench()
    bench.market.set_book("BTC", [], [("100000", "2")])
    bench.take(ALICE, "BTC", "buy", "100000", "2")
    assert "could not immediately match" in bench.refused(
        ALICE, limit("BTC", "buy", "100000", "1", tif="Ioc")
    )
    bench.pass_ms(3_000)
    assert bench.take(ALICE, "BTC", "buy", "100000", "2")["totalSz"] == "1.0"


def test_a_partly_filled_immediate_order_says_filled_with_what_it_got() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    filled = bench.take(ALICE, "BTC", "buy", "100000", "3")
    assert filled["totalSz"] == "1.0"
    assert not bench.exchange.state.accounts[ALICE].open


def test_a_match_with_oneself_cancels_the_resting_order_without_a_trade() -> None:
    bench = Bench()
    own = bench.rest(ALICE, "BTC", "sell", "100000", "1")
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.news()
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    assert bench.status(ALICE, own) == "selfTradeCanceled"
    prints = [n for n in bench.news() if isinstance(n, Print)]
    assert [p.row["users"] for p in prints] == [[ALICE, BOB]]
    assert bench.size(ALICE, "BTC") == "1.0"


def test_a_maker_without_the_margin_is_cancelled_and_the_next_one_trades() -> None:
    bench = Bench(ALICE, CAROL)
    bench.exchange.deposit(BOB, 6_000_000_000, bench.now_ms)
    poor = bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.rest(BOB, "ETH", "sell", "4000", "25")
    bench.rest(CAROL, "BTC", "sell", "100001", "1")
    bench.take(ALICE, "ETH", "buy", "4000", "25")
    filled = bench.take(ALICE, "BTC", "buy", "100001", "1")
    assert filled["avgPx"] == "100001.0"
    assert bench.status(BOB, poor) == "marginCanceled"


def test_the_buyer_stands_first_whoever_took() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "buy", "100000", "1")
    bench.news()
    bench.take(ALICE, "BTC", "sell", "100000", "1")
    (trade,) = [n for n in bench.news() if isinstance(n, Print)]
    assert trade.row["users"] == [BOB, ALICE] and trade.row["side"] == "A"
    assert set(trade.row) == {"coin", "side", "px", "sz", "time", "hash", "tid", "users"}


def test_a_fill_costs_the_taker_more_than_the_maker() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    million = 1_000_000_000_000
    assert (million - bench.cash(ALICE), million - bench.cash(BOB)) == (45_000_000, 15_000_000)
