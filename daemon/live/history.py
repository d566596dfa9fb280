"""Requests for history to the venue, repeated until answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from market.decision import Request
from market.errors import VenueUnreachable
from market.events import Candles, FundingHistory
from venue.hyperliquid.info import InfoClient

WAITING_MAX = 5_000
ATTEMPTS_MAX = 8
WORKERS = 3


class History:
    """Queue of requests, and the workers that turn replies into events."""

    def __init__(
        self,
        info: InfoClient,
        deliver: Callable[[Candles | FundingHistory], object],
        now_ns: Callable[[], int],
        give_up: Callable[[str], None],
    ) -> None:
        self._info = info
        self._deliver = deliver
        self._now_ns = now_ns
        self._give_up = give_up
        self._queue: asyncio.Queue[Request] = asyncio.Queue(WAITING_MAX)
        self._busy = 0

    @property
    def outstanding(self) -> int:
        """Return how many requests have no answer yet."""
        return self._queue.qsize() + self._busy

    def ask(self, request: Request) -> None:
        """Queue a request; beyond the queue's limit it is given up, the engine asks again."""
        try:
            self._queue.put_nowait(request)
        except asyncio.QueueFull:
            self._give_up(f"{request.what} of {request.coin}: too many requests waiting")

    async def run(self) -> None:
        """Work through the queue for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work())
        except BaseExceptionGroup as failed:
            # The supervisor must see what it was, not that there may have been several.
            raise failed.exceptions[0] from None

    async def _work(self) -> None:
        while True:
            request = await self._queue.get()
            self._busy += 1
            try:
                await self._answer(request)
            finally:
                self._busy -= 1

    async def _answer(self, request: Request) -> None:
        failure = ""
        for attempt in range(ATTEMPTS_MAX):
            try:
                self._deliver(await self._fetch(request))
                return
            except VenueUnreachable as error:
                failure = str(error)
            await asyncio.sleep(min(60.0, 0.5 * 2.0**attempt))
        self._give_up(failure)

    async def _fetch(self, request: Request) -> Candles | FundingHistory:
        if request.what == "funding":
            rates = await self._info.funding_history(
                request.coin, start_ms=request.from_ms, end_ms=request.to_ms
            )
            return FundingHistory(request.coin, rates, self._now_ns())
        asked_ns = self._now_ns()
        rows = await self._info.candles(
            request.coin, request.timeframe, start_ms=request.from_ms, end_ms=request.to_ms
        )
        return Candles(request.coin, request.timeframe, rows, asked_ns, self._now_ns())  # type: ignore[arg-type]
