"""Messages of websocket clients.

Reading never raises, whatever the bytes: a message that the venue could not parse is None. Whether
a well-formed subscription names something that exists is a second question, because the venue
answers the one with an error frame and the other by hanging up.

Source: Hyperliquid documentation, "Websocket / Subscriptions", and probes of the venue.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TypeGuard

import msgspec
from msgspec import Struct

from venue.hyperliquid.streams import BBO, CONTEXT, L2, L2_BOOK, TRADES
from venue.local.market.candles import INTERVAL_MS
from venue.local.market.contract import (
    ALL_MIDS,
    CANDLE,
    Row,
    Topic,
)
from venue.local.protocol.stream import ASSET_DATA, EVENTS, OVERVIEWS, STATES, Stream, stream_of

PING = "ping"
SUBSCRIBE = "subscribe"
UNSUBSCRIBE = "unsubscribe"
POST = "post"

FIGURES = (None, 2, 3, 4, 5)
MANTISSAS = (None, 1, 2, 5)


class Ping(Struct, frozen=True):
    """A ping."""


class Change(Struct, frozen=True):
    """A subscribe or unsubscribe."""

    method: str
    topic: Topic | Stream


class Unserved(Struct, frozen=True):
    """A malformed subscription to a stream that exists."""

    subscription: Row


class Post(Struct, frozen=True):
    """A question or action sent over the socket."""

    id: int
    request: Row


Request = Ping | Change | Unserved | Post


def read(raw: str | bytes) -> Request | None:
    """Return what a message asks for, None when the venue could not parse it."""
    try:
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    method = message.get("method")
    if method == PING:
        return Ping()
    if method == POST:
        number, request = message.get("id"), message.get("request")
        if is_integer(number) and isinstance(request, dict):
            return Post(number, request)
        return None
    subscription = message.get("subscription")
    if method not in (SUBSCRIBE, UNSUBSCRIBE) or not isinstance(subscription, dict):
        return None
    kind = subscription.get("type")
    topic: Topic | Stream | None
    if isinstance(kind, str) and kind in EVENTS | STATES | OVERVIEWS:
        topic = stream_of(subscription)
        return Unserved(subscription) if topic is None else Change(method, topic)
    topic = topic_of(subscription)
    return None if topic is None else Change(method, topic)


def topic_of(subscription: Row) -> Topic | None:
    """Return the topic in the venue's normal form, None when a field is missing or ill-typed."""
    kind, coin = subscription.get("type"), subscription.get("coin")
    if kind == L2:
        return _ladder_topic(subscription)
    if kind == ALL_MIDS:
        dex = subscription.get("dex") or ""
        return Topic(ALL_MIDS, coin=dex) if isinstance(dex, str) else None
    if not isinstance(coin, str):
        return None
    if kind in (BBO, TRADES, CONTEXT):
        return Topic(kind, coin=coin)
    if kind == CANDLE:
        interval = subscription.get("interval")
        if isinstance(interval, str) and interval in INTERVAL_MS:
            return Topic(CANDLE, coin=coin, interval=interval)
        return None
    return _book_topic(subscription, coin) if kind == L2_BOOK else None


def _book_topic(subscription: Row, coin: str) -> Topic | None:
    figures, mantissa = subscription.get("nSigFigs"), subscription.get("mantissa")
    fast = subscription.get("fast")
    if not all(value is None or is_integer(value) for value in (figures, mantissa)):
        return None
    if fast is not None and not isinstance(fast, bool):
        return None
    return Topic(L2_BOOK, coin=coin, figures=figures, mantissa=mantissa, fast=fast is True)


def _ladder_topic(subscription: Row) -> Topic | None:
    coin, figures, mantissa = (subscription.get(name) for name in ("c", "s", "m"))
    if not isinstance(coin, str):
        return None
    if not all(value is None or is_integer(value) for value in (figures, mantissa)):
        return None
    return Topic(L2, coin=coin, figures=figures, mantissa=mantissa)


def is_admissible(topic: Topic | Stream, coins: Container[str]) -> bool:
    """Say whether the venue would serve the topic rather than hang up."""
    if isinstance(topic, Stream):
        return not topic.dex and (topic.type != ASSET_DATA or topic.coin in coins)
    if topic.type == ALL_MIDS:
        # Builder-deployed exchanges are not part of this market, so no name of one is known.
        return not topic.coin
    return topic.coin in coins and is_grouping(topic.figures, topic.mantissa)


def is_grouping(figures: int | None, mantissa: int | None) -> bool:
    """Say whether a book may be grouped this way: a mantissa needs five significant figures."""
    return figures in FIGURES and mantissa in MANTISSAS and (mantissa is None or figures == 5)


def is_integer(value: object) -> TypeGuard[int]:
    """Say whether a decoded JSON value is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)
