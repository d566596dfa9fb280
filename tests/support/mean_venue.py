"""Proxy that slips bad frames in between those of the local venue.

It stands between a daemon and the real local venue on its own port, hands `/info` through, and
after every few websocket frames adds one that a client must survive.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from aiohttp import web

BAD_FRAMES: dict[str, str | bytes] = {
    "truncated": '{"channel":"l2Book","data":{"coin":"BTC","time":17',
    "not json": "<html>502 Bad Gateway</html>",
    "bad utf-8 in a binary frame": b"\xff\xfe{}",
    "unknown channel": '{"channel":"userHoroscope","data":{}}',
    "wrong coin": '{"channel":"bbo","data":{"coin":"NOPE","time":1,"bbo":[null,null]}}',
    "NaN price": '{"channel":"bbo","data":{"coin":"BTC","time":%d,'
    '"bbo":[{"px":"NaN","sz":"1","n":1},{"px":"1","sz":"1","n":1}]}}',
    "negative size": '{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"1","sz":"-1",'
    '"time":1,"tid":1,"hash":"0x0","users":["0x0","0x0"]}]}',
    "empty book": '{"channel":"l2Book","data":{"coin":"ETH","time":%d,'
    '"levels":[[],[]],"fast":true}}',
    "crossed book": '{"channel":"bbo","data":{"coin":"SOL","time":%d,'
    '"bbo":[{"px":"999","sz":"1","n":1},{"px":"1","sz":"1","n":1}]}}',
    "deep nesting": "[" * 5000 + "]" * 5000,
}


class MeanVenue:
    """Proxy with one bad frame after every `every` good ones; `cut()` breaks all connections."""

    def __init__(self, upstream: str, *, every: int = 40) -> None:
        self.http = ""
        self.ws = ""
        self.sent: dict[str, int] = {}
        self.connections = 0
        self._upstream = upstream
        self._every = every
        self._bad = itertools.cycle(BAD_FRAMES.items())
        self._transports: list[Any] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def cut(self) -> None:
        """Break every connection without a goodbye."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: [t.abort() for t in self._transports])

    async def _info(self, request: web.Request) -> web.Response:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                self._upstream + "/info",
                data=await request.read(),
                headers={"Content-Type": "application/json"},
            ) as reply,
        ):
            return web.Response(
                body=await reply.read(), status=reply.status, content_type="application/json"
            )

    async def _ws(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(compress=False)
        await client.prepare(request)
        self.connections += 1
        self._transports.append(request.transport)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self._upstream.replace("http", "ws") + "/ws") as venue,
        ):
            down = asyncio.create_task(self._down(venue, client))
            try:
                async for message in client:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        await venue.send_str(message.data)
            finally:
                down.cancel()
                await asyncio.gather(down, return_exceptions=True)
        return client

    async def _down(
        self, venue: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse
    ) -> None:
        count = 0
        async for message in venue:
            await client.send_str(message.data)
            count += 1
            if count % self._every == 0:
                name, bad = next(self._bad)
                self.sent[name] = self.sent.get(name, 0) + 1
                if isinstance(bad, bytes):
                    await client.send_bytes(bad)
                else:
                    await client.send_str(bad % _time_in(message.data) if "%d" in bad else bad)

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Serve until stopped."""
        app = web.Application()
        app.router.add_post("/info", self._info)
        app.router.add_get("/ws", self._ws)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        self.http, self.ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws"
        self._loop = asyncio.get_running_loop()
        ready.set()
        await stop.wait()
        for transport in self._transports:
            transport.abort()
        await runner.cleanup()


def _time_in(frame: str) -> int:
    """Return the venue time of a good frame, so that a bad one is as new."""
    _, found, rest = frame.partition('"time":')
    return int(rest.split(",")[0].rstrip("}]")) if found else 1


@contextmanager
def mean_venue(upstream: str, *, every: int = 40) -> Iterator[MeanVenue]:
    """Run a mean venue in a thread of its own."""
    venue = MeanVenue(upstream, every=every)
    ready = threading.Event()
    stop: list[Any] = []

    async def main() -> None:
        event = asyncio.Event()
        stop.extend((asyncio.get_running_loop(), event))
        await venue.serve(ready, event)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(10.0)
    try:
        yield venue
    finally:
        loop, event = stop
        loop.call_soon_threadsafe(event.set)
        thread.join(10.0)
