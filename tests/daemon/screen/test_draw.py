from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from daemon.instance.control import Request
from daemon.instance.paths import StateDir
from daemon.screen import draw as module
from daemon.views.status import RunningStatus, status
from market.errors import VenueUnreachable
from tests.daemon import rig
from tests.support.daemons import StandIn, busy

STATUS = status(StandIn(rig.fresh({}, rig.PAIR).engine))


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStatus]:
    """Return the status of a daemon that has traded for a while."""
    made = busy(tmp_path_factory.mktemp("state"))
    yield status(made)
    asyncio.run(made.close("over"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Draw to nowhere, without waiting; what is asked of the daemon is what the test puts in."""
    replies: list[Any] = []

    def ask(path: Path, request: Request, answer: type[RunningStatus]) -> RunningStatus:
        assert (request, answer) == (Request("status"), RunningStatus)
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


def as_it_is(s: RunningStatus) -> RunningStatus:
    return s


def everything(s: RunningStatus) -> RunningStatus:
    """Return a status in which every unusual thing is the case at once."""
    first = next(iter(s.bots))
    return replace(
        s,
        connected=False,
        ready=False,
        halts={"operator": "[bold]x[/nope]", "disk": "full"},
        latched="daily loss 3 %",
        idle_bots=["donchian", "ema_cross"],
        bots={**s.bots, first: replace(s.bots[first], fault="KeyError: '[/]'")},
        equity_usd=1.0,
        uptime_s=1e7,
        open_trades=s.open_trades * 30,
        recent=[replace(r, reason="[/red] " + "long " * 80) for r in s.recent],
    )


def nothing(s: RunningStatus) -> RunningStatus:
    """Return the status of a daemon that has heard nothing yet."""
    feeds = [replace(f, ok=False, bid=0.0, ask=0.0, spread_bps=None, ages_ms={}) for f in s.feeds]
    return replace(s, feeds=feeds, open_trades=[], recent=[], signals=0, bots={})


@pytest.mark.parametrize("width", range(60, 221, 20))
@pytest.mark.parametrize("make", [as_it_is, everything, nothing])
def test_the_screen_can_be_drawn_at_any_width(
    make: Callable[[RunningStatus], RunningStatus], width: int, trading: RunningStatus
) -> None:
    console = Console(width=width, height=50, record=True, file=io.StringIO())
    console.print(module.screen(make(trading), console.size))
    text = console.export_text()
    assert "gnomon" in text and max(map(len, text.splitlines())) <= width
    if width >= 160:
        for word in (("FEED DOWN", "HALTED by operator", "LATCHED", "FAULTED", "idle bots")
                     if make is everything else ("BTC", "gate", "newest signals")):  # fmt: skip
            assert word in text
