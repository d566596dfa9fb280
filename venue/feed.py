"""The websocket feed: one connection, kept alive for ever, frames handed on as they were read.

The protocol is the `websockets` library's own sans-I/O core, driven by a small asyncio protocol
of ours. So a frame is handled in the very call in which the loop delivers its bytes: no task
switch, no queue. It also says exactly which frames were already waiting: all that one read of
the socket (up to 256 KiB) contained. They are handed on together, and books among them that a
newer one follows can be passed over.

The venue answers application pings, not protocol ones, and closes without notice; reconnecting
is this module's normal work. Source: Hyperliquid documentation, "Timeouts and heartbeats".
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidURI, WebSocketException
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.uri import WebSocketURI, parse_uri

from market.errors import OperatorError, VenueUnreachable
from venue.session import Session

FRAME_BYTES_MAX = 1 << 20
# The venue allows 30 new connections a minute per address; other tools share it.
CONNECTS_PER_MINUTE_MAX = 20


@dataclass(frozen=True)
class Reconnect:
    """How to come back: full jitter between `min_s` and a cap that doubles up to `max_s`.

    `planned_s` replaces a healthy connection once in a while, because streams have been seen to
    freeze behind open sockets after a day or two.
    """

    min_s: float = 0.25
    max_s: float = 30.0
    planned_s: float = 12 * 3600.0
    connect_s: float = 10.0

    def delay_s(self, failures: int, rng: random.Random) -> float:
        """Return the wait before the next attempt, after `failures` ≥ 1 in a row."""
        cap = min(self.max_s, self.min_s * 2.0 ** min(failures, 16))
        return rng.uniform(self.min_s, max(cap, self.min_s))


@dataclass
class Listener:
    """Who is told: of all frames of one socket read, of a connection, of its loss and why."""

    frames: Callable[[list[bytes]], None]
    up: Callable[[], None]
    down: Callable[[str], None]


class _Link(asyncio.Protocol):
    """Bytes to frames and back for one connection; `closed` resolves with the reason it ended.

    Frames are held until `begin`, so that none is heard of before its connection.
    """

    def __init__(self, uri: WebSocketURI, listener: Listener) -> None:
        self._ws = ClientProtocol(uri, max_size=FRAME_BYTES_MAX)
        self._listener = listener
        self._parts: list[bytes] = []
        self._early: list[bytes] | None = []
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[str] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods but not the base class.
        self._transport = cast(asyncio.Transport, transport)
        self._ws.send_request(self._ws.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            self._ws.receive_data(data)
            frames = []
            for event in self._ws.events_received():
                if isinstance(event, Response):
                    if self._ws.handshake_exc is None and not self.opened.done():
                        self.opened.set_result(None)
                elif isinstance(event, Frame):
                    whole = self._assemble(event)
                    if whole is not None:
                        frames.append(whole)
            self._flush()
            if frames:
                self._deliver(frames)
            if self._ws.close_expected():
                # Refused, closed or broken: nothing more will be read, so there is nothing to
                # wait for, whether or not the other side closes its end.
                self._finish(self._ended())
                self.close()
        except Exception as error:
            # Whatever the engine raised is for the supervisor, not for the transport.
            self._finish(error)
            self.abort()

    def eof_received(self) -> None:
        self._ws.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self._finish(self._ended() if exc is None else f"connection lost: {exc}")

    def _ended(self) -> str:
        ws = self._ws
        if ws.handshake_exc is not None:
            return f"handshake refused: {ws.handshake_exc}"
        if ws.close_rcvd is not None:
            reason = ws.close_rcvd.reason
            return (
                f"closed by the venue, code {ws.close_rcvd.code}{': ' + reason if reason else ''}"
            )
        if ws.close_sent is not None and ws.close_sent.code != CloseCode.NORMAL_CLOSURE:
            return f"protocol broken, code {ws.close_sent.code}: {ws.close_sent.reason}"
        return "closed by the venue, code 1006"

    def begin(self) -> None:
        """Hand frames on from now on, first those that came with the handshake."""
        early, self._early = self._early, None
        if early:
            self._listener.frames(early)

    def _deliver(self, frames: list[bytes]) -> None:
        if self._early is None:
            self._listener.frames(frames)
        else:
            self._early += frames

    def _assemble(self, frame: Frame) -> bytes | None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return None
        data = bytes(frame.data)
        if frame.fin and not self._parts:
            return data
        self._parts.append(data)
        if not frame.fin:
            return None
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole

    def _finish(self, why: str | Exception) -> None:
        if not self.opened.done():
            reason = why if isinstance(why, str) else repr(why)
            self.opened.set_exception(VenueUnreachable(reason))
        if not self.closed.done():
            if isinstance(why, str):
                self.closed.set_result(why)
            else:
                self.closed.set_exception(why)

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()

    def send(self, frames: list[bytes]) -> None:
        """Send text frames, unless the connection is ending."""
        if self._transport is None or self._transport.is_closing() or self._ws.state is not OPEN:
            return
        for frame in frames:
            self._ws.send_text(frame)
        self._flush()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Say goodbye and close."""
        if self._transport is not None and not self._transport.is_closing():
            try:
                self._ws.send_close(1000)
                self._flush()
            except WebSocketException:
                pass
            self._transport.close()

    def pause(self, paused: bool) -> None:
        """Stop or resume reading; the kernel's buffers and TCP then hold the venue back."""
        if self._transport is not None and not self._transport.is_closing():
            if paused:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()


