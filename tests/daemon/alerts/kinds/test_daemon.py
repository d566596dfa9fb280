from __future__ import annotations

from typing import Any

import pytest

from daemon.alerts.kinds.daemon import look
from daemon.views.status import RunningStatus
from tests.daemon.alerts.conftest import NOW_NS

SECOND = 10**9


@pytest.mark.parametrize(
    ("state", "title", "said"),
    [
        ("silent", "The daemon is silent", "Nobody watches the stops"),
        ("stopped", "The daemon is stopped", "in order"),
    ],
)
def test_a_daemon_that_is_gone_for_a_minute_is_told_once_and_its_return_once(
    seen: Any, running: RunningStatus, state: str, title: str, said: str
) -> None:
    memory: dict[str, Any] = {}
    told, bodies = [], ""
    # A restart of half a minute, then five minutes of nothing.
    course = ["running", *[state] * 3, "running", *[state] * 30, "starting", "running"]
    for at, now in enumerate(course):
        status = running if now == "running" else None
        look_ = seen(status=status, state=now, now_ns=NOW_NS + at * 10 * SECOND)
        messages, memory = look(look_, memory)
        told += [(at, m.title) for m in messages]
        bodies += "".join(m.body for m in messages)
    assert told == [(11, title), (35, "The daemon is back")] and said in bodies


def test_where_none_has_ever_run_there_is_nothing_to_miss(seen: Any) -> None:
    memory: dict[str, Any] = {}
    for at in range(20):
        look_ = seen(status=None, state="stopped", now_ns=NOW_NS + at * 10 * SECOND)
        messages, memory = look(look_, memory)
        assert (messages, memory) == ([], {})
