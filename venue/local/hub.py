"""Who wants which stream, and when does a push go out?

One task is the clock of all streams. At every block it asks the market what is due for the topics
that somebody wants, and writes each frame to all who want it. No task, queue or copy per client.

Invariant: a topic is in the audience exactly while some client has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from venue.local.client import Client, Limits, framed
from venue.local.grid import BLOCK_MS
from venue.local.market import LocalMarket, Topic

# Tomorrow is prepared this long before midnight, a piece at every block.
AHEAD_MS = 300_000
SET_BACK_MS = 5_000
IDLE_CHECK_S = 1.0
MINUTE_S = 60.0


class Hub:
    """Clients, topics and the clock; `pushed_ms` is the moment up to which pushes went out."""

    def __init__(self, market: LocalMarket, now_ms: Callable[[], float], limits: Limits) -> None:
        self._market = market
        self._now_ms = now_ms
        self._limits = limits
        self._clients: dict[Client, None] = {}
        self._audience: dict[Topic, dict[Client, None]] = {}
        self._messages: dict[str, int] = {}
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

    def join(self, client: Client, topic: Topic) -> None:
        """Subscribe a client, which gets the topic's first frames at once."""
        client.topics[topic] = None
        # As of the last push, so that the next one neither repeats nor leaves out a trade.
        for payload in self._market.first(topic, self.pushed_ms):
            client.send(payload)
        self._audience.setdefault(topic, {})[client] = None

    def leave(self, client: Client, topic: Topic) -> None:
        """Unsubscribe a client."""
        client.topics.pop(topic, None)
        audience = self._audience.get(topic, {})
        audience.pop(client, None)
        if not audience:
            self._audience.pop(topic, None)

    def has_room(self, client: Client) -> bool:
        """Say whether the client's address may subscribe to one more topic."""
        peers = (c for c in self._clients if c.address == client.address)
        return sum(len(peer.topics) for peer in peers) < self._limits.subscriptions_max

    def counts(self, client: Client) -> bool:
        """Count a message of the client; say whether its address is within the limit."""
        now = asyncio.get_running_loop().time()
        if now - self._minute_at >= MINUTE_S:
            self._minute_at = now
            self._messages.clear()
        seen = self._messages.get(client.address, 0) + 1
        self._messages[client.address] = seen
        return seen <= self._limits.messages_per_minute_max

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
        for topic, payload in self._market.due(self.pushed_ms, now_ms, list(self._audience)):
            frame = framed(payload)
            for client in list(self._audience.get(topic, ())):
                client.write(frame)
        self.pushed_ms = now_ms
        self._look_ahead(now_ms)

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
