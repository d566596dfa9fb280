"""What a scripted venue does on a connection."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from tests.support.venue import Peer, Script, book
from venue.hyperliquid.feed import Reconnect
from venue.hyperliquid.streams import Subscription

BBO = Subscription("bbo", "BTC")
SLOWLY = Reconnect(min_s=30.0, max_s=30.0)

Test = Callable[[], Coroutine[Any, Any, None]]


async def stay(peer: Peer) -> None:
    """Accept, then listen until the client leaves."""
    await peer.open()
    await peer.hear_all()


def saying(*payloads: bytes, asked: int = 0) -> Script:
    """Return a script that sends frames in one write once it was asked so often, then listens."""

    async def script(peer: Peer) -> None:
        await peer.open()
        for _ in range(asked):
            await peer.hear()
        await peer.send(*payloads)
        await peer.hear_all()

    return script


def books(count: int) -> list[bytes]:
    return [book(time_ms=1_000 + i) for i in range(count)]
