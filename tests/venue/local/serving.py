"""Helpers of the local venue's tests: a world, a clock, and a server on a real port."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from market.instrument import Instrument
from venue.hyperliquid.universe import load_universe
from venue.local.market.contract import LocalMarket, Row, Topic
from venue.local.server.client import Limits
from venue.local.server.faulty.injector import Injector
from venue.local.server.floor import Floor
from venue.local.server.server import serve

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
SEED = 7
EPOCH_MS = 1_756_684_800_000  # 2025-09-01 00:00 UTC
NOW_MS = EPOCH_MS + 2 * DAY_MS + 13 * HOUR_MS + 12_345

REPO = Path(__file__).parents[3]


def recordings() -> Path:
    """Return the folder of recorded frames, or skip the test."""
    folder = Path(os.environ.get("GNOMON_DATA", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder} (set GNOMON_DATA)")
    return folder


@dataclass
class Venue:
    """A running server: its port and the clock it goes by."""

    port: int
    clock: Clock

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def connect(self, **options: Any) -> connect:
        """Return a plain client of the websocket."""
        return connect(self.ws, ping_interval=None, max_size=None, **options)


class Clock:
    """Venue time that starts at `start_ms` and goes `rate` times as fast as ours."""

    def __init__(self, start_ms: float = NOW_MS, rate: float = 1.0) -> None:
        self._start_ms = start_ms
        self._rate = rate
        self._from = time.monotonic()

    def __call__(self) -> float:
        return self._start_ms + (time.monotonic() - self._from) * 1000.0 * self._rate


@asynccontextmanager
async def serving(
    market: LocalMarket,
    *,
    clock: Clock | None = None,
    limits: Limits | None = None,
    injector: Injector | None = None,
    floor: Floor | None = None,
) -> AsyncIterator[Venue]:
    """Run a server for the length of the block, on any free port."""
    clock = clock or Clock()
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(
        serve(
            market,
            host="127.0.0.1",
            port=0,
            now_ms=clock,
            on_ready=ready.set_result,
            stop=stop,
            limits=limits,
            injector=injector,
            floor=floor,
        )
    )
    done, _ = await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        task.result()
    try:
        yield Venue(ready.result(), clock)
    finally:
        stop.set()
        await task


async def say(ws: ClientConnection, message: object) -> None:
    """Send a message, as JSON unless it is text already."""
    await ws.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def hear(ws: ClientConnection, channel: str = "", timeout_s: float = 5.0) -> Any:
    """Return the next message, or the next one on a channel."""
    async with asyncio.timeout(timeout_s):
        while True:
            message = json.loads(await ws.recv())
            if channel in ("", message["channel"]):
                return message


async def subscribe(ws: ClientConnection, **subscription: Any) -> Any:
    """Subscribe and return the acknowledgement's subscription."""
    await say(ws, {"method": "subscribe", "subscription": subscription})
    return (await hear(ws, "subscriptionResponse"))["data"]["subscription"]


def shape_of(value: Any) -> Any:
    """Return the names and JSON types of a value; a list is known by its first element."""
    if isinstance(value, dict):
        return {name: shape_of(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [shape_of(value[0])] if value else []
    return type(value).__name__


class Stub:
    """A market of one coin that pushes what a test puts into `pushes`."""

    def __init__(self, push: bytes = b"") -> None:
        self.universe: list[Row] = load_universe()[:1]
        self.instruments = {"BTC": Instrument("BTC", 0, 5, 40)}
        self.epoch_ms = 0
        self.push = push
        self.asked: list[tuple[int, int]] = []

    def open(self, now_ms: int) -> None:
        self.opened_ms = now_ms

    def warm(self, coins: Iterable[str], since_ms: int, until_ms: int) -> Iterator[None]:
        return iter(())

    def due(
        self, since_ms: int, now_ms: int, topics: Iterable[Topic]
    ) -> Iterator[tuple[Topic, bytes]]:
        self.asked.append((since_ms, now_ms))
        for topic in topics:
            if self.push:
                yield topic, self.push

    def first(self, topic: Topic, now_ms: int) -> list[bytes]:
        return []

    def mids(self, now_ms: int) -> dict[str, str]:
        return {"BTC": "1.0"}

    def book(self, topic: Topic, now_ms: int) -> Row | None:
        return None

    def recent_trades(self, coin: str, now_ms: int) -> list[Row]:
        return []

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[Row]:
        return []

    def funding_history(self, coin: str, start_ms: int, end_ms: int) -> list[Row]:
        return []

    def context(self, coin: str, now_ms: int) -> Row:
        return {"funding": "0.0"}
