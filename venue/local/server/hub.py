"""Subscribers of streams, and the clock of the pushes.

One task is the clock of all streams. At every block it asks the market what is due for the topics
that somebody wants, and writes each frame to all who want it. No task, queue or copy per client.

Invariant: a topic is in the audience exactly while some client has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeVar

from venue.hyperliquid.streams import L2
from venue.local.exchange.state.notes import Note
from venue.local.market.contract import LocalMarket, Topic
from venue.local.market.grid import BLOCK_MS
from venue.local.market.ladders import Ladders
from venue.local.protocol.framing import framed
from venue.local.protocol.stream import Stream
from venue.local.server.client import Client, Limits
from venue.local.server.floor import Floor

# Tomorrow is prepared this long before midnight, a piece at every block.
AHEAD_MS = 300_000
SET_BACK_MS = 5_000
IDLE_CHECK_S = 1.0
MINUTE_S = 60.0


class Hub:
    """Subscribers and the push clock; `pushed_ms` is the moment up to which pushes went out."""

    def __init__(
        self,
        market: LocalMarket,
        now_ms: Callable[[], float],
        limits: Limits,
        floor: Floor | None = None,
    ) -> None:
        self._market = market
        self._ladders = Ladders(market)
        self._floor = floor
        self._now_ms = now_ms
        self._limits = limits
        self._clients: dict[Client, None] = {}
        self._audience: dict[Topic, dict[Client, None]] = {}
        self._listeners: dict[Stream, dict[Client, None]] = {}
        self._messages: dict[str, int] = {}
        self._dialled: dict[str, int] = {}
        self._minute_at = 0.0
        self._ahead: Iterator[None] = iter(())
        self.pushed_ms = int(now_ms())

    def add(self, client: Client) -> None:
        """Take in a new connection."""
        self._clients[client] = None

    def remove(self, client: Client) -> None:
        """Forget a connection and all it wanted."""
        for topic in list(client.topics):
            self.leave(client, topic)
        self._clients.pop(client, None)

    def join(self, client: Client, topic: Topic | Stream) -> None:
        """Subscribe a client, which gets the topic's first frames at once."""
        client.topics[topic] = None
        # As of the last push, so that the next one neither repeats nor leaves out a trade.
        for payload in self._first(topic):
            client.send(payload)
        if isinstance(topic, Stream):
            self._listeners.setdefault(topic, {})[client] = None
        else:
            self._audience.setdefault(topic, {})[client] = None

    def _first(self, topic: Topic | Stream) -> list[bytes]:
        if not isinstance(topic, Stream):
            shown = self._ladders if topic.type == L2 else self._market
            return shown.first(topic, self.pushed_ms)
        if self._floor is None:
            return []
        # What happened since the last block is in the snapshot, so the others hear of it first.
        self._tell(self._floor.news(), self.pushed_ms, self.pushed_ms)
        return self._floor.first(topic, self.pushed_ms)

    def leave(self, client: Client, topic: Topic | Stream) -> None:
        """Unsubscribe a client."""
        client.topics.pop(topic, None)
        if isinstance(topic, Topic):
            _drop(self._audience, topic, client)
        elif _drop(self._listeners, topic, client) and self._floor is not None:
            self._floor.forget(topic)

    def serves(self, topic: Topic | Stream) -> bool:
        """Say whether there is such a stream here."""
        if isinstance(topic, Stream):
            return self._floor is not None and self._floor.serves(topic)
        return True

    # What an address may.

    def has_room(self, client: Client) -> bool:
        """Say whether the client's address may subscribe to one more topic."""
        return sum(len(c.topics) for c in self._peers(client)) < self._limits.subscriptions_max

    def has_room_for_user(self, client: Client, user: str) -> bool:
        """Say whether the client's address may follow this user too."""
        followed = {
            topic.user
            for peer in self._peers(client)
            for topic in peer.topics
            if isinstance(topic, Stream) and topic.user
        }
        return user in followed or len(followed) < self._limits.users_max

    def has_room_for_socket(self, address: str) -> bool:
        """Count an attempt to connect; say whether the address may have one more connection."""
        sockets = sum(client.address == address for client in self._clients)
        limits = self._limits
        return sockets < limits.sockets_max and self._count(
            self._dialled, address, limits.new_sockets_per_minute_max
        )

    def has_room_for_post(self, client: Client) -> bool:
        """Say whether the client's address may have one more question under way."""
        return sum(peer.posts for peer in self._peers(client)) < self._limits.posts_max

    def counts(self, client: Client) -> bool:
        """Count a message of the client; say whether its address is within the limit."""
        return self._count(self._messages, client.address, self._limits.messages_per_minute_max)

    def _count(self, counts: dict[str, int], address: str, most: int) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._minute_at >= MINUTE_S:
            self._minute_at = now
            self._messages.clear()
            self._dialled.clear()
        counts[address] = counts.get(address, 0) + 1
        return counts[address] <= most

    def _peers(self, client: Client) -> Iterator[Client]:
        return (peer for peer in self._clients if peer.address == client.address)

    # The clock.

    async def run(self) -> None:
        """Push what is due, block by block, until cancelled."""
        checked_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep((BLOCK_MS - self._now_ms() % BLOCK_MS) / 1000.0)
            self.push(int(self._now_ms()))
            if loop.time() - checked_at > IDLE_CHECK_S:
                checked_at = loop.time()
                self._drop_idle(checked_at)

    def push(self, now_ms: int) -> None:
        """Send what fell due since the last push."""
        if now_ms <= self.pushed_ms:
            # A clock set back by a little makes the streams wait, by much repeat themselves.
            if self.pushed_ms - now_ms > SET_BACK_MS:
                self.pushed_ms = now_ms
            return
        # First the exchange, so that this block's books already show what it did.
        notes = self._floor.advance(now_ms) if self._floor is not None else []
        ladders = [topic for topic in self._audience if topic.type == L2]
        others = [topic for topic in self._audience if topic.type != L2]
        for topic, payload in chain(
            self._market.due(self.pushed_ms, now_ms, others),
            self._ladders.due(self.pushed_ms, now_ms, ladders),
        ):
            frame = framed(payload)
            for client in list(self._audience.get(topic, ())):
                client.write(frame)
        self._tell(notes, self.pushed_ms, now_ms)
        self.pushed_ms = now_ms
        self._look_ahead(now_ms)

    def _tell(self, notes: list[Note], since_ms: int, now_ms: int) -> None:
        if self._floor is None or not self._listeners:
            return
        due = self._floor.due(list(self._listeners), notes, since_ms, now_ms)
        for stream, payload in due:
            frame = framed(payload)
            for client in list(self._listeners.get(stream, ())):
                client.write(frame)

    def _look_ahead(self, now_ms: int) -> None:
        done = object()
        if next(self._ahead, done) is done:
            coins = {topic.coin for topic in self._audience if topic.coin}
            self._ahead = self._market.warm(sorted(coins), now_ms, now_ms + AHEAD_MS)

    def _drop_idle(self, now: float) -> None:
        for client in list(self._clients):
            if now - client.sent_at > self._limits.idle_s:
                client.abort()

    async def close(self) -> None:
        """Say goodbye to everyone, then break what is still open."""
        clients = list(self._clients)
        for client in clients:
            client.say_goodbye()
        if clients:
            await asyncio.sleep(0.05)
        for client in clients:
            client.abort()


_T = TypeVar("_T", Topic, Stream)


def _drop(audience: dict[_T, dict[Client, None]], topic: _T, client: Client) -> bool:
    """Take a client out of a topic's audience; say whether it was the last."""
    clients = audience.get(topic, {})
    clients.pop(client, None)
    return not clients and audience.pop(topic, None) is not None
