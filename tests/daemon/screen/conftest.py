from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from daemon.screen.books import read_books
from daemon.screen.glyphs import UNICODE
from daemon.screen.seen import Seen
from daemon.views.positions import positions
from daemon.views.status import status
from tests.support.daemons import busy


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Return what a screen sees of a daemon that has traded for a while."""
    made = busy(tmp_path_factory.mktemp("state"))
    told, held = status(made), positions(made, phantoms=True)
    asyncio.run(made.close("over"))
    return Seen(told, held.trades, read_books(made.state, told.now_ns), UNICODE, False)


@pytest.fixture(scope="session")
def troubled(seen: Seen) -> Seen:
    """Return the same with every unusual thing the case at once."""
    s = seen.status
    first = next(iter(s.bots))
    told = replace(
        s,
        connected=False,
        ready=True,
        halts={"operator": "[bold]x[/nope]", "disk": "full"},
        latched="daily loss 3 %; it opens by itself at 00:00 UTC",
        clock=replace(s.clock, trouble="2 s ahead of the venue"),
        closed={"PEPE": "delisted"},
        bots={**s.bots, first: replace(s.bots[first], fault="KeyError: '[/]'")},
        equity_usd=1.0,
        uptime_s=1e7,
    )
    return replace(seen, status=told, held=seen.held * 30)


@pytest.fixture(scope="session")
def fresh(seen: Seen) -> Seen:
    """Return what is seen of a daemon that has heard nothing yet."""
    feeds = [
        replace(f, ok=False, bid=0.0, ask=0.0, spread_bps=None, ages_ms={})
        for f in seen.status.feeds
    ]
    told = replace(seen.status, feeds=feeds, open_trades=[], recent=[], signals=0, ready=False)
    return replace(seen, status=told, held=[], books=None)
