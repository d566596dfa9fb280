from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import pytest
from aiohttp import web

from tests.venue.local.serving import Stub, serving
from venue.local.faults.fault import Fault
from venue.local.faults.kinds.market.junk_metadata import JunkMetadata
from venue.local.faults.kinds.orders.error_executes import ERROR, ErrorExecutes
from venue.local.faults.kinds.orders.timeout_executes import TimeoutExecutes
from venue.local.faults.kinds.rest.http_429 import Http429
from venue.local.faults.kinds.rest.http_502 import Http502
from venue.local.faults.plan import Plan
from venue.local.faults.running import Running
from venue.local.server.faulty.injector import Injector
from venue.local.server.faulty.middleware import fault_middleware

ORDER = {"action": {"type": "order", "orders": []}, "nonce": 1}


async def ask(fault: Fault, body: object) -> tuple[int, str, bytes]:
    async with (
        serving(Stub(), injector=Injector(Plan((fault,)))) as venue,
        aiohttp.ClientSession() as session,
        session.post(venue.http + "/info", json=body) as reply,
    ):
        return reply.status, reply.content_type, await reply.read()


def test_a_storm_of_502_is_html() -> None:
    status, kind, body = asyncio.run(ask(Http502(), {"type": "meta"}))
    assert (status, kind) == (502, "text/html")
    assert b"502 Bad Gateway" in body


def test_429_is_null() -> None:
    found = asyncio.run(ask(Http429(), {"type": "meta"}))
    assert found == (429, "application/json", b"null")


def test_other_requests_are_answered_as_ever() -> None:
    status, _, body = asyncio.run(ask(Http429(request="meta"), {"type": "perpDexs"}))
    assert (status, json.loads(body)) == (200, [None])


def test_the_reply_is_changed_on_its_way_out() -> None:
    status, _, body = asyncio.run(ask(JunkMetadata(), {"type": "meta"}))
    assert status == 200
    assert "JUNK1" in [row.get("name") for row in json.loads(body)["universe"]]


def test_refusals_of_the_venue_stay_what_they_are() -> None:
    status, kind, _ = asyncio.run(ask(JunkMetadata(), {"type": "meta", "dex": 5}))
    assert (status, kind) == (422, "text/plain")


class Venue:
    """Takes actions and remembers them."""

    def __init__(self, fault: Fault) -> None:
        self.actions: list[object] = []
        self.began = time.monotonic()
        running = Running(Plan((fault,)))
        app = web.Application(middlewares=[fault_middleware(running, self.elapsed_ms)])
        app.router.add_post("/exchange", self.exchange)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)

    def elapsed_ms(self) -> int:
        return int((time.monotonic() - self.began) * 1000.0)

    async def exchange(self, request: web.Request) -> web.Response:
        self.actions.append(json.loads(await request.read())["action"])
        return web.json_response({"status": "ok", "response": {"type": "default"}})

    async def __aenter__(self) -> str:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/exchange"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()


def test_an_action_happens_and_its_reply_never_comes() -> None:
    async def run() -> Venue:
        venue = Venue(TimeoutExecutes(hold_ms=10_000))
        timeout = aiohttp.ClientTimeout(total=0.4)
        async with venue as url, aiohttp.ClientSession(timeout=timeout) as session:
            with pytest.raises(TimeoutError):
                await session.post(url, json=ORDER)
        return venue

    assert asyncio.run(run()).actions == [ORDER["action"]]


def test_in_the_end_the_connection_breaks() -> None:
    async def run() -> Venue:
        venue = Venue(TimeoutExecutes(hold_ms=100))
        async with venue as url, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError):
                await session.post(url, json=ORDER)
        return venue

    assert asyncio.run(run()).actions == [ORDER["action"]]


def test_an_action_happens_and_its_reply_is_an_error() -> None:
    async def run() -> tuple[Venue, object]:
        venue = Venue(ErrorExecutes())
        async with (
            venue as url,
            aiohttp.ClientSession() as session,
            session.post(url, json=ORDER) as reply,
        ):
            return venue, await reply.json()

    venue, reply = asyncio.run(run())
    assert venue.actions == [ORDER["action"]]
    assert reply == ERROR


def test_a_request_that_is_kept_from_the_venue_does_not_happen() -> None:
    async def run() -> tuple[Venue, int]:
        venue = Venue(Http502())
        async with (
            venue as url,
            aiohttp.ClientSession() as session,
            session.post(url, json=ORDER) as reply,
        ):
            return venue, reply.status

    venue, status = asyncio.run(run())
    assert status == 502
    assert venue.actions == []
