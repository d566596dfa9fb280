from __future__ import annotations

import json

from tests.venue.local.serving import NOW_MS
from venue.local.faults.kinds.market.delisting import Delisting
from venue.local.market.contract import Topic
from venue.local.world.world import World

BLOCKS = 200
TOPICS = [
    Topic(kind, coin) for coin in ("ETH", "BTC") for kind in ("bbo", "trades", "activeAssetCtx")
]
TOPICS += [Topic("l2Book", coin, fast=True) for coin in ("ETH", "BTC")]


def test_before_and_after_the_window_nothing_is_changed(world: World) -> None:
    now = [0]
    market = Delisting(coin="ETH", at_s=1.0, for_s=1.0).around(world, lambda: now[0])
    for now[0] in (0, 999, 2_000):
        until_ms = NOW_MS + 75 * 10
        assert list(market.due(NOW_MS, until_ms, TOPICS)) == list(
            world.due(NOW_MS, until_ms, TOPICS)
        )
        assert market.universe == world.universe
        assert market.context("ETH", NOW_MS) == world.context("ETH", NOW_MS)
        assert market.first(TOPICS[1], NOW_MS) == world.first(TOPICS[1], NOW_MS)


def test_a_delisted_coin_has_empty_books_and_trades_no_more(world: World) -> None:
    market = Delisting(coin="ETH").around(world, lambda: 0)
    list(market.warm(["ETH", "BTC"], NOW_MS, NOW_MS + 75 * BLOCKS))
    heard: dict[tuple[str, str], list[dict[str, object]]] = {}
    for topic, payload in market.due(NOW_MS, NOW_MS + 75 * BLOCKS, TOPICS):
        heard.setdefault((topic.type, topic.coin), []).append(json.loads(payload)["data"])
    assert {kind for kind, coin in heard if coin == "ETH"} == {"l2Book", "activeAssetCtx"}
    assert {kind for kind, coin in heard if coin == "BTC"} == {
        "l2Book",
        "activeAssetCtx",
        "bbo",
        "trades",
    }
    books = heard["l2Book", "ETH"]
    assert len(books) == len(heard["l2Book", "BTC"])
    assert all(book["levels"] == [[], []] and book["fast"] is True for book in books)
    contexts = [row["ctx"] for row in heard["activeAssetCtx", "ETH"]]
    assert all(context == contexts[0] for context in contexts)
    assert market.first(Topic("trades", "ETH"), NOW_MS) == []


def test_its_row_says_so_and_keeps_its_place(world: World) -> None:
    market = Delisting(coin="ETH").around(world, lambda: 0)
    rows = market.universe
    assert [row["name"] for row in rows] == [row["name"] for row in world.universe]
    assert [row["name"] for row in rows if row.get("isDelisted")] == ["ETH"]
    assert list(market.instruments) == list(world.instruments)
    assert [i.coin for i in market.instruments.values() if i.is_delisted] == ["ETH"]


def test_questions_get_frozen_prices_and_nulls(world: World) -> None:
    market = Delisting(coin="ETH").around(world, lambda: 0)
    context = market.context("ETH", NOW_MS)
    assert context["markPx"] == world.context("ETH", NOW_MS)["markPx"]
    assert context["midPx"] is context["premium"] is context["impactPxs"] is None
    assert market.context("ETH", NOW_MS + 60_000) == context
    book = market.book(Topic("l2Book", "ETH"), NOW_MS)
    assert book is not None
    assert book["levels"] == [[], []]
    assert market.book(Topic("l2Book", "BTC"), NOW_MS) == world.book(Topic("l2Book", "BTC"), NOW_MS)
    assert market.mids(NOW_MS) == world.mids(NOW_MS)
    assert market.recent_trades("ETH", NOW_MS) == world.recent_trades("ETH", NOW_MS)
    assert market.epoch_ms == world.epoch_ms


def test_accounts_find_nobody_to_trade_with(world: World) -> None:
    market = Delisting(coin="ETH").around(world, lambda: 0)
    assert market.levels("ETH", NOW_MS, 5) == ([], [])
    assert market.flow("ETH", NOW_MS, NOW_MS + 60_000) == []
    assert market.levels("BTC", NOW_MS, 5) == world.levels("BTC", NOW_MS, 5)
    found = market.flow("BTC", NOW_MS, NOW_MS + 60_000)
    assert found == world.flow("BTC", NOW_MS, NOW_MS + 60_000) != []


def test_a_coin_that_is_not_there_can_not_be_delisted(world: World) -> None:
    assert Delisting(coin="NOPE").around(world, lambda: 0) is world
