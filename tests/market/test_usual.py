from __future__ import annotations

import pytest

from market.decision import BUY, SELL
from market.events import NS_PER_MINUTE, NS_PER_S
from market.usual import SPREAD_UNKNOWN, Usual
from tests.support.shadow import T0, make_coin, put_book


def seen(*halves: float) -> Usual:
    usual, coin = Usual(), make_coin()
    for second, half in enumerate(halves):
        put_book(coin, 100.0, T0 + second * NS_PER_S, half=half)
        usual.see(coin.book, T0 + second * NS_PER_S)
    return usual


def test_the_first_seconds_count_alike() -> None:
    assert seen(0.01, 0.03).spread == pytest.approx(4e-4)


def test_one_wide_second_among_many_hardly_counts() -> None:
    usual = seen(*[0.01] * 2_000, 5.0)
    assert 2e-4 < usual.spread < 4e-4


def test_the_ladder_lies_around_any_price_half_the_spread_away() -> None:
    usual, coin = Usual(), make_coin()
    bids, asks = [(99.0, 1.0), (98.01, 2.0)], [(101.0, 3.0), (102.01, 4.0)]
    put_book(coin, 100.0, T0, bids=bids, asks=asks)
    usual.see(coin.book, T0)
    sell = [(level.px, level.sz) for level in usual.against(SELL, 200.0)]
    buy = [(level.px, level.sz) for level in usual.against(BUY, 50.0)]
    assert sell == [(pytest.approx(198.0), 1.0), (pytest.approx(196.02), 2.0)]
    assert buy == [(pytest.approx(50.5), 3.0), (pytest.approx(51.005), 4.0)]


def test_the_ladder_is_that_of_the_newest_minute() -> None:
    usual, coin = Usual(), make_coin()
    for at_ns, size in ((0, 1.0), (NS_PER_MINUTE - 1, 2.0), (NS_PER_MINUTE, 3.0)):
        put_book(coin, 100.0, T0 + at_ns, size=size)
        usual.see(coin.book, T0 + at_ns)
        assert usual.bids[0].sz == (3.0 if at_ns == NS_PER_MINUTE else 1.0)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_book_never_seen_is_wide_and_bottomless(side: int) -> None:
    (level,) = Usual().against(side, 100.0)
    assert level.px == pytest.approx(100.0 * (1 + side * SPREAD_UNKNOWN / 2))
    assert level.sz > 1e12
