"""Drawing of a running daemon on the terminal, until it is gone."""

from __future__ import annotations

import os
import select
import sys
import time

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from daemon.instance import control
from daemon.instance.paths import StateDir
from daemon.screen.books import BookReader, as_shown
from daemon.screen.glyphs import glyphs
from daemon.screen.layout import screen
from daemon.screen.seen import Seen
from daemon.screen.terminal import for_drawing
from daemon.views.positions import Positions
from daemon.views.status import RunningStatus
from market.errors import VenueUnreachable

REFRESH_S = 0.5


def draw_until_gone(state: StateDir, *, follow_parent: bool, page: str = "") -> None:
    """Draw twice a second; end when the daemon does, or when the parent closes our input."""
    console = Console(file=for_drawing())
    signs = glyphs()
    with (
        BookReader(state) as reader,
        Live(
            Text("waiting for the daemon…"), console=console, screen=True, auto_refresh=False
        ) as live,
    ):
        misses = 0
        while True:
            try:
                status = control.ask(state.socket, control.Request("status"), RunningStatus)
                held = control.ask(
                    state.socket, control.Request("positions", phantoms=True), Positions
                )
                misses = 0
                seen = Seen(
                    as_shown(status), as_shown(held).trades, reader.newest, signs, follow_parent
                )
                size = console.size
                live.update(Group(*screen(seen, size.width, size.height)), refresh=True)
            except VenueUnreachable:
                misses += 1
                if misses > 20 or (misses > 3 and not follow_parent):
                    return
            if _told_to_leave(follow_parent):
                return


def _told_to_leave(follow_parent: bool) -> bool:
    if not follow_parent:
        time.sleep(REFRESH_S)
        return False
    readable, _, _ = select.select([sys.stdin], [], [], REFRESH_S)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1)
