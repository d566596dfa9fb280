from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.venue.local.exchange.scripted import ALICE, BOB, USD
from tests.venue.local.serving import EPOCH_MS, HOUR_MS
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.views.merged_market import MergedMarket
from venue.local.market.contract import Topic
from venue.local.world.world import World

START_MS = EPOCH_MS + 3 * HOUR_MS
BLOCK_MS = 75
TOPICS = [
    Topic("l2Book", "BTC", fast=True),
    Topic("l2Book", "ETH"),
    Topic("bbo", "BTC"),
    Topic("trades", "BTC"),
    Topic("candle", "BTC", "1m"),
    Topic("activeAssetCtx", "BTC"),
    Topic("allMids"),
]


@pytest.fixture
def exchange(world: World) -> Exchange:
    exchange = Exchange(world)
    for user in (ALICE, BOB):
        exchange.deposit(user, 10_000_000 * USD, START_MS)
    return exchange


@pytest.fixture
def market(world: World, exchange: Exchange) -> MergedMarket:
    return MergedMarket(world, exchange)


def act(exchange: Exchange, side: str, px: float, size: str, now_ms: int, tif: str = "Gtc") -> dict:
    order = {
        "a": 0,
        "b": side == "buy",
        "p": f"{px:.0f}",
        "s": size,
        "r": False,
        "t": {"limit": {"tif": tif}},
    }
    reply = exchange.act(ALICE, {"type": "order", "orders": [order], "grouping": "na"}, now_ms)
    status: dict = reply["response"]["data"]["statuses"][0]
    return status


def frames(market: MergedMarket | World, since_ms: int, until_ms: int) -> Iterator[tuple]:
    for now_ms in range(since_ms + BLOCK_MS, until_ms + 1, BLOCK_MS):
        yield from market.due(now_ms - BLOCK_MS, now_ms, TOPICS)


def of(found: list[tuple], kind: str, coin: str = "BTC") -> list:
    return [
        json.loads(raw)["data"] for topic, raw in found if (topic.type, topic.coin) == (kind, coin)
    ]


def test_without_an_active_account_every_byte_is_the_crowds(
    world: World, market: MergedMarket
) -> None:
    until_ms = START_MS + 6_000
    assert list(frames(market, START_MS, until_ms)) == list(frames(world, START_MS, until_ms))
    for topic in TOPICS:
        assert market.first(topic, START_MS) == world.first(topic, START_MS)
    grouped = Topic("l2Book", "BTC", figures=4)
    assert market.book(grouped, START_MS) == world.book(grouped, START_MS)
    assert market.mids(START_MS) == world.mids(START_MS)
    assert market.recent_trades("BTC", START_MS) == world.recent_trades("BTC", START_MS)
    asked = ("BTC", "5m", START_MS - HOUR_MS, START_MS, START_MS)
    assert market.candles(*asked) == world.candles(*asked)
    assert market.context("BTC", START_MS) == world.context("BTC", START_MS)


def test_a_resting_order_shows_in_book_touch_and_mid_and_goes_with_its_end(
    world: World, market: MergedMarket, exchange: Exchange
) -> None:
    bids, asks = world.levels("BTC", START_MS, 1)
    inside = (asks[0][0] - bids[0][0]) > 10
    px = (bids[0][0] + (10 if inside else 0)) / 10
    oid = act(exchange, "buy", px, "0.5", START_MS)["resting"]["oid"]
    top = market.book(TOPICS[0], START_MS)["levels"][0][0]
    assert float(top["px"]) == px
    expected = 0.5 if inside else 0.5 + bids[0][1] / 1e5
    assert float(top["sz"]) == pytest.approx(expected)
    (first,) = market.first(Topic("bbo", "BTC"), START_MS)
    assert json.loads(first)["data"]["bbo"][0] == top
    cancel = {"type": "cancel", "cancels": [{"a": 0, "o": oid}]}
    exchange.act(ALICE, cancel, START_MS)
    assert market.book(TOPICS[0], START_MS) == world.book(TOPICS[0], START_MS)


def test_what_was_taken_is_gone_from_the_book_and_shown_as_trade_and_candle(
    world: World, market: MergedMarket, exchange: Exchange
) -> None:
    now_ms = START_MS + 1
    _, asks = world.levels("BTC", now_ms, 2)
    list(frames(market, START_MS - 2 * BLOCK_MS, START_MS))
    size = f"{asks[0][1] / 1e5:.5f}"
    filled = act(exchange, "buy", asks[0][0] / 10, size, now_ms, tif="Ioc")["filled"]
    assert filled["totalSz"].rstrip("0") == size.rstrip("0")
    assert market.levels("BTC", now_ms, 1)[1][0][0] == asks[1][0]
    found = list(market.due(START_MS, START_MS + BLOCK_MS, TOPICS))
    rows = [row for batch in of(found, "trades") for row in batch]
    assert [r["sz"] for r in rows if ALICE in r["users"]] == [filled["totalSz"]]
    again = list(market.due(START_MS + BLOCK_MS, START_MS + 2 * BLOCK_MS, TOPICS))
    assert not [r for batch in of(again, "trades") for r in batch if ALICE in r["users"]]
    recent = market.recent_trades("BTC", START_MS + BLOCK_MS)
    assert len(recent) == 30 and any(ALICE in row["users"] for row in recent)
    asked = ("BTC", "1m", START_MS, START_MS, START_MS + 30_000)
    (with_ours,), (without,) = market.candles(*asked), world.candles(*asked)
    assert float(with_ours["v"]) == pytest.approx(float(without["v"]) + float(size))
    assert with_ours["n"] == without["n"] + 1
    assert float(with_ours["h"]) >= asks[0][0] / 10


def test_the_published_book_is_never_crossed_while_the_crowd_runs_over_orders(
    market: MergedMarket, exchange: Exchange
) -> None:
    mid = float(market.mids(START_MS)["BTC"])
    for step in range(1, 12):
        act(exchange, "buy", mid - 2 * step, "2", START_MS)
        act(exchange, "sell", mid + 2 * step, "2", START_MS)
    fills = 0
    for now_ms in range(START_MS, START_MS + 60_000, BLOCK_MS):
        exchange.advance(now_ms)
        bids, asks = market.levels("BTC", now_ms, 5)
        assert bids[0][0] < asks[0][0]
        assert [px for px, _, _ in bids] == sorted({px for px, _, _ in bids}, reverse=True)
        fills += sum(getattr(n, "kind", "") == "fill" for n in exchange.drain())
    assert fills


def test_a_touch_that_only_an_account_changed_is_told(
    market: MergedMarket, exchange: Exchange
) -> None:
    list(frames(market, START_MS - 600, START_MS))
    mid = float(market.mids(START_MS)["BTC"])
    act(exchange, "buy", mid - 50, "1", START_MS)
    first = of(list(market.due(START_MS, START_MS + 75, TOPICS)), "bbo")
    assert len(first) == 1
    assert first[0]["bbo"][0] == market.book(TOPICS[0], START_MS + 75)["levels"][0][0]
