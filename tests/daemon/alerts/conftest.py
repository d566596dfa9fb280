from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.alerts.kind import AlarmSeen, Seen
from daemon.views.health import Health
from daemon.views.status import RunningStatus, status
from tests.daemon import rig
from tests.support.daemons import StandIn

NOW_NS = 1_796_000_000 * 10**9
HOUR_NS = 3_600 * 10**9


@pytest.fixture(scope="session")
def running() -> RunningStatus:
    return status(StandIn(rig.fresh({}, rig.PAIR).engine))


@pytest.fixture
def seen(running: RunningStatus) -> Callable[..., Seen]:
    """Return a maker of looks: `status`, `state`, and fields of `Seen` by name."""

    def make(**changes: Any) -> Seen:
        told = changes.pop("status", running)
        state = changes.pop("state", "running" if told is not None else "silent")
        alarms = [
            AlarmSeen(at + 1, NOW_NS, kind, message)
            for at, (kind, message) in enumerate(changes.pop("alarms", []))
        ]
        health = Health(
            state=state, words="last seen 10:00:00 UTC" if told is None else "", since_ms=None,
            now_ms=0, mode="local", version="1", status=told, loss=None, halts={}, latched="",
            release=[],
        )  # fmt: skip
        usual = Seen(
            now_ns=NOW_NS, mode="local", health=health, alarms=alarms, runs_ns=[],
            last_signal_ns=None, verdicts=None, trials=[], week=lambda: ("the week", "<html>"),
        )  # fmt: skip
        return replace(usual, **changes)

    return make
