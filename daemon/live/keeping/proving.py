"""Proving: the full check of the database behind a running daemon, in slices.

A start after an orderly end reads no pages; this does, table by table, through a connection of
its own and in a thread that gives way to everybody. Damage halts entries; a broken rule is an
alarm. Either way the operator learns of it from the daemon, not from the next restart.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from daemon.live.telemetry import log
from daemon.views.soundness import damaged_pages, unsound
from market.events import Command, Notice, Recorded, Verb
from shadow.store.store import open_readonly

# Warm-up has the machine to itself first.
DELAY_S = 60.0
NICENESS = 10
# After so many steps of SQLite's machine, a pause about as long as they took.
STEPS, PAUSE_S = 100_000, 0.004
CHECK = "check"


class Proving:
    """One full check, begun after `delay_s`; what it finds comes out as events."""

    def __init__(
        self,
        database: Path,
        consume: Callable[[Recorded], object],
        *,
        delay_s: float = DELAY_S,
    ) -> None:
        self._database = database
        self._consume = consume
        self._delay_s = delay_s
        self.done = asyncio.Event()

    async def run(self) -> None:
        """Check, tell, and rest until cancelled."""
        await asyncio.sleep(self._delay_s)
        given_up = threading.Event()
        thread = ThreadPoolExecutor(1, thread_name_prefix="proving")
        began = time.monotonic()
        try:
            damage, broken = await asyncio.get_running_loop().run_in_executor(
                thread, prove, self._database, given_up.is_set
            )
        finally:
            given_up.set()
            thread.shutdown(wait=False)
        for line in (*damage, *broken):
            self._consume(Notice(CHECK, f"the database is not sound: {line}"))
        if damage:
            why = f"the database is damaged: {damage[0]}"[:200]
            self._consume(Command(Verb.HALT, why, CHECK))
        if not damage and not broken:
            log.info("the database is sound", took_s=round(time.monotonic() - began, 1))
        self.done.set()
        await asyncio.Event().wait()


def prove(database: Path, given_up: Callable[[], bool]) -> tuple[list[str], list[str]]:
    """Return damaged pages and broken rules in words; neither when given up."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

    def pace() -> bool:
        time.sleep(PAUSE_S)
        return given_up()

    with closing(open_readonly(database)) as db:
        db.set_progress_handler(pace, STEPS)
        try:
            damage = damaged_pages(db, pace)
            if damage:
                return damage, []
            # One instant for all rules.
            db.execute("BEGIN")
            return [], unsound(db, pages=False)
        except sqlite3.OperationalError:
            if given_up():
                return [], []
            raise
