"""The handler of POST /info: a question, its weight, its answer."""

from __future__ import annotations

from aiohttp import web

from venue.local.gate.budget import IpBudget, answer_weight, question_weight
from venue.local.protocol.refused import Refused
from venue.local.server.endpoint import TOO_MUCH, Turned, body_of, null, refused, reply
from venue.local.server.questions import Questions


class InfoHandler:
    """Handler of POST /info."""

    def __init__(self, questions: Questions, budget: IpBudget) -> None:
        self._questions = questions
        self._budget = budget

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one HTTP request."""
        ip = request.remote or ""
        try:
            question = await body_of(request)
            if not self._budget.take(ip, question_weight(question)):
                return null(TOO_MUCH)
            answer = await self._questions.answer(question)
        except Turned as turned:
            return turned.response
        except Refused as refusal:
            return refused(refusal.status)
        self._budget.charge(ip, answer_weight(question, answer))
        return reply(answer)
