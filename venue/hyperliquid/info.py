"""Client of the /info endpoint, within the venue's weight budget.

Source: Hyperliquid documentation, "Info endpoint" and "Rate limits": 1200 weight a minute per
address; meta and most others cost 20, candleSnapshot 20 plus one per 60 rows of at most 5000,
fundingHistory 20 plus one per 20 rows of at most 500.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, Self

import aiohttp

from market.errors import ProtocolViolation, VenueUnreachable
from market.events import MS_PER_HOUR, TIMEFRAME_MS, Candle
from market.instrument import Instrument, instruments_from_meta
from venue.hyperliquid import wire

WEIGHT_PER_MINUTE = 1200
BODY_BYTES_MAX = 16 << 20
CANDLES_MAX = 5000
FUNDING_ROWS_MAX = 500


class WeightBudget:
    """A weight budget that refills evenly; whoever would overdraw it waits."""

    def __init__(self, per_minute: float = WEIGHT_PER_MINUTE) -> None:
        self._rate = per_minute / 60.0
        self._full = per_minute
        self._left = per_minute
        self._at = time.monotonic()
        self._turn = asyncio.Lock()

    async def take(self, weight: float) -> None:
        """Wait until `weight` may be spent, first come, first served; more than all is all."""
        weight = min(weight, self._full)
        async with self._turn:
            while True:
                now = time.monotonic()
                self._left = min(self._full, self._left + (now - self._at) * self._rate)
                self._at = now
                if self._left >= weight:
                    self._left -= weight
                    return
                await asyncio.sleep((weight - self._left) / self._rate)


class InfoClient:
    """A client of /info; every method raises VenueUnreachable when no usable answer came."""

    def __init__(
        self,
        base_url: str,
        *,
        weight_per_minute: float = WEIGHT_PER_MINUTE,
        timeout_s: float = 10.0,
    ) -> None:
        self._url = base_url.rstrip("/") + "/info"
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
        assert self._http is not None, "use `async with`"
        await self._budget.take(weight)
        what = body.get("type")
        try:
            async with self._http.post(self._url, json=body) as reply:
                if reply.status != 200:
                    raise VenueUnreachable(f"{what}: HTTP {reply.status} from {self._url}")
                raw = b""
                async for chunk in reply.content.iter_any():
                    raw += chunk
                    if len(raw) > BODY_BYTES_MAX:
                        raise VenueUnreachable(f"{what}: reply over {BODY_BYTES_MAX} bytes")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            detail = str(error) or type(error).__name__
            raise VenueUnreachable(f"{what}: {detail} at {self._url}") from None
        return raw

    async def instruments(self) -> dict[str, Instrument]:
        """Return the tradable perpetuals of the first dex, by coin."""
        raw = await self.post({"type": "meta"}, weight=20)
        try:
            return instruments_from_meta(wire.decode_meta(raw))
        except ProtocolViolation as error:
            raise VenueUnreachable(str(error)) from None

    async def candles(
        self, coin: str, timeframe: str, *, start_ms: int, end_ms: int
    ) -> list[Candle]:
        """Return candles that begin in [start, end], oldest first; the last may still run."""
        rows = min(max((end_ms - start_ms) // TIMEFRAME_MS[timeframe] + 1, 0), CANDLES_MAX)
        request = {"coin": coin, "interval": timeframe, "startTime": start_ms, "endTime": end_ms}
        body = {"type": "candleSnapshot", "req": request}
        raw = await self.post(body, weight=20 + rows // 60)
        try:
            return wire.decode_candles(raw)
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
            return wire.decode_funding(raw)
        except ProtocolViolation as error:
            raise VenueUnreachable(f"{coin}: {error}") from None
