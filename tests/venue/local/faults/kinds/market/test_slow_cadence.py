from __future__ import annotations

from typing import Any

from tests.venue.local.faults.spoiling import book, moment, sent, trades
from venue.local.faults.kinds.market.slow_cadence import SlowCadence


def test_each_stream_speaks_every_so_often_and_says_what_is_so_by_then() -> None:
    fault, memory = SlowCadence(every_ms=2_000), {}
    heard: list[tuple[int, Any]] = []
    for now_ms in range(0, 6_000, 500):
        for coin, fast in (("BTC", True), ("BTC", False), ("ETH", True)):
            frame = book(coin, now_ms, fast=fast)
            at = moment(now_ms, end_ms=10_000, memory=memory)
            heard += [(now_ms, (coin, fast)) for one in fault.frames(frame, at) if one is frame]
    for stream in (("BTC", True), ("BTC", False), ("ETH", True)):
        assert [now_ms for now_ms, of in heard if of == stream] == [0, 2_000, 4_000]


def test_trades_go_on() -> None:
    assert sent(SlowCadence(), trades(tid=1), trades(tid=2)) == [trades(tid=1), trades(tid=2)]
