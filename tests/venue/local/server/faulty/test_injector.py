from __future__ import annotations

import asyncio
import time

import pytest

from tests.venue.local.serving import Stub, Venue, hear, serving, subscribe
from venue.local.faults.kinds.market.delisting import Delisting
from venue.local.faults.kinds.wire.duplicate import Duplicate
from venue.local.faults.plan import Plan
from venue.local.server.faulty.injector import Injector

PUSH = b'{"channel":"trades","data":[]}'


def test_time_begins_with_it() -> None:
    injector = Injector(Plan((Duplicate(),)))
    before_ms = injector.elapsed_ms()
    time.sleep(0.05)
    assert 0 <= before_ms <= injector.elapsed_ms() - 50


def test_or_with_the_first_connection() -> None:
    async def run() -> tuple[int, int]:
        injector = Injector(Plan((Duplicate(),), after_connect=True))
        async with serving(Stub(), injector=injector) as venue:
            await asyncio.sleep(0.1)
            before_ms = injector.elapsed_ms()
            async with venue.connect():
                await asyncio.sleep(0.1)
            return before_ms, injector.elapsed_ms()

    before_ms, after_ms = asyncio.run(run())
    assert before_ms == 0
    assert after_ms >= 100


def test_connections_are_numbered_as_they_come() -> None:
    async def copies(venue: Venue) -> int:
        async with venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            started = time.monotonic()
            heard = 0
            while time.monotonic() - started < 0.5:
                await hear(ws, "trades")
                heard += 1
            return heard

    async def run() -> tuple[int, int]:
        injector = Injector(Plan((Duplicate(client=2, copies=9, for_s=60.0),)))
        async with serving(Stub(PUSH), injector=injector) as venue:
            return await copies(venue), await copies(venue)

    first, second = asyncio.run(run())
    assert second > 3 * first


def test_the_market_is_the_one_with_the_faults() -> None:
    market = Stub()
    delisted = Injector(Plan((Delisting(coin="BTC"),))).market(market)
    assert delisted.universe[0]["isDelisted"] is True
    assert Injector(Plan((Duplicate(),))).market(market) is market


def test_without_a_plan_nothing_of_it_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("no plan, no cost")

    for name in ("Running", "FaultyConnection", "fault_middleware"):
        monkeypatch.setattr(f"venue.local.server.faulty.injector.{name}", refuse)

    async def run() -> None:
        async with serving(Stub(PUSH)) as venue, venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            await hear(ws, "trades")

    asyncio.run(run())
