from __future__ import annotations

from tests.venue.local.faults.spoiling import book, payloads, pong, sent
from venue.local.faults.kinds.wire.duplicate import Duplicate


def test_frames_come_again_unchanged() -> None:
    assert payloads(sent(Duplicate(copies=2), book())) == [book().payload] * 3


def test_answers_come_once() -> None:
    assert payloads(sent(Duplicate(), pong())) == [pong().payload]
