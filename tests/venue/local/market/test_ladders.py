from __future__ import annotations

import json
from typing import Any

import pytest

from tests.venue.local.serving import NOW_MS, Stub
from venue.hyperliquid.l2 import Ladder, unpack
from venue.hyperliquid.wire import L2BookFrame, L2Data, decode
from venue.local.market.contract import Row, Topic
from venue.local.market.ladders import LADDER_MS, Ladders, packed
from venue.local.world.world import World

BTC = Topic("l2", "BTC")
START_MS = NOW_MS - NOW_MS % LADDER_MS


def data_of(raw: bytes) -> Any:
    message = json.loads(raw)
    assert message["channel"] == "l2"
    return message["data"]


def snapshot_of(raw: bytes) -> L2Data:
    frame = decode(json.dumps({"channel": "l2Book", "data": data_of(raw)["s"]}).encode())
    assert isinstance(frame, L2BookFrame)
    return frame.data


def slow_of(world: World, now_ms: int) -> L2Data:
    raw = json.dumps({"channel": "l2Book", "data": world.book(Topic("l2Book", "BTC"), now_ms)})
    frame = decode(raw.encode())
    assert isinstance(frame, L2BookFrame)
    return frame.data


def test_who_follows_the_deltas_holds_the_book(world: World) -> None:
    ladders, ladder = Ladders(world), Ladder()
    (first,) = ladders.first(BTC, START_MS)
    ladder.begin(snapshot_of(first), 0)
    for step in range(1, 41):
        now_ms = START_MS + step * LADDER_MS
        ((topic, raw),) = ladders.due(now_ms - LADDER_MS, now_ms, [BTC])
        assert topic == BTC
        ladder.apply(unpack(data_of(raw)["c"]), 0)
        ladder.compare(slow_of(world, now_ms))
    assert ladder.met == 40


def test_who_comes_later_begins_where_the_others_are(world: World) -> None:
    ladders = Ladders(world)
    (first,) = ladders.first(BTC, START_MS)
    assert ladders.first(BTC, START_MS + 500) == [first]
    ((_, raw),) = ladders.due(START_MS, START_MS + LADDER_MS, [BTC])
    (later,) = ladders.first(BTC, START_MS + LADDER_MS + 500)
    assert snapshot_of(later).time == unpack(data_of(raw)["c"]).time


def test_between_the_beats_nothing_is_due_and_what_nobody_wants_is_forgotten(world: World) -> None:
    ladders = Ladders(world)
    (first,) = ladders.first(BTC, START_MS)
    assert list(ladders.due(START_MS, START_MS + LADDER_MS - 1, [BTC])) == []
    assert list(ladders.due(START_MS, START_MS + LADDER_MS - 1, [])) == []
    assert ladders.first(BTC, START_MS + 2 * LADDER_MS) != [first]


def test_a_book_that_is_not_there_yet_begins_with_its_snapshot() -> None:
    class Late(Stub):
        def book(self, topic: Topic, now_ms: int) -> Row | None:
            level = {"px": "1.0", "sz": "1", "n": 1}
            book = {"coin": "BTC", "time": now_ms, "levels": [[level], []]}
            return book if now_ms >= 2 * LADDER_MS else None

    ladders = Ladders(Late())
    assert ladders.first(BTC, 0) == []
    assert list(ladders.due(0, LADDER_MS, [BTC])) == []
    ((_, raw),) = ladders.due(LADDER_MS, 2 * LADDER_MS, [BTC])
    assert snapshot_of(raw).time == 2 * LADDER_MS


@pytest.mark.parametrize(("figures", "mantissa"), [(3, None), (5, 2)])
def test_a_grouped_book_is_told_with_its_spread(
    world: World, figures: int, mantissa: int | None
) -> None:
    topic = Topic("l2", "BTC", figures=figures, mantissa=mantissa)
    ladders, ladder = Ladders(world), Ladder()
    (first,) = ladders.first(topic, START_MS)
    ladder.begin(snapshot_of(first), 0)
    ((_, raw),) = ladders.due(START_MS, START_MS + LADDER_MS, [topic])
    ladder.apply(unpack(data_of(raw)["c"]), 0)
    assert packed({"a": 1}) != data_of(raw)["c"]