class Feed:
    """Keeps one websocket open for a session. `run` returns only when cancelled."""

    def __init__(
        self,
        url: str,
        session: Session,
        listener: Listener,
        *,
        now_ns: Callable[[], int],
        reconnect: Reconnect,
        rng: random.Random,
    ) -> None:
        try:
            self._uri = parse_uri(url)
            self._uri.host.encode("idna")
        except (InvalidURI, ValueError):
            raise OperatorError(f"venue.ws_url {url!r}: must look like wss://host/ws") from None
        self._tls = ssl.create_default_context() if self._uri.secure else None
        self._session = session
        self._listener = listener
        self._now_ns = now_ns
        self._policy = reconnect
        self._rng = rng
        self._link: _Link | None = None
        self._paused = False
        self._recent: deque[int] = deque(maxlen=CONNECTS_PER_MINUTE_MAX)
        self.connects = 0

    @property
    def connected(self) -> bool:
        """Say whether a connection is open."""
        return self._link is not None

    async def run(self) -> None:
        """Connect, subscribe, hand frames on; come back after every loss."""
        failures = 0
        while True:
            await self._respect_limit()
            why, healthy = await self._once()
            # Only data proves a connection good: a venue that accepts and drops is backed off.
            failures = 1 if healthy else failures + 1
            if why != "planned":
                await asyncio.sleep(self._policy.delay_s(failures, self._rng))

    async def _respect_limit(self) -> None:
        if len(self._recent) == CONNECTS_PER_MINUTE_MAX:
            wait_s = 60.0 - (self._now_ns() - self._recent[0]) / 1e9
            if wait_s > 0.0:
                await asyncio.sleep(wait_s)
        self._recent.append(self._now_ns())

    async def _once(self) -> tuple[str, bool]:
        try:
            link = await self._connect()
        except (OSError, VenueUnreachable, WebSocketException) as error:
            detail = str(error) or f"no answer within {self._policy.connect_s:g} s"
            self._listener.down(f"cannot connect: {detail}")
            return "unreachable", False
        self.connects += 1
        events_before = self._session.events
        opened_ns = self._now_ns()
        self._link = link
        why = "stopped"
        try:
            self._listener.up()
            link.send(self._session.opened(opened_ns).frames)
            link.begin()
            if self._paused:
                link.pause(True)
            why = await self._watch(link, opened_ns)
        finally:
            self._link = None
            link.close()
            self._session.lost(self._now_ns())
            self._listener.down(why)
        return why, self._session.events > events_before

    async def _connect(self) -> _Link:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._policy.connect_s):
            _, link = await loop.create_connection(
                lambda: _Link(self._uri, self._listener),
                self._uri.host,
                self._uri.port,
                ssl=self._tls,
                server_hostname=self._uri.host if self._tls else None,
            )
            try:
                await link.opened
            except BaseException:
                link.abort()
                raise
        return link

    async def _watch(self, link: _Link, opened_ns: int) -> str:
        while True:
            done, _ = await asyncio.wait((link.closed,), timeout=1.0)
            if done:
                return link.closed.result()
            if self._paused:
                # What is not read cannot be heard, so silence would prove nothing.
                continue
            now_ns = self._now_ns()
            output = self._session.tick(now_ns)
            link.send(output.frames)
            if output.drop:
                link.abort()
                return output.drop
            if now_ns - opened_ns > self._policy.planned_s * 1e9:
                return "planned"

    def pause(self, paused: bool) -> None:
        """Stop or resume reading from the venue, on this connection and on those to come."""
        if paused == self._paused:
            return
        self._paused = paused
        if not paused:
            self._session.resumed(self._now_ns())
        if self._link is not None:
            self._link.pause(paused)
