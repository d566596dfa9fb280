"""How does /info behave as an HTTP endpoint?

As probes of the venue found it: a refusal has the status and words of the venue's web framework, a
failure is a null, replies are never compressed, and nothing but POST is allowed.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from venue.local.frames import encode
from venue.local.questions import FAILED, Questions, Refused

JSON = "application/json"
WRONG_TYPE = "Expected request with `Content-Type: application/json`"
BROKEN = "Failed to parse the request body as JSON"
UNREADABLE = "Failed to deserialize the JSON body into the target type"


class Info:
    """Serves POST /info."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one HTTP request."""
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        if request.content_type != JSON:
            return web.Response(status=415, text=WRONG_TYPE)
        try:
            question = msgspec.json.decode(await request.read())
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return web.Response(status=400, text=BROKEN)
        try:
            reply = await self._questions.answer(question)
        except Refused as refused:
            if refused.status == FAILED:
                return web.Response(status=FAILED, body=b"null", content_type=JSON)
            return web.Response(status=refused.status, text=UNREADABLE)
        return web.Response(body=encode(reply), content_type=JSON)
