"""Requests for history to the venue, repeated until they are answered.

There is one request a coin and timeframe, however often it is asked for: a later question joins
the one that waits. One that fails is asked again after a growing pause, and never given up. What
fails on several coins is the venue's trouble, so then one question at a time tries whether it is
back, and no coin's trouble holds up the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf

import msgspec
from msgspec import Struct

from daemon.live.telemetry import log
from market.decision import Request
from market.errors import VenueUnreachable
from market.events import NS_PER_MS, Candles, FundingHistory
from venue.hyperliquid.info import InfoClient

WORKERS = 3
PAUSE_MIN_S = 0.5
PAUSE_MAX_S = 60.0
# So many different questions in a row without an answer are the venue's trouble.
VENUE_DOWN = 3
# The operator learns of history that has been missing for so long.
TELL_AFTER_S = 30.0
# The longer bars are folded from minutes as far as these reach, so the longest lacks most.
ORDER = ("", "1m", "4h", "1h", "15m", "5m")

Key = tuple[str, str, str]


class Wanted(Struct):
    """A request under way: since when, how often it failed, when it is due, being asked or not.

    `again` holds once it was asked for while its answer was on the way, which may lack the newest.
    """

    request: Request
    rank: int
    since: float = inf
    due: float = 0.0
    failures: int = 0
    asking: bool = False
    again: bool = False
    told: bool = False


class History:
    """Requests by coin and timeframe, and the workers that turn replies into events.

    `tell` hears in words which history is missing for long, once for each.
    """

    def __init__(
        self,
        info: InfoClient,
        deliver: Callable[[Candles | FundingHistory], object],
        now_ns: Callable[[], int],
        tell: Callable[[str], None],
    ) -> None:
        self._info = info
        self._deliver = deliver
        self._now_ns = now_ns
        self._tell = tell
        self._wanted: dict[Key, Wanted] = {}
        self._failing: set[Key] = set()
        self._resume_at = 0.0
        self._changed = asyncio.Event()

    @property
    def outstanding(self) -> int:
        """Return how many requests have no answer yet."""
        return len(self._wanted)

    def ask(self, request: Request) -> None:
        """Ask for history: up to now, or later when it is asked again."""
        key = _key(request)
        found = self._wanted.get(key)
        if found is None:
            rank = ORDER.index(request.timeframe)
            self._wanted[key] = Wanted(request, rank)
        else:
            from_ms = min(found.request.from_ms, request.from_ms)
            found.request = msgspec.structs.replace(
                request, from_ms=from_ms, to_ms=max(found.request.to_ms, request.to_ms)
            )
            found.again = found.asking
        self._changed.set()

    def forget(self, coin: str) -> None:
        """Ask for nothing of a coin any more."""
        for key in [key for key, wanted in self._wanted.items() if wanted.request.coin == coin]:
            del self._wanted[key]
            self._failing.discard(key)
        self._changed.set()

    async def run(self) -> None:
        """Work through the requests for ever."""
        for wanted in self._wanted.values():
            wanted.asking = False
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work())
        except BaseExceptionGroup as failed:
            # The supervisor must see what it was, not that there may have been several.
            raise failed.exceptions[0] from None

    async def _work(self) -> None:
        while True:
            wanted = await self._next()
            wanted.asking, wanted.again = True, False
            try:
                event = await self._fetch(wanted.request)
            except VenueUnreachable as error:
                wanted.asking = False
                self._failed(wanted, str(error))
            else:
                wanted.asking = False
                self._answered(wanted)
                self._deliver(event)
            self._changed.set()

    async def _next(self) -> Wanted:
        """Wait for the request whose turn it is."""
        while True:
            now = _now()
            wanted = self._wanted.values()
            waiting = [w for w in wanted if not w.asking]
            for one in waiting:
                one.since = min(one.since, now)
            is_probing = bool(self._failing) and len(waiting) < len(wanted)
            wait_s: float | None = None
            if waiting and not is_probing:
                wait_s = max(self._resume_at, min(w.due for w in waiting)) - now
                if wait_s <= 0.0:
                    due = (w for w in waiting if w.due <= now)
                    return min(due, key=lambda w: (w.failures, w.rank, w.since))
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait_s)

    def _answered(self, wanted: Wanted) -> None:
        if len(self._failing) >= VENUE_DOWN:
            log.info("the venue answers again", requests=len(self._wanted))
            for other in self._wanted.values():
                other.due = 0.0
        self._failing.clear()
        self._resume_at = 0.0
        if wanted.again:
            wanted.failures, wanted.told, wanted.since = 0, False, _now()
        else:
            self._wanted.pop(_key(wanted.request), None)

    def _failed(self, wanted: Wanted, why: str) -> None:
        if self._wanted.get(_key(wanted.request)) is not wanted:
            return
        now = _now()
        wanted.failures += 1
        wanted.due = now + _pause_s(wanted.failures)
        self._failing.add(_key(wanted.request))
        if len(self._failing) >= VENUE_DOWN:
            self._resume_at = now + _pause_s(len(self._failing) - VENUE_DOWN + 1)
        missing = [w for w in self._wanted.values() if not w.told and now - w.since >= TELL_AFTER_S]
        if missing:
            for one in missing:
                one.told = True
            self._tell(f"still missing {_names(missing)}: {why}; asking again and again")

    async def _fetch(self, request: Request) -> Candles | FundingHistory:
        if request.what == "funding":
            rates = await self._info.funding_history(
                request.coin, start_ms=request.from_ms, end_ms=self._now_ns() // NS_PER_MS
            )
            return FundingHistory(request.coin, rates, self._now_ns())
        asked_ns = 0

        def now_ms() -> int:
            nonlocal asked_ns
            asked_ns = self._now_ns()
            return asked_ns // NS_PER_MS

        found = await self._info.candles(
            request.coin, request.timeframe, start_ms=request.from_ms, end_ms=now_ms
        )
        return Candles(
            request.coin,
            request.timeframe,  # type: ignore[arg-type]
            found.rows,
            asked_ns,
            self._now_ns(),
            found.refused,
        )


def _key(request: Request) -> Key:
    return request.what, request.coin, request.timeframe


def _now() -> float:
    return asyncio.get_running_loop().time()


def _pause_s(failures: int) -> float:
    return min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0 ** min(failures - 1, 16))


def _names(missing: list[Wanted]) -> str:
    """Return coins with their timeframes in words."""
    by_coin: dict[str, list[str]] = {}
    for wanted in missing:
        request = wanted.request
        by_coin.setdefault(request.coin, []).append(request.timeframe or request.what)
    return ", ".join(f"{coin} ({' '.join(parts)})" for coin, parts in by_coin.items())
