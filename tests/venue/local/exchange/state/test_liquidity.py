from __future__ import annotations

from tests.venue.local.exchange.scripted import START_MS, ScriptedMarket
from venue.local.exchange.state.liquidity import Liquidity
from venue.local.exchange.state.rules import Rules


def crowd() -> Liquidity:
    market = ScriptedMarket()
    market.set_book("BTC", [("99990", "4"), ("99980", "1")], [("100000", "2"), ("100010", "3")])
    return Liquidity(market, Rules())


def test_what_was_taken_is_gone_and_half_of_it_back_after_the_half_life() -> None:
    book = crowd()
    book.take("BTC", -1, 1_000_000, 200_000, START_MS)
    assert book.levels("BTC", -1, START_MS) == [(1_000_100, 300_000, 1)]
    assert book.best("BTC", -1, START_MS) == 1_000_100 and book.best("BTC", 1, START_MS) == 999_900
    for after_ms, lots in ((1_500, 50_000), (3_000, 100_000), (6_000, 150_000)):
        assert book.lots_at("BTC", -1, 1_000_000, START_MS + after_ms) == lots
    assert book.is_touched("BTC") and book.touched() == {"BTC"}
    book.heal(START_MS + 60_000)
    assert not book.touched()
    assert book.lots_at("BTC", -1, 1_000_000, START_MS + 60_000) == 200_000


def test_taking_twice_adds_up() -> None:
    book = crowd()
    book.take("BTC", 1, 999_900, 100_000, START_MS)
    book.take("BTC", 1, 999_900, 100_000, START_MS + 3_000)
    assert book.lots_at("BTC", 1, 999_900, START_MS + 3_000) == 400_000 - 150_000


def test_between_levels_is_nothing_and_beyond_the_visible_nobody_knows() -> None:
    book = crowd()
    assert book.lots_at("BTC", 1, 999_850, START_MS) == 0
    market = ScriptedMarket()
    market.set_book("BTC", [(str(99_990 - n), "1") for n in range(20)], [])
    assert Liquidity(market, Rules()).lots_at("BTC", 1, 900_000, START_MS) is None


def test_a_level_taken_from_the_top_is_made_up_for_from_below() -> None:
    book = crowd()
    book.take("BTC", -1, 1_000_000, 200_000, START_MS)
    assert book.seen("BTC", -1, START_MS, 1) == [(1_000_100, 300_000, 1)]
