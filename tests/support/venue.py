"""Frames as the venue sends them, and a scripted websocket server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import random
import selectors
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from market.events import FeedDown, FeedUp
from venue.hyperliquid.feed import Feed, Listener, Reconnect, Told
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import Subscription

S = 1_000_000_000
T0 = 1_756_900_000 * S
T0_MS = T0 // 1_000_000

BBO = Subscription("bbo", "BTC")
FAST = Subscription("l2Book", "BTC", True)
SLOW = Subscription("l2Book", "BTC")
TRADES = Subscription("trades", "BTC")
CONTEXT = Subscription("activeAssetCtx", "BTC")
EVERY_KIND = (BBO, FAST, SLOW, TRADES, CONTEXT)

REPO = Path(__file__).parents[2]


def recorded(name: str) -> Path:
    """Return a folder or file of the recordings, or skip the test."""
    path = Path(os.environ.get("GNOMON_DATA", REPO.parent / "shared" / "data")) / name
    if not path.exists():
        pytest.skip(f"no recording at {path} (set GNOMON_DATA)")
    return path


# Frames.


def message(channel: str, data: object) -> bytes:
    return json.dumps({"channel": channel, "data": data}, separators=(",", ":")).encode()


def level(px: float | str, sz: float | str = "1.0", n: int = 1) -> dict[str, Any]:
    return {"px": str(px), "sz": str(sz), "n": n}


def book(
    bids: Iterable[Any] = ("99.0",),
    asks: Iterable[Any] = ("101.0",),
    *,
    coin: str = "BTC",
    fast: bool = False,
    time_ms: int = T0_MS,
) -> bytes:
    """Return a book; a level is a price, or a (price, size)."""
    sides = [[level(*(x if isinstance(x, tuple) else (x,))) for x in side] for side in (bids, asks)]
    data: dict[str, Any] = {"coin": coin, "time": time_ms, "levels": sides}
    if fast:
        data["fast"] = True
    return message("l2Book", data)


def bbo(bid: Any = "99.0", ask: Any = "101.0", *, coin: str = "BTC", time_ms: int = T0_MS) -> bytes:
    sides = [
        None if x is None else level(*(x if isinstance(x, tuple) else (x,))) for x in (bid, ask)
    ]
    return message("bbo", {"coin": coin, "time": time_ms, "bbo": sides})


def trade(
    tid: int,
    *,
    coin: str = "BTC",
    px: str = "100.0",
    sz: str = "0.5",
    side: str = "B",
    time_ms: int = T0_MS,
) -> dict[str, Any]:
    return {
        "coin": coin,
        "side": side,
        "px": px,
        "sz": sz,
        "time": time_ms,
        "hash": f"0x{tid:064x}",
        "tid": tid,
        "users": ["0xb", "0xs"],
    }


def trades(*rows: dict[str, Any]) -> bytes:
    return message("trades", list(rows))


def context(coin: str = "BTC", **changed: Any) -> bytes:
    ctx = {
        "funding": "0.0000125",
        "openInterest": "5259.34",
        "prevDayPx": "132.32",
        "dayNtlVlm": "965843.7286000003",
        "premium": "0.0003761389",
        "oraclePx": "128.41",
        "markPx": "128.45",
        "midPx": "128.48",
        "impactPxs": ["128.4583", "128.5099"],
        "dayBaseVlm": "7543.61",
    }
    return message("activeAssetCtx", {"coin": coin, "ctx": {**ctx, **changed}})


def echo_of(subscription: Subscription) -> dict[str, Any]:
    """Return a subscription as the venue echoes it, its defaults filled in."""
    if subscription.type == "l2":
        return subscription.payload()
    echo: dict[str, Any] = {"type": subscription.type, "coin": subscription.coin}
    if subscription.type == "l2Book":
        echo |= {"nSigFigs": None, "mantissa": None, "fast": subscription.fast}
    return echo


def ack(subscription: Subscription, method: str = "subscribe") -> bytes:
    data = {"method": method, "subscription": echo_of(subscription)}
    return message("subscriptionResponse", data)


def complaint(text: str, subscription: Subscription | None = None) -> bytes:
    """Return an error frame, ending in the echo of a subscription when one is given."""
    tail = "" if subscription is None else json.dumps(echo_of(subscription), separators=(",", ":"))
    return message("error", text + tail)


PONG = b'{"channel":"pong"}'
DATA_OF = {
    BBO: bbo(),
    FAST: book(fast=True),
    SLOW: book(),
    TRADES: trades(trade(1)),
    CONTEXT: context(),
}

# Loops.


class HastyLoop(asyncio.SelectorEventLoop):
    """A loop with real sockets on which a second is over in a hundredth of one."""

    RATE = 100.0

    def __init__(self) -> None:
        super().__init__(_HastySelector())

    def time(self) -> float:
        return time.monotonic() * self.RATE


class _HastySelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout / HastyLoop.RATE if timeout else timeout)


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
    "hasty": HastyLoop,
}


def run_on(loop: str, main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on the named kind of loop."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main)


def loop_ns() -> int:
    """Return the running loop's time as a receive time."""
    return T0 + int(asyncio.get_running_loop().time() * S)


