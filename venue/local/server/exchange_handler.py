"""The handler of POST /exchange: a signed action, its weight, the reply to it."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from venue.local.gate.budget import IpBudget, action_weight
from venue.local.protocol.refused import Refused
from venue.local.server.endpoint import TOO_MUCH, Turned, body_of, null, refused, reply
from venue.local.server.floor import Floor


class ExchangeHandler:
    """Handler of POST /exchange; `now_ms` is the clock of the venue."""

    def __init__(self, floor: Floor, budget: IpBudget, now_ms: Callable[[], float]) -> None:
        self._floor = floor
        self._budget = budget
        self._now_ms = now_ms

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one HTTP request."""
        try:
            body = await body_of(request)
            if not self._budget.take(request.remote or "", action_weight(body)):
                return null(TOO_MUCH)
            return reply(self._floor.obey(body, int(self._now_ms())))
        except Turned as turned:
            return turned.response
        except Refused as refusal:
            return refused(refusal.status)
