from __future__ import annotations

import io
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from daemon.instance.paths import StateDir
from daemon.screen import draw as module
from market.errors import VenueUnreachable

STATUS: dict[str, Any] = {
    "equity_usd": 1.0, "start_usd": 2.0, "ready": True, "mode": "local", "uptime_s": 1.0,
    "now_ns": 1_795_428_000_000_000_000, "connected": True, "halts": {}, "latched": "",
    "gross_usd": 0.0, "net_usd": 0.0, "seq": 1, "signals": 0, "admitted": 0, "blocked": 0,
    "phantoms": 0, "open_phantoms": 0, "alarms": 0, "feeds": [], "filters": {}, "blocked_by": {},
    "open_trades": [], "recent": [], "idle_bots": [], "bots": {}, "database": "x",
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Draw to nowhere, without waiting; what is asked of the daemon is what the test puts in."""
    replies: list[Any] = []

    def ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
        assert request == {"verb": "status"}
        reply = replies.pop(0) if replies else VenueUnreachable("gone")
        if isinstance(reply, Exception):
            raise reply
        return reply  # type: ignore[no-any-return]

    monkeypatch.setattr(module.control, "ask", ask)
    monkeypatch.setattr(module, "REFRESH_S", 0.0)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    return replies


def draw(*, follow_parent: bool, within_s: float = 5.0) -> None:
    thread = threading.Thread(
        target=module.draw_until_gone,
        args=(StateDir(Path("/x"), "local"),),
        kwargs={"follow_parent": follow_parent},
        daemon=True,
    )
    thread.start()
    thread.join(within_s)
    assert not thread.is_alive(), "the screen did not leave"


def test_the_screen_leaves_soon_after_the_daemon_has(quick: list[Any]) -> None:
    quick += [STATUS] * 3
    draw(follow_parent=False)
    assert not quick


def test_a_hiccup_of_the_daemon_is_waited_for(quick: list[Any]) -> None:
    quick += [VenueUnreachable("busy")] * 3 + [STATUS] + [VenueUnreachable("busy")] * 3 + [STATUS]
    draw(follow_parent=False)
    assert not quick


def test_beside_a_starting_daemon_the_screen_is_patient_but_not_for_ever(
    quick: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "w"):
        monkeypatch.setattr(sys, "stdin", stdin)
        quick += [VenueUnreachable("not yet")] * 15 + [STATUS]
        draw(follow_parent=True)
        assert not quick


def test_the_screen_leaves_when_its_parent_closes_its_input(
    quick: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.close(writing)
        quick += [STATUS] * 100
        began = time.monotonic()
        draw(follow_parent=True)
        assert time.monotonic() - began < 2 and len(quick) == 99


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (59.9, "0:00:59"), (3661, "1:01:01"), (1e6, "277:46:40")]
)
def test_spans_are_hours_minutes_seconds(seconds: float, text: str) -> None:
    assert module._span(seconds) == text


@pytest.mark.parametrize(
    ("ms", "stream", "style"),
    [(None, "fast", "dim"), (500, "fast", "green"), (2500, "fast", "yellow"),
     (2500, "slow", "green"), (6500, "slow", "yellow"), (2500, "trades", "green")],
)  # fmt: skip
def test_an_age_is_late_by_the_measure_of_its_stream(
    ms: int | None, stream: str, style: str
) -> None:
    assert module._age(ms, stream).style == style
