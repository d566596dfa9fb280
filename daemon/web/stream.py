"""Server-sent events: one tick a second for all viewers, and word of panels that have changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from daemon.web.source import Source, tick_of

EVERY_S = 1.0
# Panels are read anew this often at most, when the database has changed.
PANELS_EVERY = 5
QUEUE_MAX = 8
PANELS = (
    *("status", "money", "limits", "blocked", "bots", "holdings", "feed", "weights", "system"),
    "coin",
)


class Stream:
    """Viewers and the one task that tells them; it rests while nobody looks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._viewers: set[asyncio.Queue[bytes]] = set()
        self._stamp: object = None

    @property
    def viewers(self) -> int:
        """Return how many look."""
        return len(self._viewers)

    def join(self) -> asyncio.Queue[bytes]:
        """Return the queue of a new viewer."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_MAX)
        self._viewers.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[bytes]) -> None:
        """Forget a viewer."""
        self._viewers.discard(queue)

    async def run(self) -> None:
        """Tell the viewers until cancelled."""
        beat = 0
        while True:
            await asyncio.sleep(EVERY_S)
            if not self._viewers:
                continue
            beat += 1
            self._tell("tick", msgspec.json.encode(tick_of(*await self._source.live())))
            stamp = self._source.stamp()
            if beat % PANELS_EVERY == 0 and stamp != self._stamp:
                self._stamp = stamp
                self._tell("panel", msgspec.json.encode({"names": PANELS}))

    def _tell(self, event: str, data: bytes) -> None:
        line = b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
        for queue in self._viewers:
            # A viewer that does not read misses ticks; nobody waits for it.
            with suppress(asyncio.QueueFull):
                queue.put_nowait(line)
