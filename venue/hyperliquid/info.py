"""Client of the /info endpoint, within the venue's weight budget.

Source: Hyperliquid documentation, "Info endpoint" and "Rate limits": 1200 weight a minute per
address, in any minute; meta and most others cost 20, exchangeStatus 2, candleSnapshot 20 plus one
per 60 rows of at most 5000, fundingHistory 20 plus one per 20 rows of at most 500.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp
from msgspec import Struct

from market.errors import ProtocolViolation, VenueUnreachable
from market.events import MS_PER_HOUR, TIMEFRAME_MS
from market.instrument import Instrument, instruments_from_meta
from venue.address import hidden, proxy_for, shown, under
from venue.hyperliquid import replies
from venue.hyperliquid.replies import CandleRows

WEIGHT_PER_MINUTE = 1200
WINDOW_S = 60.0
BODY_BYTES_MAX = 16 << 20
CANDLES_MAX = 5000
FUNDING_ROWS_MAX = 500


class Spent(Struct):
    """A weight that counts against the budget, and the latest time the venue may have seen it."""

    at: float
    weight: float


class WeightBudget:
    """A weight budget for any stretch of `WINDOW_S`; whoever would overdraw it waits.

    When the venue counts a question is somewhere between its sending and its answer, so a weight
    counts from the one and goes a window after the other.
    """

    def __init__(self, per_minute: float = WEIGHT_PER_MINUTE) -> None:
        self._limit = per_minute
        self._spent: list[Spent] = []
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def spend(self, weight: float) -> AsyncIterator[None]:
        """Wait until a question of `weight` may be asked, first come, first served; then ask it.

        More than all is all.
        """
        loop = asyncio.get_running_loop()
        spent = Spent(0.0, min(weight, self._limit))
        async with self._turn:
            while True:
                wait_s = self._wait_s(spent.weight, loop.time())
                if wait_s <= 0.0:
                    break
                await asyncio.sleep(wait_s)
            spent.at = loop.time()
            self._spent.append(spent)
        try:
            yield
        finally:
            spent.at = loop.time()

    def _wait_s(self, weight: float, now: float) -> float:
        """Return how long to wait at least before `weight` may be spent; 0.0 when it may now."""
        self._spent = [spent for spent in self._spent if spent.at > now - WINDOW_S]
        over = weight - self._limit + sum(spent.weight for spent in self._spent)
        wait_s = 0.0
        for spent in sorted(self._spent, key=lambda spent: spent.at):
            if over <= 0.0:
                break
            over -= spent.weight
            wait_s = spent.at + WINDOW_S - now
        return wait_s


class InfoClient:
    """A client of /info; every method raises VenueUnreachable when no usable answer came."""

    def __init__(
        self,
        base_url: str,
        *,
        weight_per_minute: float = WEIGHT_PER_MINUTE,
        timeout_s: float = 10.0,
    ) -> None:
        self._url = under(base_url, "/info")
        self._proxy = proxy_for(self._url)
        self._budget = WeightBudget(weight_per_minute)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def post(self, body: dict[str, Any], *, weight: float) -> bytes:
        """Return the raw reply to one question."""
        async with self._budget.spend(weight):
            return await self._send(body)

    async def _send(self, body: dict[str, Any]) -> bytes:
        assert self._http is not None, "use `async with`"
        what = body.get("type")
        try:
            async with self._http.post(self._url, json=body, **self._way()) as reply:
                if reply.status != 200:
                    raise VenueUnreachable(f"{what}: HTTP {reply.status} from {shown(self._url)}")
                raw = b""
                async for chunk in reply.content.iter_any():
                    raw += chunk
                    if len(raw) > BODY_BYTES_MAX:
                        raise VenueUnreachable(f"{what}: reply over {BODY_BYTES_MAX} bytes")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            detail = hidden(str(error), self._url) or type(error).__name__
            raise VenueUnreachable(f"{what}: {detail} at {shown(self._url)}") from None
        return raw

    def _way(self) -> dict[str, Any]:
        proxy = self._proxy
        if proxy is None:
            return {}
        # In the clear a proxy reads the request itself, else only that for a way to the venue.
        told = "proxy_headers" if self._url.startswith("https:") else "headers"
        return {"proxy": proxy.url, told: proxy.headers}

    async def instruments(self) -> dict[str, Instrument]:
        """Return the tradable perpetuals of the first dex, by coin."""
        raw = await self.post({"type": "meta"}, weight=20)
        try:
            return instruments_from_meta(replies.decode_meta(raw))
        except ProtocolViolation as error:
            raise VenueUnreachable(str(error)) from None

    async def venue_time(self, now_ns: Callable[[], int]) -> tuple[int, int, int]:
        """Return the venue's time in ms, and `now_ns` as the question left and the answer came."""
        async with self._budget.spend(2):
            asked_ns = now_ns()
            raw = await self._send({"type": "exchangeStatus"})
            read_ns = now_ns()
        try:
            return replies.decode_venue_time(raw), asked_ns, read_ns
        except ProtocolViolation as error:
            raise VenueUnreachable(str(error)) from None

    async def candles(
        self, coin: str, timeframe: str, *, start_ms: int, end_ms: Callable[[], int]
    ) -> CandleRows:
        """Return candles that begin in [start, end], oldest first; the last may still run.

        The end is asked for once more when the question leaves: it may have waited for its turn.
        """
        step = TIMEFRAME_MS[timeframe]
        rows = min(max((end_ms() - start_ms) // step + 1, 0), CANDLES_MAX)
        async with self._budget.spend(20 + rows // 60):
            until_ms = end_ms()
            asked = {
                "coin": coin, "interval": timeframe, "startTime": start_ms, "endTime": until_ms,
            }  # fmt: skip
            raw = await self._send({"type": "candleSnapshot", "req": asked})
        try:
            return replies.decode_candles(raw, step_ms=step, until_ms=until_ms)
        except ProtocolViolation as error:
            raise VenueUnreachable(f"{coin} {timeframe}: {error}") from None

    async def funding_history(
        self, coin: str, *, start_ms: int, end_ms: int
    ) -> list[tuple[int, float]]:
        """Return (hour_ms, hourly rate) of the hours settled in [start, end], page by page."""
        rates: list[tuple[int, float]] = []
        while True:
            page = await self._funding_page(coin, start_ms, end_ms)
            new = [row for row in page if not rates or row[0] > rates[-1][0]]
            rates += new
            if len(page) < FUNDING_ROWS_MAX or not new or rates[-1][0] + MS_PER_HOUR > end_ms:
                return rates
            start_ms = rates[-1][0] + MS_PER_HOUR

    async def _funding_page(self, coin: str, start_ms: int, end_ms: int) -> list[tuple[int, float]]:
        rows = min(max((end_ms - start_ms) // MS_PER_HOUR + 1, 0), FUNDING_ROWS_MAX)
        body = {"type": "fundingHistory", "coin": coin, "startTime": start_ms, "endTime": end_ms}
        raw = await self.post(body, weight=20 + rows // 20)
        try:
            return replies.decode_funding(raw)
        except ProtocolViolation as error:
            raise VenueUnreachable(f"{coin}: {error}") from None
