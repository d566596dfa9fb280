from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venue.local.exchange.scripted import ALICE, ScriptedMarket
from venue.local.exchange.state.order import Order
from venue.local.exchange.state.resting import RestingBook, Side

BTC = ScriptedMarket.instruments["BTC"]


def order(oid: int, side: int, px: int, lots: int = 1) -> Order:
    return Order(oid, ALICE, BTC, side, px, lots, "Gtc", 0)


@pytest.mark.parametrize("side", [1, -1])
@given(data=st.data())
def test_orders_come_best_first_then_oldest(side: int, data: st.DataObject) -> None:
    prices = data.draw(st.lists(st.integers(1, 9), max_size=20))
    orders = [order(oid, side, px, oid + 1) for oid, px in enumerate(prices)]
    gone = (
        set(data.draw(st.lists(st.sampled_from(range(len(orders))), unique=True)))
        if orders
        else set()
    )
    half = Side(side)
    for each in orders:
        half.add(each)
    for oid in gone:
        half.remove(orders[oid])
    left = sorted((o for o in orders if o.oid not in gone), key=lambda o: (-side * o.px, o.oid))
    assert list(half.orders()) == left
    assert half.best == (left[0].px if left else None)
    assert bool(half) == bool(left) and (not left or half.first() is left[0])
    assert sum(lots for _, lots, _ in half.levels()) == sum(o.lots for o in left)
    assert sum(count for _, _, count in half.levels()) == len(left)


def test_a_book_has_two_sides() -> None:
    book = RestingBook()
    assert not book
    book.side(-1).add(order(1, -1, 5))
    assert book and book.asks.best == 5 and book.bids.best is None and list(book.asks.at(5)) == [1]
