"""Opening of the database at the start: whoever else holds it is waited for, and said aloud.

A file that was not closed in order is read from end to end before it is trusted. That, like the
wait, happens off the loop, so that a signal ends it and the control socket answers meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from daemon.live.notify import notify
from daemon.live.telemetry import log
from shadow.store.connection import DatabaseHeld
from shadow.store.store import Store

PAUSE_S = 1.0
# How often the service manager hears that opening goes on, and for how long that holds.
TOLD_EVERY_S = 2.0
EXTEND = "EXTEND_TIMEOUT_USEC=90000000"


async def open_store(
    path: Path, *, mode: str, network: str, say: Callable[[str], None] = lambda text: None
) -> Store:
    """Open the database as soon as nobody else holds it; `say` hears in words what is waited for.

    Raises OperatorError for a file that cannot be used.
    """
    given_up = threading.Event()
    held = False
    while True:
        opening = partial(Store, path, mode=mode, network=network, given_up=given_up.is_set)
        work = asyncio.ensure_future(asyncio.to_thread(_unless, given_up, opening))
        try:
            while not (await asyncio.wait({work}, timeout=TOLD_EVERY_S))[0]:
                _tell(say, "the database is being read: it was not closed in order")
            store = work.result()
            if store is not None:
                return store
        except DatabaseHeld as error:
            if not held:
                log.warning("the database is held, waiting for it", error=str(error))
            held = True
            _tell(say, f"{error}; waiting for it")
        except asyncio.CancelledError:
            given_up.set()
            work.add_done_callback(_close)
            raise
        await asyncio.sleep(PAUSE_S)


def _tell(say: Callable[[str], None], text: str) -> None:
    say(text)
    notify(f"STATUS={text}", EXTEND)


def _unless(given_up: threading.Event, opening: Callable[[], Store]) -> Store | None:
    """Open in a thread; close again what nobody waits for any more, and return None."""
    store = opening()
    if given_up.is_set():
        store.close()
        return None
    return store


def _close(work: asyncio.Future[Store | None]) -> None:
    """Close what was opened just as the wait for it ended."""
    if not work.cancelled() and work.exception() is None and (store := work.result()) is not None:
        store.close()
