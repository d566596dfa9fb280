"""The websocket feed: one connection kept open, frames handed on as they were read.

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

from websockets.exceptions import InvalidURI, WebSocketException
from websockets.uri import parse_uri

from market.errors import OperatorError, VenueUnreachable
from venue.hyperliquid.session import Session
from venue.websocket import Link, Listener

# The venue allows 30 new connections a minute per address; other tools share it.
CONNECTS_PER_MINUTE_MAX = 20


@dataclass(frozen=True)
class Reconnect:
    """Reconnection policy: full jitter between `min_s` and a cap that doubles up to `max_s`.

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


class Feed:
    """The feed of one session, on one websocket that is kept open.

    `run` returns only when cancelled.
    """

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
        self._link: Link | None = None
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

    async def _connect(self) -> Link:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._policy.connect_s):
            _, link = await loop.create_connection(
                lambda: Link(self._uri, self._listener),
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

    async def _watch(self, link: Link, opened_ns: int) -> str:
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
