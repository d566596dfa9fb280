"""Questions to the venue for its time: before the start, once a minute, at once when in doubt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from daemon.engine.engine import Engine
from daemon.live.clock import Clock, Reading, steady_ns
from daemon.live.telemetry import log
from market.errors import VenueUnreachable
from market.events import NS_PER_MS, VenueTime
from venue.hyperliquid.info import InfoClient

EVERY_S = 60.0
LOOK_EVERY_S = 2.0
ATTEMPTS = 3
ANSWER_WITHIN_S = 5.0


async def read(info: InfoClient) -> Reading:
    """Return the venue's time; raises VenueUnreachable."""
    return Reading(*await info.venue_time(steady_ns))


async def first_reading(info: InfoClient) -> Reading | None:
    """Return the venue's time before anything is stamped, None when it does not say."""
    why = ""
    for _ in range(ATTEMPTS):
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await read(info)
        except (VenueUnreachable, TimeoutError) as error:
            why = str(error) or f"no answer within {ANSWER_WITHIN_S:g} s"
    log.warning("the venue does not say what time it is; this machine's clock stands", error=why)
    return None


async def ask_venue(url: str, timeout_s: float) -> tuple[str, int]:
    """Return what a venue lists, in words, and how far the wall clock is ahead of it, in ns."""
    started = time.monotonic()
    async with InfoClient(url, timeout_s=timeout_s) as info:
        count = len(await info.instruments())
        took_ms = (time.monotonic() - started) * 1e3
        venue_ms, asked_ns, read_ns = await info.venue_time(time.time_ns)
    off_ns = (asked_ns + read_ns) // 2 - venue_ms * NS_PER_MS
    return f"{count} instruments in {took_ms:.0f} ms", off_ns


class VenueTimes:
    """Readings of a run, one a minute, or as soon as its engine is unsure of the time."""

    def __init__(
        self,
        info: InfoClient,
        deliver: Callable[[VenueTime], object],
        clock: Clock,
        engine: Engine,
    ) -> None:
        self._info = info
        self._deliver = deliver
        self._clock = clock
        self._engine = engine

    async def run(self) -> None:
        """Ask for ever; what the venue does not answer is asked again."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            unsure = self._engine.clock.unsure(self._clock.now_ns())
            if loop.time() - asked < EVERY_S and not unsure:
                continue
            asked = loop.time()
            try:
                self._deliver(self._clock.event_of(await read(self._info)))
            except VenueUnreachable as error:
                log.debug("the venue does not say what time it is", error=error)
