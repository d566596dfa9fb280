from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from hyperliquid.info import Info
from websockets.exceptions import ConnectionClosed

from market.errors import OperatorError
from tests.venue.local.serving import (
    EPOCH_MS,
    HOUR_MS,
    NOW_MS,
    Clock,
    Limits,
    Stub,
    Venue,
    hear,
    say,
    serving,
    subscribe,
)
from venue.hyperliquid.info import InfoClient
from venue.local.server.server import serve
from venue.local.world.world import World

MANY = replace(Limits.generous(), hang_up_s=0.0)


def use_the_sdk(venue: Venue) -> dict[str, list[Any]]:
    """Ask and subscribe with the official SDK, as a user's script would; blocks."""
    info = Info(venue.http, timeout=10.0)
    try:
        assert info.name_to_asset("ETH") == 1
        assert float(info.all_mids()["BTC"]) > 0.0
        assert len(info.l2_snapshot("BTC")["levels"][0]) == 20
        start = NOW_MS - 5 * HOUR_MS
        assert len(info.candles_snapshot("BTC", "15m", start, NOW_MS)) == 21
        assert len(info.funding_history("HYPE", start)) == 5
        assert len(info.meta_and_asset_ctxs()[1]) == 50
        assert info.spot_meta_and_asset_ctxs()[1] == []
        heard: dict[str, list[Any]] = {}
        for subscription in (
            {"type": "l2Book", "coin": "BTC"},
            {"type": "trades", "coin": "ETH"},
            {"type": "bbo", "coin": "BTC"},
            {"type": "candle", "coin": "BTC", "interval": "1m"},
            {"type": "activeAssetCtx", "coin": "SOL"},
            {"type": "allMids"},
        ):
            into = heard.setdefault(subscription["type"], [])
            info.subscribe(subscription, into.append)
        until = time.monotonic() + 8.0
        while time.monotonic() < until and not all(len(list_) > 1 for list_ in heard.values()):
            time.sleep(0.05)
        return heard
    finally:
        info.disconnect_websocket()
        info.session.close()


def test_the_official_sdk_works_unchanged(world: World) -> None:
    async def run() -> dict[str, list[Any]]:
        async with serving(world, clock=Clock(rate=8.0)) as venue:
            return await asyncio.to_thread(use_the_sdk, venue)

    heard = asyncio.run(run())
    assert set(heard) == {"l2Book", "trades", "bbo", "candle", "activeAssetCtx", "allMids"}
    assert all(len(messages) > 1 for messages in heard.values())
    assert heard["trades"][0]["data"][0]["coin"] == "ETH"


