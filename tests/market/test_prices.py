"""Doubts of a coin's prices: what is counted, and what waits."""

from __future__ import annotations

import pytest

from market.events import NS_PER_S, Print
from market.prices import HELD_MAX, HELD_NS, Prices

T0 = 1_756_684_800 * NS_PER_S


def test_a_doubt_begins_once_and_counts_what_agrees() -> None:
    prices = Prices()
    prices.doubt(1000.0, 1001.0, 5, T0, agrees=False)
    prices.doubt(1000.5, 1001.5, 6, T0 + 1, agrees=True)
    assert (prices.since_ns, prices.agreed, prices.agreed_ns) == (T0, 2, T0)
    prices.doubt(500.0, 501.0, 7, T0 + 2, agrees=False)
    assert (prices.since_ns, prices.agreed, prices.agreed_ns) == (T0, 1, T0 + 2)
    assert (prices.bid, prices.ask, prices.time_ms, prices.quotes) == (500.0, 501.0, 7, 3)
    assert not prices.low <= 500.0 <= prices.high


def test_what_is_settled_vouches_for_what_is_near() -> None:
    prices = Prices()
    prices.doubt(1000.0, 1001.0, 5, T0, agrees=False)
    prices.settle(100.0, 100.2, 0.02)
    assert (prices.since_ns, prices.agreed) == (0, 0)
    assert (prices.low, prices.high) == pytest.approx((99.0, 101.202))


def test_what_is_forgotten_leaves_no_doubt_and_nothing_believed_unasked() -> None:
    prices = Prices()
    prices.settle(100.0, 100.2, 0.02)
    prices.doubt(1000.0, 1001.0, 5, T0, agrees=False)
    prices.hold(Print(1, 1000.0, 1.0, 1), T0)
    prices.odd = 3
    prices.forget()
    assert (prices.since_ns, prices.agreed, prices.odd, prices.held) == (0, 0, 0, [])
    assert prices.low > prices.high


def test_held_prints_come_back_in_order_while_they_are_fresh() -> None:
    prices = Prices()
    for i, px in enumerate((90.0, 500.0, 91.0)):
        prices.hold(Print(i, px, 1.0, 1), T0 + i)
    freed = prices.release(89.0, 92.0, T0 + HELD_NS)
    assert [(p.time_ms, p.px) for p in freed] == [(0, 90.0), (2, 91.0)]
    assert [held.print.px for held in prices.held] == [500.0]
    assert prices.release(400.0, 600.0, T0 + HELD_NS + 2) == []
    assert prices.held == []
    assert prices.prints == 3


def test_no_more_prints_wait_than_there_is_room() -> None:
    prices = Prices()
    for i in range(HELD_MAX + 3):
        prices.hold(Print(i, 90.0, 1.0, 1), T0)
    assert len(prices.held) == HELD_MAX
    assert prices.held[0].print.time_ms == 3
