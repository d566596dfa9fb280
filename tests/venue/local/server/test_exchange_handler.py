from __future__ import annotations

import asyncio
import json
import random

import aiohttp
import pytest

from tests.venue.local.serving import Clock, Stub, serving
from tests.venue.local.tiny import AGENT, OK, USER, Tiny, floor, signed, wall_ms
from venue.local.server.client import Limits

JSON = {"Content-Type": "application/json"}
CANCEL = {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}


@pytest.mark.parametrize(
    ("method", "headers", "body", "status", "text"),
    [
        ("POST", JSON, "{}", 422, "Failed to deserialize the JSON body into the target type"),
        ("POST", JSON, "{", 400, "Failed to parse the request body as JSON"),
        ("POST", {"Content-Type": "text/plain"}, "{}", 415, "Expected request with `Content-Type"),
        ("GET", {}, None, 405, ""),
    ],
)
def test_the_endpoint_behaves_as_info_does(
    method: str, headers: dict[str, str], body: str | None, status: int, text: str
) -> None:
    async def run() -> None:
        async with (
            serving(Stub(), floor=floor(Tiny())) as venue,
            aiohttp.ClientSession() as session,
            session.request(method, venue.http + "/exchange", data=body, headers=headers) as reply,
        ):
            assert reply.status == status
            assert (await reply.text()).startswith(text)

    asyncio.run(run())


def test_an_action_is_done_and_answered_and_weighs_on_info_too() -> None:
    async def run() -> None:
        tiny = Tiny()
        clock = Clock(wall_ms())
        async with (
            serving(
                Stub(), clock=clock, floor=floor(tiny), limits=Limits(weight_per_minute_max=4)
            ) as venue,
            aiohttp.ClientSession() as session,
        ):

            async def post(path: str, body: object) -> tuple[int, object]:
                async with session.post(venue.http + path, json=body) as reply:
                    assert reply.content_type == "application/json"
                    return reply.status, await reply.json()

            assert await post("/exchange", signed(CANCEL, AGENT)) == (200, OK)
            assert tiny.acted[0][:2] == (USER, CANCEL)
            batch = {"type": "cancel", "cancels": [{"a": 0, "o": 1}] * 80}
            # One and two for eighty: that makes four, and five with any other.
            assert (await post("/exchange", signed(batch)))[0] == 200
            assert await post("/exchange", signed(CANCEL)) == (429, None)
            assert await post("/info", {"type": "exchangeStatus"}) == (429, None)

    asyncio.run(run())


def test_no_envelope_takes_the_server_down() -> None:
    async def run() -> None:
        rng = random.Random(9)
        tiny = Tiny()
        pieces = ["null", "[]", "{}", "-1", "1e999", "9" * 40, '"0x"', "true", '"\\ud800"', "27"]
        async with (
            serving(
                Stub(), clock=Clock(wall_ms()), floor=floor(tiny), limits=Limits.generous()
            ) as venue,
            aiohttp.ClientSession() as session,
        ):
            raw = json.dumps(signed(CANCEL, vaultAddress=None, expiresAfter=None))
            for _ in range(300):
                text = raw
                for _ in range(rng.randint(1, 3)):
                    at = rng.randrange(len(text))
                    text = text[:at] + rng.choice(pieces) + text[at + rng.randint(0, 12) :]
                async with session.post(
                    venue.http + "/exchange", data=text.encode(), headers=JSON
                ) as reply:
                    assert reply.status in (200, 400, 422)
                    await reply.read()
            deep = {**signed(CANCEL), "action": {"type": "order", "x": 0}}
            text = json.dumps(deep).replace('"x": 0', '"x": ' + "[" * 900 + "]" * 900)
            async with session.post(venue.http + "/exchange", data=text, headers=JSON) as reply:
                assert reply.status in (200, 400, 422)
            async with session.post(venue.http + "/exchange", json=signed(CANCEL)) as reply:
                assert await reply.json() == OK

    asyncio.run(run())
