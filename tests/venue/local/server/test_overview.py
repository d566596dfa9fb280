from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from tests.venue.local.serving import NOW_MS, Stub
from venue.local.market.contract import Row
from venue.local.protocol.stream import Stream
from venue.local.server.overview import Overviews
from venue.local.world.world import World

FAST = Stream("fastAssetCtxs")


def unpacked(raw: bytes) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(json.loads(raw)["data"]), -15))


class Moving(Stub):
    """A market whose mid moves and whose mark does not."""

    def context(self, coin: str, now_ms: int) -> Row:
        return {"markPx": "5.0", "midPx": str(now_ms // 2_000), "premium": None}


def test_all_contexts_stand_in_the_order_of_meta(world: World) -> None:
    overviews = Overviews(world)
    one = json.loads(overviews.first(Stream("assetCtxs"), NOW_MS))
    rows = [world.context(row["name"], NOW_MS) for row in world.universe]
    assert one == {"channel": "assetCtxs", "data": {"dex": "", "ctxs": rows}}
    every = json.loads(overviews.first(Stream("allDexsAssetCtxs"), NOW_MS))
    assert every == {"channel": "allDexsAssetCtxs", "data": {"ctxs": [["", rows]]}}


def test_each_has_its_beat() -> None:
    overviews = Overviews(Moving())
    streams = [Stream("assetCtxs"), Stream("allDexsAssetCtxs"), FAST]
    told = {stream.type: 0 for stream in streams}
    for now_ms in range(0, 68_000, 75):
        for stream, _ in overviews.due(streams, now_ms, now_ms + 75):
            told[stream.type] += 1
    assert told["assetCtxs"] == 13
    assert told["allDexsAssetCtxs"] == 5
    # Once a second, but only every other second something changed.
    assert 33 <= told["fastAssetCtxs"] <= 35


def test_the_fast_stream_begins_with_all_and_goes_on_with_what_changed() -> None:
    overviews = Overviews(Moving())
    assert unpacked(overviews.first(FAST, 10_000)) == {"BTC": {"markPx": "5.0", "midPx": "5"}}
    assert list(overviews.due([FAST], 10_000, 11_000)) == []
    ((_, raw),) = overviews.due([FAST], 11_000, 12_000)
    assert unpacked(raw) == {"BTC": {"midPx": "6"}}
    # Who comes later begins where the others are.
    assert unpacked(overviews.first(FAST, 12_500)) == {"BTC": {"markPx": "5.0", "midPx": "6"}}
