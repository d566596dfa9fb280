from __future__ import annotations

import io
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from daemon.instance.control import Request
from daemon.instance.paths import StateDir
from daemon.screen import draw as module
from daemon.views.positions import Positions
from daemon.views.status import RunningStatus, status
from market.errors import VenueUnreachable
from tests.daemon import rig
from tests.support.daemons import StandIn

STATUS = status(StandIn(rig.fresh({}, rig.PAIR).engine))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Draw to nowhere, without waiting; what is asked of the daemon is what the test puts in."""
    replies: list[Any] = []

    def ask(path: Path, request: Request, answer: Any) -> Any:
        if request.verb == "positions":
            return Positions(True, "local", 1, 0, [], [])
        assert (request, answer) == (Request("status"), RunningStatus)
        reply = replies.pop(0) if replies else VenueUnreachable("gone")
        if isinstance(reply, Exception):
            raise reply
        return reply

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
