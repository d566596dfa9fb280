"""A websocket client of the local venue: its subscriptions, and the writing of its frames.

A frame is encoded and framed once and written as it is to everyone who wants it. That bypasses the
web framework's own writer, which would frame it again for each and make the sender wait for the
slowest; both write whole frames to one transport, so they cannot mix. Memory stays bounded because
a client that lets its buffer fill is dropped.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from venue.local.market.contract import Topic
from venue.local.protocol.framing import GOING_AWAY, close_frame, framed
from venue.local.protocol.stream import Stream


@dataclass(frozen=True)
class Limits:
    """Limits of a client. Texts and numbers: docs and probes of the venue.

    `idle_s` is the silence of the server after which it hangs up, `hang_up_s` how long it takes
    to do so over a bad coin. The limits on counts hold for all sockets of one address together.
    """

    idle_s: float = 60.0
    hang_up_s: float = 0.2
    subscriptions_max: int = 1_000
    messages_per_minute_max: int = 2_000
    sockets_max: int = 10
    new_sockets_per_minute_max: int = 30
    users_max: int = 10
    posts_max: int = 100
    weight_per_minute_max: int = 1_200
    message_bytes_max: int = 1 << 16
    buffer_bytes_max: int = 4 << 20
    kernel_buffer_bytes: int = 1 << 20

    @classmethod
    def generous(cls) -> Limits:
        """Return limits for a venue whose one address is shared by a daemon and its user."""
        return cls(
            subscriptions_max=10_000,
            messages_per_minute_max=20_000,
            sockets_max=100,
            new_sockets_per_minute_max=600,
            users_max=100,
            posts_max=1_000,
            weight_per_minute_max=12_000,
        )


class Client:
    """One connection; `sent_at` is when something was last sent, on the loop's clock."""

    def __init__(self, transport: asyncio.Transport, address: str, limits: Limits) -> None:
        self.address = address
        self.topics: dict[Topic | Stream, None] = {}
        self.posts = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.is_leaving = False
        self._loop = asyncio.get_running_loop()
        self.sent_at = self._loop.time()
        self._transport = transport
        self._limits = limits
        raw = transport.get_extra_info("socket")
        if raw is not None:
            # Or the kernel would hold megabytes for a client that does not read.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.kernel_buffer_bytes)

    def send(self, payload: bytes) -> None:
        """Send one message to this client alone."""
        self.write(framed(payload))

    def write(self, frame: bytes) -> None:
        """Write a finished frame; a client too slow to take it is dropped."""
        transport = self._transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() + len(frame) > self._limits.buffer_bytes_max:
            transport.abort()
            return
        transport.write(frame)
        self.sent_at = self._loop.time()

    def hang_up(self) -> None:
        """Break the connection in a moment without a word, as the venue does over a bad coin."""
        self.is_leaving = True
        self._loop.call_later(self._limits.hang_up_s, self._transport.abort)

    def abort(self) -> None:
        """Break the connection now."""
        self._transport.abort()

    def say_goodbye(self, code: int = GOING_AWAY) -> None:
        """Send a close frame, by default: the server is going away."""
        self.write(close_frame(code))

    def ended(self) -> None:
        """Take note that the connection is over."""
