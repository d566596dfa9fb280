"""Guard of a running daemon's files and lease: nobody else writes, and nothing written is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.instance import lease
from daemon.instance.custody import Custody
from daemon.instance.lease import Lease
from daemon.live.journal import Journal
from daemon.live.telemetry import log
from market.errors import AnotherInstance, OperatorError
from market.events import Recorded
from shadow.store.store import Store

LOOK_EVERY_S = 2
RENEW_EVERY_S = 10


class Guard:
    """Watch on the files by name, and the lease's renewal. Without a lease it only watches."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        custody: Custody,
        own: Lease | None,
        *,
        consume: Callable[[Recorded], object],
        fail: Callable[[Exception], None],
    ) -> None:
        self._store = store
        self._journal = journal
        self._custody = custody
        self._own = own
        self._consume = consume
        self._fail = fail
        self._copied = False
        # What waits for its turn in the writer's thread; the seconds go on meanwhile.
        self.tasks: set[asyncio.Task[None]] = set()

    def look(self, second: int) -> None:
        """Look after the files and the lease when `second` calls for it."""
        if second % LOOK_EVERY_S == 0:
            found = self._custody.look()
            if found and self._custody.trouble:
                log.error("files of the daemon", what=self._custody.trouble)
            elif found:
                log.info("files of the daemon", what="in place again")
            for event in found:
                self._consume(event)
            if self._custody.deleted and not self._copied:
                self._copied = True
                self._begin(self._rescue())
        if second % RENEW_EVERY_S == 0 and self._own is not None:
            self._begin(self._renew(self._own))

    async def end(self) -> None:
        """Copy what would end with this process, and give the lease back."""
        await asyncio.gather(*self.tasks)
        if self._custody.deleted:
            await self._rescue()
        if self._own is not None:
            own = self._own
            with suppress(sqlite3.Error):
                await self._journal.in_thread(lambda: lease.release(self._store, own))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _renew(self, own: Lease) -> None:
        try:
            with suppress(sqlite3.Error):
                await self._journal.in_thread(lambda: lease.renew(self._store, own))
        except AnotherInstance as fault:
            self._fail(fault)

    async def _rescue(self) -> None:
        target = self._custody.rescued
        try:
            await self._journal.in_thread(lambda: self._store.copy_to(target))
            log.warning("the deleted database was copied", to=str(target))
        except (sqlite3.Error, OSError) as error:
            log.error("the deleted database could not be copied", to=str(target), error=error)


def require_kept(journal: Journal, database: Path) -> None:
    """Say where rows wait that could not be committed; raises OperatorError when nowhere."""
    if journal.aside is not None:
        log.warning(
            "the database could not be written; the newest rows wait for the next start",
            file=str(journal.aside),
            error=journal.failure,
        )
    elif journal.failure:
        raise OperatorError(
            f"{database}: the newest rows could not be written "
            f"({journal.failure}); their events are on the tape"
        )


def give_back(store: Store, own: Lease) -> None:
    """Give the lease back before the daemon ever ran; a database that is held keeps a stale one."""
    store.hurry()
    with suppress(sqlite3.Error):
        lease.release(store, own)
