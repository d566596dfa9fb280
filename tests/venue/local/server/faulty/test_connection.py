from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.venue.local.serving import Limits, Stub, hear, say, serving, subscribe
from venue.local.faults.fault import Fault
from venue.local.faults.kinds.wire.disconnect import Disconnect
from venue.local.faults.kinds.wire.garbage import KINDS, Garbage
from venue.local.faults.kinds.wire.half_open import HalfOpen
from venue.local.faults.kinds.wire.missing_ack import MissingAck
from venue.local.faults.kinds.wire.reorder import Reorder
from venue.local.faults.kinds.wire.slow_stream import SlowStream
from venue.local.faults.kinds.wire.stall import Stall
from venue.local.faults.kinds.wire.truncated_frame import TruncatedFrame
from venue.local.faults.plan import Plan
from venue.local.server.faulty.injector import Injector

TRADES = {"method": "subscribe", "subscription": {"type": "trades", "coin": "BTC"}}


class Counting(Stub):
    """Pushes numbered frames on the channel trades."""

    def __init__(self, padding: int = 0) -> None:
        super().__init__()
        self.pushed = 0
        self._padding = "x" * padding

    def due(self, since_ms: int, now_ms: int, topics: Any) -> Any:
        for topic in topics:
            self.pushed += 1
            yield (
                topic,
                json.dumps(
                    {"channel": "trades", "data": {"n": self.pushed, "pad": self._padding}}
                ).encode(),
            )


def injector(*faults: Fault) -> Injector:
    return Injector(Plan(faults))


async def numbers(ws: ClientConnection, count: int) -> list[tuple[float, int]]:
    """Return when each of the next frames came and its number."""
    heard = []
    for _ in range(count):
        number = (await hear(ws, "trades"))["data"]["n"]
        heard.append((time.monotonic(), number))
    return heard


async def closing(ws: ClientConnection) -> int | None:
    """Wait for the end of a connection; return its close code."""
    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(5.0):
            while True:
                await ws.recv()
    return ws.close_code


def test_a_stall_ends_in_a_burst_and_loses_nothing() -> None:
    async def run() -> None:
        stall = Stall(at_s=0.4, for_s=0.6)
        async with serving(Counting(), injector=injector(stall)) as venue, venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            heard = await numbers(ws, 20)
            assert [n for _, n in heard] == list(range(1, 21))
            gaps = [b[0] - a[0] for a, b in pairwise(heard)]
            assert max(gaps) > 0.4
            after = gaps.index(max(gaps))
            assert len([gap for gap in gaps[after + 1 : after + 6] if gap < 0.02]) >= 4

    asyncio.run(run())


def test_a_slow_stream_keeps_its_order_when_it_recovers() -> None:
    async def run() -> None:
        slow = SlowStream(for_s=1.0, lag_ms_per_s=800.0)
        async with serving(Counting(), injector=injector(slow)) as venue, venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            heard = await numbers(ws, 20)
            assert [n for _, n in heard] == list(range(1, 21))

    asyncio.run(run())


def test_reordered_frames_all_come() -> None:
    async def run() -> None:
        reorder = Reorder(for_s=0.8, share=0.5, delay_ms_max=300)
        async with serving(Counting(), injector=injector(reorder)) as venue, venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            heard = [n for _, n in await numbers(ws, 25)]
            assert heard != sorted(heard)
            assert set(range(1, 15)) <= set(heard)

    asyncio.run(run())


def test_a_missing_acknowledgement_does_not_hold_up_the_data() -> None:
    async def run() -> None:
        missing = injector(MissingAck())
        async with serving(Counting(), injector=missing) as venue, venue.connect() as ws:
            await say(ws, TRADES)
            assert (await hear(ws))["channel"] == "trades"

    asyncio.run(run())


def test_rubbish_arrives_as_it_is() -> None:
    async def run() -> list[str | bytes]:
        bad = [Garbage(share=1.0, kind=kind) for kind in ("html", "binary", "empty")]
        async with serving(Counting(), injector=injector(*bad)) as venue, venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            return [await ws.recv() for _ in range(8)]

    assert {KINDS["html"].decode(), KINDS["binary"], ""} <= set(asyncio.run(run()))


def test_bytes_that_are_no_utf8_come_in_a_text_frame() -> None:
    async def run() -> int | None:
        bad = Garbage(share=1.0, kind="utf8")
        async with serving(Counting(), injector=injector(bad)) as venue, venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            await closing(ws)
            sent = ws.protocol.close_sent
            return None if sent is None else sent.code

    # The client finds them and ends the connection (RFC 6455, section 8.1).
    assert asyncio.run(run()) == 1007


def test_a_frame_that_breaks_off_takes_the_connection_with_it() -> None:
    async def run() -> int | None:
        cut = TruncatedFrame(share=1.0, cut="wire")
        async with serving(Counting(), injector=injector(cut)) as venue, venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            return await closing(ws)

    assert asyncio.run(run()) == 1006


@pytest.mark.parametrize(("close", "code"), [("abrupt", 1006), ("clean", 1001)])
def test_connections_end_at_the_time_even_when_nothing_is_sent(close: Any, code: int) -> None:
    async def run() -> tuple[int | None, float]:
        end = injector(Disconnect(at_s=0.4, close=close))
        async with serving(Stub(), injector=end) as venue, venue.connect() as ws:
            before = time.monotonic()
            found = await closing(ws)
            return found, time.monotonic() - before

    found, waited_s = asyncio.run(run())
    assert found == code
    assert 0.2 < waited_s < 2.0


def test_new_connections_end_as_well_while_it_lasts() -> None:
    async def run() -> None:
        end = injector(Disconnect(for_s=1.0, lives_s=0.1))
        async with serving(Stub(), injector=end) as venue:
            async with venue.connect() as ws:
                assert await closing(ws) == 1006
            await asyncio.sleep(1.0)
            async with venue.connect() as ws:
                await subscribe(ws, type="trades", coin="BTC")
            assert end.running.counts == {"disconnect": 1}

    asyncio.run(run())


def test_a_half_open_socket_neither_speaks_nor_answers_pings() -> None:
    async def run() -> None:
        half = injector(HalfOpen(at_s=0.3, for_s=1.2))
        async with (
            serving(Counting(), injector=half) as venue,
            venue.connect() as ws,
            venue.connect() as quiet,
        ):
            await subscribe(ws, type="trades", coin="BTC")
            await hear(ws, "trades")
            await asyncio.sleep(0.5)
            while True:
                try:
                    await asyncio.wait_for(ws.recv(), 0.2)
                except TimeoutError:
                    break
            await say(quiet, {"method": "ping"})
            pong = await quiet.ping()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(pong), 0.3)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(quiet.recv(), 0.2)
            # One that comes later is served.
            async with venue.connect() as late:
                await say(late, {"method": "ping"})
                assert await hear(late) == {"channel": "pong"}
            assert await closing(ws) == 1006
            pong.cancel()

    asyncio.run(run())


def test_the_memory_of_a_stall_is_bounded() -> None:
    async def run() -> int | None:
        limits = Limits(buffer_bytes_max=200_000)
        long = injector(Stall(for_s=60.0))
        market = Counting(padding=50_000)
        async with (
            serving(market, limits=limits, injector=long) as venue,
            venue.connect() as ws,
        ):
            await say(ws, TRADES)
            return await closing(ws)

    assert asyncio.run(run()) == 1006
