from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest

from tests.venue.local.serving import DAY_MS, EPOCH_MS, Stub
from tests.venue.local.wires import Hand, Wire
from venue.hyperliquid.streams import Subscription
from venue.local.market.contract import Topic
from venue.local.market.grid import BLOCK_MS
from venue.local.protocol.framing import framed
from venue.local.server.client import Client, Limits
from venue.local.server.hub import Hub
from venue.local.world.virtual import ARRIVAL_NS, frames, topics_of
from venue.local.world.world import World

START_MS = EPOCH_MS + DAY_MS // 2
TOPICS = [
    Topic("l2Book", "BTC", fast=True),
    Topic("l2Book", "SOL"),
    Topic("bbo", "BTC"),
    Topic("trades", "BTC"),
    Topic("trades", "SOL"),
    Topic("activeAssetCtx", "SOL"),
]
BTC = TOPICS[3]


class Beginning(Stub):
    """A market that also says when it was asked for first frames."""

    def __init__(self) -> None:
        super().__init__(b"push")
        self.began: list[tuple[Topic, int]] = []

    def first(self, topic: Topic, now_ms: int) -> list[bytes]:
        self.began.append((topic, now_ms))
        return [b"first of " + topic.coin.encode()]


def test_subscriptions_become_the_topics_they_ask_for() -> None:
    wanted = [Subscription("l2Book", "BTC", True), Subscription("l2Book", "BTC", False)]
    assert topics_of([*wanted, Subscription("trades", "SOL", False)]) == [
        Topic("l2Book", "BTC", fast=True),
        Topic("l2Book", "BTC"),
        Topic("trades", "SOL"),
    ]
    assert topics_of([]) == []


@pytest.mark.parametrize("start_ms", [START_MS, EPOCH_MS + DAY_MS - 3_000])
def test_it_says_what_a_client_of_the_real_clock_is_sent(world: World, start_ms: int) -> None:
    async def sent() -> bytes:
        hub = Hub(world, Hand(start_ms), Limits())
        wire = Wire()
        client = Client(wire, "here", Limits(buffer_bytes_max=1 << 30))
        hub.add(client)
        for topic in TOPICS:
            hub.join(client, topic)
        for now_ms in range(start_ms + BLOCK_MS, start_ms + 9_001, BLOCK_MS):
            hub.push(now_ms)
        return wire.written

    told = list(frames(world, TOPICS, start_ms, start_ms + 9_000))
    assert b"".join(framed(raw) for _, raw in told) == asyncio.run(sent())
    kinds = {json.loads(raw)["channel"] for _, raw in told}
    assert kinds == {topic.type for topic in TOPICS}


def test_time_goes_by_blocks_and_never_backwards(world: World) -> None:
    told = [ns for ns, _ in frames(world, TOPICS, START_MS, START_MS + 5_000)]
    assert all(a <= b for a, b in pairwise(told))
    assert {(ns - ARRIVAL_NS) % (BLOCK_MS * 1_000_000) for ns in told} == {0}
    assert told[0] == START_MS * 1_000_000 + ARRIVAL_NS
    assert told[-1] <= (START_MS + 5_000) * 1_000_000 + ARRIVAL_NS


def test_nothing_arrives_before_it_happened(world: World) -> None:
    checked = 0
    for ns, raw in frames(world, TOPICS, START_MS, START_MS + 5_000):
        data = json.loads(raw)["data"]
        for row in data if isinstance(data, list) else [data]:
            if "time" in row:
                checked += 1
                assert row["time"] * 1_000_000 < ns
    assert checked > 50


def test_a_subscriber_begins_with_the_snapshot_of_the_running_block() -> None:
    market = Beginning()
    told = list(frames(market, [BTC, TOPICS[4]], 1_010, 1_199))
    assert market.began == [(BTC, 975), (TOPICS[4], 975)]
    assert market.asked == [(975, 1_050), (1_050, 1_125)], "no gap, no overlap, none half over"
    assert told[:2] == [
        (975_000_000 + ARRIVAL_NS, b"first of BTC"),
        (975_000_000 + ARRIVAL_NS, b"first of SOL"),
    ]
    assert told[2:] == [
        (ms * 1_000_000 + ARRIVAL_NS, b"push") for ms in (1_050, 1_050, 1_125, 1_125)
    ]


def test_a_block_that_ends_with_the_stretch_still_belongs_to_it() -> None:
    market = Beginning()
    list(frames(market, [BTC], 975, 1_050))
    assert market.asked == [(975, 1_050)]


def test_topics_may_come_from_anything_that_is_read_once() -> None:
    market = Beginning()
    told = list(frames(market, iter([BTC]), 975, 1_125))
    assert [raw for _, raw in told] == [b"first of BTC", b"push", b"push"]


def test_a_stretch_can_be_taken_in_parts_without_losing_or_doubling_a_trade(world: World) -> None:
    def tids(*spans: tuple[int, int]) -> list[int]:
        found: list[int] = []
        for start_ms, end_ms in spans:
            for ns, raw in frames(world, [BTC], start_ms, end_ms):
                # What the snapshot repeats was told before, or happened before the first part.
                if ns > start_ms * 1_000_000 + ARRIVAL_NS:
                    found += [trade["tid"] for trade in json.loads(raw)["data"]]
        return found

    end_ms = START_MS + 60_000
    middle_ms = START_MS + 26_000
    whole = tids((START_MS, end_ms))
    assert tids((START_MS, middle_ms), (middle_ms, end_ms)) == whole
    assert len(set(whole)) == len(whole) > 10
