"""What the live screen shows: the daemon's own answers, and what its database says of money."""

from __future__ import annotations

from msgspec import Struct

from daemon.screen.books import Books
from daemon.screen.glyphs import Glyphs
from daemon.views.positions import HeldTrade
from daemon.views.status import RunningStatus


class Seen(Struct, frozen=True):
    """A status, the open trades and phantoms, and the books; None until they were first read."""

    status: RunningStatus
    held: list[HeldTrade]
    books: Books | None
    glyphs: Glyphs
    # Whether Ctrl-C ends the daemon too, or the screen alone.
    stops_daemon: bool
    # Where the page is, "" where there is none.
    page: str = ""