def test_our_own_client_works(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, InfoClient(venue.http) as client:
            assert list(await client.instruments()) == list(world.instruments)
            now = int(venue.clock())
            for timeframe, step in (("1m", 60_000), ("4h", 4 * HOUR_MS)):
                start = now - 10 * step
                reply = await client.candles("DOGE", timeframe, start_ms=start, end_ms=lambda: now)
                assert len(reply.rows) == 11
            rates = await client.funding_history("AVAX", start_ms=EPOCH_MS, end_ms=now)
            assert rates[0][0] == EPOCH_MS + HOUR_MS

    asyncio.run(run())


def test_a_port_in_use_is_the_operators_business(world: World) -> None:
    async def run(port: int) -> None:
        await serve(
            world,
            host="127.0.0.1",
            port=port,
            now_ms=Clock(),
            on_ready=lambda _: None,
            stop=asyncio.Event(),
        )

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(OperatorError, match=rf"port {port} .*in use.*--port"):
            asyncio.run(run(port))


def test_a_host_that_is_not_ours_is_the_operators_business(world: World) -> None:
    async def run() -> None:
        await serve(
            world,
            host="192.0.2.1",
            port=0,
            now_ms=Clock(),
            on_ready=lambda _: None,
            stop=asyncio.Event(),
        )

    with pytest.raises(OperatorError, match=r"cannot open port 0 on 192\.0\.2\.1"):
        asyncio.run(run())


def test_a_world_of_the_future_is_refused() -> None:
    async def run() -> None:
        async with serving(World(1, EPOCH_MS), clock=Clock(EPOCH_MS - 1_000)):
            pass

    with pytest.raises(OperatorError, match="set the clock"):
        asyncio.run(run())


def test_the_market_is_opened_at_the_start() -> None:
    async def run() -> Stub:
        market = Stub()
        async with serving(market):
            await asyncio.sleep(0.2)
        return market

    market = asyncio.run(run())
    assert market.opened_ms >= NOW_MS
    assert market.asked


def test_stopping_closes_every_socket_quickly(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue:
            clients = [await venue.connect() for _ in range(3)]
            await subscribe(clients[0], type="l2Book", coin="BTC", fast=True)
            # The third does not even read.
            clients[2].transport.pause_reading()
            before = time.monotonic()
        assert time.monotonic() - before < 1.0
        with pytest.raises(ConnectionClosed):
            await hear(clients[0], "error")
        assert clients[0].close_code in (1001, 1006)
        for client in clients:
            client.transport.abort()
            await client.wait_closed()

    asyncio.run(run())


def test_a_failing_market_ends_the_server() -> None:
    class Broken(Stub):
        def due(self, *_: Any) -> Any:
            raise RuntimeError("no market")

    async def run() -> None:
        async with serving(Broken()):
            await asyncio.sleep(0.3)

    with pytest.raises(RuntimeError, match="no market"):
        asyncio.run(run())


def test_a_slow_reader_is_dropped_and_the_others_go_on() -> None:
    async def run() -> None:
        market = Stub(b'{"channel":"trades","data":"' + b"x" * 100_000 + b'"}')
        limits = Limits(buffer_bytes_max=1 << 20, kernel_buffer_bytes=1 << 16)
        async with serving(market, limits=limits) as venue, venue.connect() as quick:
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, ("127.0.0.1", venue.port))
            async with venue.connect(sock=raw) as slow:
                await subscribe(slow, type="trades", coin="BTC")
                await subscribe(quick, type="trades", coin="BTC")
                slow.transport.pause_reading()
                for _ in range(30):
                    await hear(quick, "trades")
                slow.transport.resume_reading()
                with pytest.raises(ConnectionClosed):
                    while True:
                        await asyncio.wait_for(slow.recv(), 5.0)
                assert slow.close_code == 1006
            await hear(quick, "trades")

    asyncio.run(run())


SEEDS = [
    '{"method":"subscribe","subscription":{"type":"l2Book","coin":"BTC","nSigFigs":5}}',
    '{"method":"subscribe","subscription":{"type":"trades","coin":"ETH"}}',
    '{"method":"unsubscribe","subscription":{"type":"candle","coin":"BTC","interval":"1m"}}',
    '{"method":"post","id":1,"request":{"type":"info","payload":{"type":"meta"}}}',
    '{"type":"candleSnapshot","req":{"coin":"BTC","interval":"1h","startTime":0,"endTime":9}}',
    '{"type":"fundingHistory","coin":"BTC","startTime":1756684800000}',
    '{"type":"l2Book","coin":"BTC","nSigFigs":5,"mantissa":2}',
]
PIECES = [
    b"null",
    b"[]",
    b"{}",
    b"-1",
    b"1e999",
    b"9" * 40,
    b'"BTC"',
    b"true",
    b"\xff",
    b'"\\ud800"',
]


def mutated(rng: random.Random) -> bytes:
    """Return a request with a few bytes or values changed."""
    raw = rng.choice(SEEDS).encode()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(raw))
        if rng.random() < 0.5:
            raw = raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :]
        else:
            raw = raw[:at] + rng.choice(PIECES) + raw[at + rng.randint(0, 9) :]
    return raw


def test_no_message_takes_the_server_down(world: World) -> None:
    async def run() -> None:
        rng = random.Random(20250901)
        async with serving(world, limits=MANY) as venue:
            for _ in range(60):
                async with venue.connect() as ws:
                    try:
                        for _ in range(8):
                            raw = mutated(rng)
                            await say(
                                ws, raw.decode(errors="replace") if rng.random() < 0.8 else raw
                            )
                    except ConnectionClosed:
                        continue
            async with venue.connect() as ws:
                await say(ws, "[" * 30_000)
                assert (await hear(ws))["channel"] == "error"
                await ws.send("x" * 100_000)
                with pytest.raises(ConnectionClosed):
                    await hear(ws)
            async with venue.connect() as ws:
                await subscribe(ws, type="bbo", coin="BTC")
                assert (await hear(ws, "bbo"))["data"]["coin"] == "BTC"

    asyncio.run(run())


def test_no_question_takes_the_server_down(world: World) -> None:
    async def run() -> None:
        rng = random.Random(4)
        headers = {"Content-Type": "application/json"}
        async with (
            serving(world, limits=MANY) as venue,
            aiohttp.ClientSession() as session,
        ):
            url = venue.http + "/info"
            for _ in range(300):
                async with session.post(url, data=mutated(rng), headers=headers) as reply:
                    body = await reply.read()
                    assert reply.status in (200, 400, 422, 500)
                    if reply.status == 500:
                        assert body == b"null"
            async with session.post(url, data="[" * 30_000, headers=headers) as reply:
                assert reply.status == 400
            async with session.post(url, json={"type": "perpDexs"}) as reply:
                assert json.loads(await reply.read()) == [None]

    asyncio.run(run())


def test_garbage_on_the_port_is_shrugged_off(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue:
            for garbage in (
                b"\x16\x03\x01\x02\x00\x01\x00",
                b"GET / HTTP/9\r\n\r\n",
                b"\x00" * 999,
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", venue.port)
                writer.write(garbage)
                await writer.drain()
                writer.write_eof()
                await asyncio.wait_for(reader.read(), 5.0)
                writer.close()
                await writer.wait_closed()
            async with venue.connect() as ws:
                await say(ws, {"method": "ping"})
                assert await hear(ws) == {"channel": "pong"}

    asyncio.run(run())
