from __future__ import annotations

from tests.venue.local.faults.spoiling import answer, asked
from venue.local.faults.kinds.rest.http_502 import Http502


def test_a_page_of_html_comes_instead_of_json() -> None:
    reply = answer(Http502(wait_ms=250), asked("meta"), {})
    assert (reply.status, reply.content_type, reply.hold_ms) == (502, "text/html", 250)
    assert reply.body.startswith(b"<html>")