async def until(condition: Callable[[], object], within_s: float = 30.0) -> None:
    """Wait until something holds; a test that waits in vain fails.

    The usual wait is long: how busy the machine is, is nothing that a test is to find out.
    """
    pause_s = 0.002 if within_s <= 30.0 else 0.2
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  what is waited for knows no event
            await asyncio.sleep(pause_s)


# A server that does what a test tells it to, on a plain socket.

TEXT, BINARY, CONT, CLOSE, PING, PONG_ = 1, 2, 0, 8, 9, 10
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def wrapped(payload: bytes, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0) -> bytes:
    """Return an unmasked websocket frame (RFC 6455, section 5.2)."""
    first = (0x80 if fin else 0) | rsv | opcode
    size = len(payload)
    if size < 126:
        head = bytes((first, size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, 126, size)
    else:
        head = struct.pack("!BBQ", first, 127, size)
    return head + payload


def headers_of(head: bytes) -> dict[str, str]:
    lines = head.decode().strip().split("\r\n")[1:]
    return {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}


def acceptance(head: bytes, *extra: str) -> bytes:
    """Return the answer to a handshake (RFC 6455, section 4.2.2)."""
    key = headers_of(head)["sec-websocket-key"].encode()
    proof = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {proof}",
        *extra,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


class Peer:
    """One connection, seen from the server; `heard` keeps the frames that came: (opcode, data)."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.head = b""
        self.heard: list[tuple[int, bytes]] = []
        self.at = asyncio.get_running_loop().time()
        self._buffer = b""

    async def _read(self) -> None:
        data = await asyncio.get_running_loop().sock_recv(self.sock, 1 << 16)
        if not data:
            raise EOFError
        self._buffer += data

    async def request(self) -> None:
        """Read the client's handshake."""
        while b"\r\n\r\n" not in self._buffer:
            await self._read()
        self.head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")

    def accept(self, *extra: str) -> bytes:
        """Return the answer that opens the websocket."""
        return acceptance(self.head, *extra)

    def headers(self) -> dict[str, str]:
        return headers_of(self.head)

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are, in one piece as far as the kernel allows."""
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def open(self) -> None:
        """Shake hands."""
        await self.request()
        await self.raw(self.accept())

    async def send(self, *payloads: bytes) -> None:
        """Send text frames, all in one write."""
        await self.raw(b"".join(wrapped(p) for p in payloads))

    async def hear(self) -> tuple[int, bytes]:
        """Return the next frame of the client."""
        while (frame := self._take()) is None:
            await self._read()
        self.heard.append(frame)
        return frame

    def _take(self) -> tuple[int, bytes] | None:
        data = self._buffer
        if len(data) < 6:
            return None
        size, at = data[1] & 0x7F, 2
        if size == 126:
            size, at = struct.unpack_from("!H", data, 2)[0], 4
        assert data[0] & 0x80 and data[1] & 0x80 and size < 126 << 8, "a whole, masked, small frame"
        if len(data) < at + 4 + size:
            return None
        mask, body = data[at : at + 4], data[at + 4 : at + 4 + size]
        self._buffer = data[at + 4 + size :]
        return data[0] & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(body))

    async def hear_all(self) -> None:
        """Read until the client closes its end."""
        with suppress(EOFError, ConnectionError):
            while True:
                await self.hear()

    def texts(self) -> list[bytes]:
        return [data for opcode, data in self.heard if opcode == TEXT]

    def reset(self) -> None:
        """Close with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script = Callable[[Peer], Awaitable[None]]


class ScriptedServer:
    """A listening socket; every connection follows the script. `peers` are all that ever came."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.faults: list[BaseException] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._sock = socket.create_server(("127.0.0.1", 0))
        self._sock.setblocking(False)
        self.port: int = self._sock.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/ws"

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._sock)
            peer = Peer(sock)
            self.peers.append(peer)
            self._tasks.append(asyncio.create_task(self._follow(peer)))

    async def _follow(self, peer: Peer) -> None:
        try:
            await self.script(peer)
        except (EOFError, ConnectionError):
            pass
        except Exception as fault:
            self.faults.append(fault)
        finally:
            peer.sock.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sock.close()


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[ScriptedServer]:
    """Run a scripted server for the length of the block; what a script raised fails the test."""
    server = ScriptedServer(script)
    serving = asyncio.create_task(server.serve())
    try:
        yield server
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await server.close()
    if server.faults:
        raise server.faults[0]


# A feed under test.

QUICK = Reconnect(min_s=0.01, max_s=0.02)


class Rim:
    """Listener to a feed, as the daemon is; `log` holds what it was told, in order."""

    def __init__(self, session: Session, now_ns: Callable[[], int]) -> None:
        self.session = session
        self.now_ns = now_ns
        self.log: list[tuple[str, Any]] = []
        self.fault: Exception | None = None
        self._hook: Callable[[list[bytes]], None] = self.frames

    def hook(self, frames: Callable[[list[bytes]], None]) -> None:
        """Let something else hear the frames from now on."""
        self._hook = frames

    def frames(self, raws: list[bytes]) -> None:
        self.log.append(("frames", list(raws)))
        for raw in raws:
            self.session.receive(raw, self.now_ns())
        if self.fault is not None:
            raise self.fault

    def _hear(self, raws: list[bytes]) -> None:
        self._hook(raws)

    def listener(self) -> Listener:
        return Listener(
            self._hear,
            self._told,
        )

    def _told(self, event: Told) -> None:
        if isinstance(event, FeedUp):
            self.log.append(("up", None))
        elif isinstance(event, FeedDown):
            self.log.append(("down", event.reason))
        else:
            self.log.append(("stream", event))

    def words(self) -> list[str]:
        return [word for word, _ in self.log]

    def reads(self) -> list[list[bytes]]:
        """Return the frames of each call."""
        return [raws for word, raws in self.log if word == "frames"]

    def raws(self) -> list[bytes]:
        """Return all frames in order."""
        return [raw for raws in self.reads() for raw in raws]

    def downs(self) -> list[str]:
        return [why for word, why in self.log if word == "down"]


@asynccontextmanager
async def feeding(
    url: str,
    wanted: Iterable[Subscription] = (),
    *,
    policy: Reconnect = QUICK,
    now_ns: Callable[[], int] = loop_ns,
    rng: random.Random | None = None,
) -> AsyncIterator[tuple[Rim, Feed, asyncio.Task[None]]]:
    """Run a feed for the length of the block."""
    session = Session(wanted)
    rim = Rim(session, now_ns)
    feed = Feed(
        url,
        session,
        rim.listener(),
        now_ns=now_ns,
        reconnect=policy,
        rng=rng or random.Random(1),
    )
    task = asyncio.create_task(feed.run())
    try:
        yield rim, feed, task
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
