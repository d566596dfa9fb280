"""HTTP behaviour of the venue's POST endpoints.

As probes of the venue found it: a refusal has the status and words of the venue's web framework, a
failure is a null, replies are never compressed, and nothing but POST is allowed. Who is over the
limit of weights gets 429 and a null.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from venue.local.market.frames import encode
from venue.local.protocol.refused import FAILED

JSON = "application/json"
WRONG_TYPE = "Expected request with `Content-Type: application/json`"
BROKEN = "Failed to parse the request body as JSON"
UNREADABLE = "Failed to deserialize the JSON body into the target type"
TOO_MUCH = 429


class Turned(Exception):
    """A request that ends here, with the response to it."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


async def body_of(request: web.Request) -> object:
    """Return the decoded body of a POST; raises Turned with what the venue says otherwise."""
    if request.method != "POST":
        raise Turned(web.Response(status=405, headers={"Allow": "POST"}))
    if request.content_type != JSON:
        raise Turned(web.Response(status=415, text=WRONG_TYPE))
    try:
        body: object = msgspec.json.decode(await request.read())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Turned(web.Response(status=400, text=BROKEN)) from None
    return body


def null(status: int) -> web.Response:
    """Return a response of nothing but a status."""
    return web.Response(status=status, body=b"null", content_type=JSON)


def reply(data: object) -> web.Response:
    """Return a response that holds data."""
    return web.Response(body=encode(data), content_type=JSON)


def refused(status: int) -> web.Response:
    """Return the response to what the venue could not read, or failed on."""
    return null(status) if status == FAILED else web.Response(status=status, text=UNREADABLE)
