from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from daemon.alerts.kinds.feed import look
from daemon.views.status import RunningStatus
from tests.daemon.alerts.conftest import NOW_NS

SECOND = 10**9


def test_two_minutes_without_a_feed_are_told_once_and_its_return_once(
    seen: Any, running: RunningStatus
) -> None:
    down, up = replace(running, connected=False), replace(running, connected=True)
    memory: dict[str, Any] = {}
    told = []
    # A reconnect, then an outage of five minutes, looked at every ten seconds.
    course = [up, down, down, up, *[down] * 30, up, up]
    for at, status in enumerate(course):
        messages, memory = look(seen(status=status, now_ns=NOW_NS + at * 10 * SECOND), memory)
        told += [(at, m.title) for m in messages]
    assert told == [(16, "Feed down"), (34, "Feed is back")]


def test_of_a_daemon_that_does_not_answer_it_says_nothing(seen: Any) -> None:
    assert look(seen(status=None), {"since_ns": 1}) == ([], {"since_ns": 1})
