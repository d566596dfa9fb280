from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, Bench, cancel
from venue.local.exchange.state.rules import Rules
from venue.local.exchange.views import answers


def test_ended_orders_are_forgotten_by_count_and_open_ones_never() -> None:
    bench = Bench(ALICE, rules=Rules(orders_kept=3))
    first = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    ended = []
    for number in range(5):
        oid = bench.rest(ALICE, "BTC", "buy", "98000", "1", cloid=f"0x{number:032x}")
        bench.act(ALICE, cancel("BTC", oid))
        ended.append(oid)
    known = [bench.exchange.state.accounts[ALICE].orders.get(oid) for oid in (first, *ended)]
    assert [order is not None for order in known] == [True, False, False, True, True, True]
    for number, status in ((0, "unknownOid"), (4, "order")):
        asked = {"user": ALICE, "oid": f"0x{number:032x}"}
        assert (
            answers.answer(bench.exchange, "orderStatus", asked, bench.now_ms)["status"] == status
        )


def test_each_change_is_told_with_what_remained_then() -> None:
    bench = Bench()
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    bench.market.add_print("BTC", bench.now_ms + 75, -1, "98000", "0.4")
    bench.pass_ms(150)
    bench.act(ALICE, cancel("BTC", oid))
    told = [(n.data["status"], n.data["order"]["sz"]) for n in bench.notes("order")]
    assert told == [("open", "1.0"), ("canceled", "0.6")]
