"""Outgoing websocket messages, as faults see them.

A frame is read back from the bytes that are about to be sent, so every stream, answer and
acknowledgement passes the same place whoever wrote it, and a venue without faults knows nothing
of them.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from market.errors import ProtocolViolation
from venue.hyperliquid import l2
from venue.hyperliquid.streams import L2
from venue.local.market.frames import frame

ACKNOWLEDGEMENT = "subscriptionResponse"
ERROR = "error"
PONG = "pong"
POST = "post"
# Not part of any stream.
ANSWERS = frozenset((ACKNOWLEDGEMENT, ERROR, PONG, POST))
# userEvents come on the channel "user".
FILL_CHANNELS = frozenset(("userFills", "user"))

# Moments at which something happened. Beginnings of bars and hours are labels and stay.
TIMES = frozenset(("time", "timestamp", "statusTimestamp", "serverTime"))


class Outgoing(Struct, frozen=True):
    """One websocket message.

    `channel` and `coin` are "" where there is none; an acknowledgement has those of what it
    acknowledges, and `is_answer` holds. `delay_ms` is how long it is held back; one that is
    `in_order` overtakes nothing and is not overtaken. With `cut_at` only so many bytes of the
    message are written, then the connection breaks.
    """

    channel: str
    coin: str
    is_answer: bool
    data: Any
    payload: bytes
    delay_ms: int = 0
    in_order: bool = True
    is_binary: bool = False
    cut_at: int | None = None

    def saying(self, data: Any) -> Outgoing:
        """Return the same message with other data."""
        return msgspec.structs.replace(self, data=data, payload=frame(self.channel, data))

    def later(self, delay_ms: int, *, in_order: bool = True) -> Outgoing:
        """Return the same message held back for longer."""
        return msgspec.structs.replace(
            self, delay_ms=self.delay_ms + delay_ms, in_order=self.in_order and in_order
        )

    def raw(self, payload: bytes, *, is_binary: bool = False) -> Outgoing:
        """Return a message of these bytes in its place."""
        return msgspec.structs.replace(self, data=None, payload=payload, is_binary=is_binary)

    def cut(self, size: int) -> Outgoing:
        """Return the message that breaks off after `size` bytes, and the connection with it."""
        return msgspec.structs.replace(self, cut_at=size)


def read(payload: bytes) -> Outgoing:
    """Return a message from its bytes; what is not JSON has no channel."""
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeError):
        message = None
    if not isinstance(message, dict):
        return Outgoing("", "", is_answer=True, data=None, payload=payload)
    channel, data = str(message.get("channel", "")), message.get("data")
    if channel == ACKNOWLEDGEMENT and isinstance(data, dict):
        asked = data.get("subscription")
        about = str(asked.get("type", "")) if isinstance(asked, dict) else ""
        named = asked.get("c") if about == L2 and isinstance(asked, dict) else None
        coin = named if isinstance(named, str) else coin_of(asked)
        return Outgoing(about, coin, is_answer=True, data=data, payload=payload)
    if channel == L2:
        return Outgoing(channel, _ladder_coin(data), is_answer=False, data=data, payload=payload)
    return Outgoing(channel, coin_of(data), channel in ANSWERS, data, payload)


def coin_of(data: object) -> str:
    """Return the coin that data is about, "" when none or several."""
    if isinstance(data, list):
        found = {coin_of(row) for row in data}
        return found.pop() if len(found) == 1 else ""
    if not isinstance(data, dict):
        return ""
    for name in ("coin", "s"):
        if isinstance(data.get(name), str):
            return str(data[name])
    for name in ("order", "fills", "s"):
        if name in data:
            return coin_of(data[name])
    return ""


def _ladder_coin(data: object) -> str:
    """Return the coin of an `l2` frame; that of a delta stands in its compressed text."""
    text = data.get("c") if isinstance(data, dict) else None
    if not isinstance(text, str):
        return coin_of(data)
    try:
        return l2.unpack(text).coin
    except ProtocolViolation:
        return ""


def has_fills(frame: Outgoing) -> bool:
    """Say whether a frame tells fills that are new: a snapshot does not."""
    data = frame.data
    return isinstance(data, dict) and bool(data.get("fills")) and data.get("isSnapshot") is not True


def is_action(frame: Outgoing) -> bool:
    """Say whether a frame is the reply to an action."""
    response = frame.data.get("response") if isinstance(frame.data, dict) else None
    return isinstance(response, dict) and response.get("type") == "action"


def shifted(data: Any, skew_ms: int) -> Any:
    """Return data with its times shifted."""
    if isinstance(data, list):
        return [shifted(one, skew_ms) for one in data]
    if not isinstance(data, dict):
        return data
    return {
        name: value + skew_ms if name in TIMES and type(value) is int else shifted(value, skew_ms)
        for name, value in data.items()
    }
