from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, limit


def test_a_coin_taken_off_the_list_ends_orders_and_settles_positions_at_the_mark() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    oid = bench.rest(BOB, "BTC", "buy", "90000", "1")
    before = bench.cash(ALICE), bench.cash(BOB)
    bench.market.set_mark("BTC", "101000")
    bench.pass_ms(1_100)
    bench.news()
    bench.exchange.delist("BTC", bench.now_ms)
    assert bench.status(BOB, oid) == "delistedCanceled"
    assert [n.data for n in bench.notes("cancel")] == [{"coin": "BTC", "oid": oid}]
    assert bench.lots(ALICE, "BTC") == bench.lots(BOB, "BTC") == 0
    gained = bench.cash(ALICE) - before[0], bench.cash(BOB) - before[1]
    assert gained == (1_000 * 10**6, -1_000 * 10**6)
    assert bench.refused(ALICE, limit("BTC", "buy", "99000", "1")) == "Trading is halted. asset=0"
