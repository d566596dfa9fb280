from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench


def test_a_print_through_a_resting_order_fills_it_at_its_own_price() -> None:
    bench = Bench()
    oid = bench.rest(ALICE, "BTC", "buy", "99990", "1")
    bench.market.add_print("BTC", bench.now_ms + 75, -1, "99980", "0.4")
    bench.pass_ms(75)
    (fill,) = bench.notes("fill")
    assert (fill.data["px"], fill.data["sz"], fill.data["crossed"]) == ("99990.0", "0.4", False)
    assert bench.status(ALICE, oid) == "open"


def test_a_print_above_a_bid_or_of_the_same_side_leaves_it_alone() -> None:
    bench = Bench()
    bench.rest(ALICE, "BTC", "buy", "99990", "1")
    bench.market.add_print("BTC", bench.now_ms + 75, -1, "99991", "5")
    bench.market.add_print("BTC", bench.now_ms + 75, 1, "99980", "5")
    bench.pass_ms(75)
    assert bench.lots(ALICE, "BTC") == 0


def test_a_print_at_the_price_reaches_it_after_the_crowd_ahead() -> None:
    bench = Bench()
    bench.market.set_book("BTC", [("99990", "2")], [("100010", "9")])
    bench.rest(ALICE, "BTC", "buy", "99990", "1")
    bench.rest(BOB, "BTC", "buy", "99990", "1")
    bench.market.add_print("BTC", bench.now_ms + 75, -1, "99990", "1.5")
    bench.pass_ms(75)
    assert bench.lots(ALICE, "BTC") == 0
    bench.market.add_print("BTC", bench.now_ms + 75, -1, "99990", "1.7")
    bench.pass_ms(75)
    assert (bench.size(ALICE, "BTC"), bench.size(BOB, "BTC")) == ("1.0", "0.2")


def test_when_the_crowd_ahead_goes_away_the_queue_moves_up() -> None:
    bench = Bench()
    bench.market.set_book("BTC", [("99990", "2")], [("100010", "9")])
    bench.rest(ALICE, "BTC", "buy", "99990", "1")
    bench.market.set_book("BTC", [("99990", "0.5")], [("100010", "9")])
    bench.market.add_print("BTC", bench.now_ms + 75, -1, "99990", "1")
    bench.pass_ms(75)
    assert bench.size(ALICE, "BTC") == "0.5"


def test_the_better_of_two_orders_is_filled_first() -> None:
    bench = Bench()
    bench.rest(ALICE, "BTC", "sell", "100010", "1")
    bench.rest(BOB, "BTC", "sell", "100005", "1")
    bench.market.add_print("BTC", bench.now_ms + 75, 1, "100020", "1.5")
    bench.pass_ms(75)
    assert (bench.size(ALICE, "BTC"), bench.size(BOB, "BTC")) == ("-0.5", "-1.0")


def test_when_the_crowds_touch_crosses_an_order_it_trades_as_maker_as_far_as_the_crowd_goes() -> (
    None
):
    bench = Bench()
    bench.rest(ALICE, "BTC", "buy", "99990", "1")
    bench.market.set_book(
        "BTC", [("99970", "1")], [("99980", "0.3"), ("99990", "0.4"), ("99995", "9")]
    )
    bench.pass_ms(75)
    found = bench.notes("fill")
    assert [(f.data["px"], f.data["sz"], f.data["crossed"]) for f in found] == [
        ("99990.0", "0.3", False),
        ("99990.0", "0.4", False),
    ]


def test_a_print_from_before_the_order_does_not_fill_it() -> None:
    bench = Bench()
    bench.pass_ms(30)
    bench.market.add_print("BTC", bench.now_ms, -1, "99980", "5")
    bench.rest(ALICE, "BTC", "buy", "99990", "1")
    bench.pass_ms(150)
    assert bench.lots(ALICE, "BTC") == 0
