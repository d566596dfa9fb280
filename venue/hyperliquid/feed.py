"""The websocket feed: connections kept open, frames handed on as they were read.

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
import re
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from websockets.exceptions import InvalidURI, WebSocketException
from websockets.uri import parse_uri

from market.errors import OperatorError, VenueUnreachable
from market.events import FeedDown, FeedUp, StreamDown, StreamUp
from venue.address import shown
from venue.dial import Dialler
from venue.hyperliquid.line import Line, Output
from venue.hyperliquid.session import Session
from venue.websocket import Link

# The venue allows 30 new connections a minute per address; other tools share it.
CONNECTS_PER_MINUTE_MAX = 20
# A connection that ends for the reason the last one ended for, and sooner than this, is no better.
SAME_REASON_NS = 300 * 1_000_000_000
LOOK_EVERY_S = 1.0
# While requests wait for their turn.
SEND_EVERY_S = 0.1

Told = FeedUp | FeedDown | StreamDown | StreamUp


@dataclass
class Listener:
    """Callbacks: all frames of one socket read; what became of a connection or a stream."""

    frames: Callable[[list[bytes]], None]
    told: Callable[[Told], object]


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
    """The feed of one session: a websocket for each of its lines, kept open.

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
            uri = parse_uri(url)
            uri.host.encode("idna")
        except (InvalidURI, ValueError):
            raise OperatorError(
                f"venue.ws_url {shown(url)!r}: must look like wss://host/ws"
            ) from None
        tls = ssl.create_default_context() if uri.secure else None
        self._dialler = Dialler(uri, url, tls, within_s=reconnect.connect_s)
        self._session = session
        self._listener = listener
        self._now_ns = now_ns
        self._policy = reconnect
        self._rng = rng
        self._links: dict[int, Link] = {}
        self._paused = False
        self._recent: deque[int] = deque(maxlen=CONNECTS_PER_MINUTE_MAX)
        self.connects = 0

    @property
    def connected(self) -> bool:
        """Say whether every connection is open."""
        return len(self._links) == len(self._session.lines)

    async def run(self) -> None:
        """Connect, subscribe, hand frames on; come back after every loss."""
        try:
            async with asyncio.TaskGroup() as group:
                for line in self._session.lines:
                    group.create_task(self._keep(line))
        except BaseExceptionGroup as failed:
            # The supervisor must see what it was, not that there may have been several.
            raise failed.exceptions[0] from None

    async def _keep(self, line: Line) -> None:
        failures, last, last_ns = 0, "", 0
        while True:
            await self._respect_limit()
            why, healthy = await self._once(line)
            if why == "planned":
                continue
            # Only data proves a connection good, and not that it cures what ended the last one:
            # other coins may be heard on it as long as it lasts.
            reason, now_ns = re.sub(r"\d+(\.\d+)?", "#", why), self._now_ns()
            again = reason == last and now_ns - last_ns < SAME_REASON_NS
            failures = failures + 1 if again or not healthy else 1
            last, last_ns = reason, now_ns
            await asyncio.sleep(self._policy.delay_s(failures, self._rng))

    async def _respect_limit(self) -> None:
        while len(self._recent) == CONNECTS_PER_MINUTE_MAX:
            wait_s = 60.0 - (self._now_ns() - self._recent[0]) / 1e9
            if wait_s <= 0.0:
                break
            await asyncio.sleep(wait_s)
        self._recent.append(self._now_ns())

    async def _once(self, line: Line) -> tuple[str, bool]:
        coins = line.coins if len(self._session.lines) > 1 else []

        def frames(raws: list[bytes]) -> None:
            self._session.reading = line.number
            self._listener.frames(raws)

        def down(why: str) -> None:
            self._listener.told(FeedDown(why, line=line.number, coins=coins))

        try:
            link = await self._dialler.dial(frames)
        except (OSError, VenueUnreachable, WebSocketException) as error:
            detail = str(error) or f"no answer within {self._policy.connect_s:g} s"
            down(f"cannot connect: {detail}")
            return "unreachable", False
        self.connects += 1
        events_before = self._session.events
        opened_ns = self._now_ns()
        self._links[line.number] = link
        why = "stopped"
        try:
            self._listener.told(FeedUp(line=line.number, coins=coins))
            self._send(link, line.opened(opened_ns))
            link.begin()
            if self._paused:
                link.pause(True)
            why = await self._watch(link, line, opened_ns)
        finally:
            del self._links[line.number]
            link.close()
            line.lost(self._now_ns())
            down(why)
        return why, self._session.events > events_before

    async def _watch(self, link: Link, line: Line, opened_ns: int) -> str:
        look_ns = self._now_ns()
        while True:
            wait_s = SEND_EVERY_S if line.is_waiting else LOOK_EVERY_S
            done, _ = await asyncio.wait((link.closed,), timeout=wait_s)
            if done:
                return link.closed.result()
            if self._paused:
                # What is not read cannot be heard, so silence would prove nothing.
                continue
            now_ns = self._now_ns()
            if line.is_waiting and now_ns - look_ns < LOOK_EVERY_S * 1e9:
                link.send(line.flush(now_ns))
                continue
            look_ns = now_ns
            output = line.tick(now_ns)
            self._send(link, output)
            if output.drop:
                link.abort()
                return output.drop
            if now_ns - opened_ns > self._policy.planned_s * 1e9:
                return "planned"

    def _send(self, link: Link, output: Output) -> None:
        link.send(output.frames)
        for event in output.events:
            self._listener.told(event)

    def pause(self, paused: bool) -> None:
        """Stop or resume reading from the venue, on these connections and on those to come."""
        if paused == self._paused:
            return
        self._paused = paused
        if not paused:
            self._session.resumed(self._now_ns())
        for link in self._links.values():
            link.pause(paused)
