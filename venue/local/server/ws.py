"""Websocket connections: requests of clients, replies, closes.

Messages are handled one after the other, so an acknowledgement always comes before the first data
of its subscription. Errors leave the socket open; a coin or parameter that does not exist closes
it without a word, as at the venue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from venue.local.market.contract import LocalMarket, Row, Topic
from venue.local.market.frames import encode, frame
from venue.local.protocol.refused import FAILED, UNREADABLE, Refused
from venue.local.protocol.request import (
    SUBSCRIBE,
    Change,
    Ping,
    Post,
    Request,
    Unserved,
    is_admissible,
    read,
)
from venue.local.protocol.stream import Stream
from venue.local.server.client import Client, Limits
from venue.local.server.endpoint import TOO_MUCH, null
from venue.local.server.endpoint import UNREADABLE as UNREADABLE_WORDS
from venue.local.server.floor import Floor
from venue.local.server.hub import Hub
from venue.local.server.questions import Questions

# What an error reply to a post says is not documented beyond "a string".
WORDS = {UNREADABLE: UNREADABLE_WORDS, FAILED: "null"}
PONG = b'{"channel":"pong"}'


class Sockets:
    """Websocket connections of one market."""

    def __init__(
        self,
        market: LocalMarket,
        hub: Hub,
        questions: Questions,
        limits: Limits,
        now_ms: Callable[[], float],
        floor: Floor | None = None,
        connected: Callable[[asyncio.Transport, str, Limits], Client] = Client,
    ) -> None:
        self._market = market
        self._floor = floor
        self._hub = hub
        self._questions = questions
        self._limits = limits
        self._now_ms = now_ms
        self._connected = connected

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until either side ends it."""
        if not self._hub.has_room_for_socket(request.remote or ""):
            return null(TOO_MUCH)
        ws = web.WebSocketResponse(compress=False, max_msg_size=self._limits.message_bytes_max)
        await ws.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            return ws
        client = self._connected(transport, request.remote or "", self._limits)
        self._hub.add(client)
        try:
            async for message in ws:
                if client.is_leaving:
                    continue
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._hear(client, message.data)
        finally:
            self._hub.remove(client)
            client.ended()
            for task in client.tasks:
                task.cancel()
        return ws

    async def _hear(self, client: Client, raw: str | bytes) -> None:
        if not self._hub.counts(client):
            limit = self._limits.messages_per_minute_max
            _complain(client, f"Cannot send more than {limit} messages per minute.")
            return
        request = read(raw)
        if request is None:
            text = raw if isinstance(raw, str) else raw.decode(errors="replace")
            _complain(client, f"Error parsing JSON into valid websocket request: {text}")
            return
        await self._obey(client, request)

    async def _obey(self, client: Client, request: Request) -> None:
        match request:
            case Ping():
                client.send(PONG)
            case Unserved():
                _complain(client, f"Invalid subscription {_json(request.subscription)}")
            case Post():
                self._take(client, request)
            case Change():
                await self._change(client, request)

    async def _change(self, client: Client, change: Change) -> None:
        topic = change.topic
        if not self._hub.serves(topic):
            _complain(client, f"Invalid subscription {_json(topic.echo())}")
        elif not is_admissible(topic, self._market.instruments):
            client.hang_up()
        elif change.method == SUBSCRIBE:
            await self._subscribe(client, topic)
        else:
            self._unsubscribe(client, topic)

    async def _subscribe(self, client: Client, topic: Topic | Stream) -> None:
        if topic in client.topics:
            _complain(client, f"Already subscribed: {_json(topic.echo())}")
            return
        if not self._hub.has_room(client):
            limit = self._limits.subscriptions_max
            _complain(client, f"Cannot subscribe to more than {limit} channels.")
            return
        if isinstance(topic, Stream) and not self._hub.has_room_for_user(client, topic.user):
            limit = self._limits.users_max
            _complain(client, f"Cannot track more than {limit} total users.")
            return
        await self._questions.warm_topic(topic, int(self._now_ms()))
        _acknowledge(client, SUBSCRIBE, topic)
        self._hub.join(client, topic)

    def _unsubscribe(self, client: Client, topic: Topic | Stream) -> None:
        if topic not in client.topics:
            _complain(client, f"Already unsubscribed: {_json(topic.echo())}")
            return
        self._hub.leave(client, topic)
        _acknowledge(client, "unsubscribe", topic)

    # Posts.

    def _take(self, client: Client, post: Post) -> None:
        """Answer a post in a task of its own, as one that takes long must not hold up the rest."""
        if not self._hub.has_room_for_post(client):
            _complain(client, f"too many pending post requests id={post.id}")
            return
        client.posts += 1
        task = asyncio.create_task(self._answer(client, post))
        client.tasks.add(task)
        task.add_done_callback(client.tasks.discard)

    async def _answer(self, client: Client, post: Post) -> None:
        kind, payload = post.request.get("type"), post.request.get("payload")
        try:
            if kind == "action" and self._floor is not None:
                answer: Any = self._floor.obey(payload, int(self._now_ms()))
            elif kind == "info" and isinstance(payload, dict):
                data = await self._questions.answer(payload)
                answer = {"type": payload["type"], "data": data}
            else:
                raise Refused(UNREADABLE)
            response = {"type": kind, "payload": answer}
        except Refused as refused:
            response = {"type": "error", "payload": f"{refused.status}: {WORDS[refused.status]}"}
        finally:
            client.posts -= 1
        client.send(frame("post", {"id": post.id, "response": response}))


def _acknowledge(client: Client, method: str, topic: Topic | Stream) -> None:
    data: Row = {"method": method, "subscription": topic.echo()}
    client.send(frame("subscriptionResponse", data))


def _complain(client: Client, text: str) -> None:
    client.send(frame("error", text))


def _json(value: Row) -> str:
    return encode(value).decode()
