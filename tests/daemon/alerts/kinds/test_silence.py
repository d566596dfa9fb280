from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from daemon.alerts.kinds.silence import look
from daemon.views.status import RunningStatus
from tests.daemon.alerts.conftest import HOUR_NS, NOW_NS


def test_a_day_without_a_signal_is_told_once(seen: Any, running: RunningStatus) -> None:
    long = replace(running, uptime_s=90_000.0)
    messages, memory = look(seen(status=long, last_signal_ns=NOW_NS - 25 * HOUR_NS), {})
    assert messages[0].body == "No bot has made a signal for 25 h. Why: gnomon why --idle"
    assert look(seen(status=long, last_signal_ns=NOW_NS - 25 * HOUR_NS), memory)[0] == []
    # After another signal another silence counts.
    assert len(look(seen(status=long, last_signal_ns=NOW_NS - 24 * HOUR_NS), memory)[0]) == 1


def test_a_daemon_that_just_started_has_not_been_silent(seen: Any, running: RunningStatus) -> None:
    young = replace(running, uptime_s=60.0)
    for status, last in ((young, NOW_NS - 50 * HOUR_NS), (None, NOW_NS - 50 * HOUR_NS),
                         (replace(running, uptime_s=1e6), None)):  # fmt: skip
        assert look(seen(status=status, last_signal_ns=last), {}) == ([], {})
