from __future__ import annotations

from tests.venue.local.faults.spoiling import answer, asked
from venue.local.faults.kinds.rest.http_429 import Http429


def test_questions_and_actions_are_answered_429_with_null() -> None:
    for question in (asked("meta"), asked("order", "/exchange")):
        reply = answer(Http429(), question, {})
        assert (reply.status, reply.body, reply.content_type) == (429, b"null", "application/json")


def test_one_kind_of_request_alone() -> None:
    assert answer(Http429(request="meta"), asked("allMids"), {}).status == 200
