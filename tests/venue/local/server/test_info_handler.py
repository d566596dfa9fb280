from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.venue.local.serving import serving
from venue.local.world.world import World

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "headers", "body", "status", "kind", "text"),
    [
        ("POST", JSON, '{"type":"perpDexs"}', 200, "application/json", "[null]"),
        (
            "POST",
            {"Content-Type": "application/json; charset=utf-8"},
            '{"type": "perpDexs"}',
            200,
            "application/json",
            "[null]",
        ),
        ("POST", JSON, '{"type":"l2Book","coin":"NOPE"}', 200, "application/json", "null"),
        ("POST", JSON, '{"type":"meta","dex":"xyz"}', 500, "application/json", "null"),
        (
            "POST",
            JSON,
            '{"type":"fundingHistory","coin":"NOPE","startTime":0}',
            500,
            "application/json",
            "null",
        ),
        (
            "POST",
            JSON,
            '{"type":"noSuchType"}',
            422,
            "text/plain",
            "Failed to deserialize the JSON body into the target type",
        ),
        (
            "POST",
            JSON,
            '{"type":"fundingHistory","coin":"BTC"}',
            422,
            "text/plain",
            "Failed to deserialize the JSON body into the target type",
        ),
        (
            "POST",
            JSON,
            '{"type":',
            400,
            "text/plain",
            "Failed to parse the request body as JSON",
        ),
        ("POST", JSON, "", 400, "text/plain", "Failed to parse the request body as JSON"),
        (
            "POST",
            {"Content-Type": "text/plain"},
            '{"type":"perpDexs"}',
            415,
            "text/plain",
            "Expected request with `Content-Type: application/json`",
        ),
        ("GET", {}, None, 405, None, ""),
        ("PUT", JSON, "{}", 405, None, ""),
    ],
)
def test_the_endpoint_behaves_as_probed(
    world: World,
    method: str,
    headers: dict[str, str],
    body: str | None,
    status: int,
    kind: str | None,
    text: str,
) -> None:
    async def run() -> None:
        async with serving(world) as venue, aiohttp.ClientSession() as session:
            url = venue.http + "/info"
            async with session.request(method, url, data=body, headers=headers) as reply:
                assert reply.status == status
                assert (await reply.text()) == text
                assert kind is None or reply.content_type == kind

    asyncio.run(run())


def test_replies_are_plain_and_not_to_be_cached(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, aiohttp.ClientSession() as session:
            ask = session.post(
                venue.http + "/info", json={"type": "meta"}, headers={"Accept-Encoding": "gzip"}
            )
            async with ask as reply:
                assert len((await reply.json())["universe"]) == 50
                assert "Content-Encoding" not in reply.headers
                caching = {"cache-control", "expires", "etag", "last-modified", "age"}
                assert caching.isdisjoint(name.lower() for name in reply.headers)

    asyncio.run(run())
