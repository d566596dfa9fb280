"""The middleware that puts the faults of a plan between requests and handlers.

Stands before the handlers as a middleware, so they need not know of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from venue.local.faults.asked import EXCHANGE, INFO, Reply, read
from venue.local.faults.running import Running, made_of, reply_to


def fault_middleware(running: Running, elapsed_ms: Callable[[], int]) -> Middleware:
    """Return the middleware."""

    @web.middleware
    async def passing(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method != "POST" or request.path not in (INFO, EXCHANGE):
            return await handler(request)
        asked = read(request.path, await request.read())
        hit = running.request(asked, elapsed_ms())
        if not hit:
            return await handler(request)
        reply = reply_to(hit, asked)
        if reply is None:
            response = await handler(request)
            if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
                return response
            given = Reply(response.status, response.body, response.content_type)
            reply = made_of(hit, asked, given)
        return await _given(request, reply)

    return passing


async def _given(request: web.Request, reply: Reply) -> web.Response:
    if reply.hold_ms:
        await asyncio.sleep(reply.hold_ms / 1000.0)
    if reply.is_lost and request.transport is not None:
        request.transport.abort()
    return web.Response(status=reply.status, body=reply.body, content_type=reply.content_type)
