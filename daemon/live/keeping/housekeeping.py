"""Disk space and retention, checked every few seconds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from daemon.config.sections import Config
from daemon.live.journal import expired_segments
from daemon.live.telemetry import log
from market.events import NS_PER_DAY, Command, Notice, Recorded, Verb
from shadow.store.retention import Limits, Tidied

MB = 1 << 20
# Space must come back this far beyond a limit before the limit is lifted.
RELIEF = 1.1

OK, NO_TAPE, NO_ENTRIES = "ok", "no tape", "no entries"

# Trades of branches are there to be looked into; what they came to stays for good.
BRANCH_TRADE_DAYS = 30


class Housekeeping:
    """Watch on one state folder; `level` is what the free space allows."""

    def __init__(self, folder: Path, tape: Path, config: Config) -> None:
        self._folder = folder
        self._tape = tape
        self._config = config
        self.level = OK
        self.free_mb = 0.0
        self._over = False

    def look(self) -> list[Recorded]:
        """Measure the disk; return the events that a change of level calls for."""
        self.free_mb = shutil.disk_usage(self._folder).free / MB
        before, self.level = self.level, self._level()
        if self.level == before:
            return []
        free = f"{self.free_mb:.0f} MB free on the disk of {self._folder}"
        events: list[Recorded] = [Notice("disk", f"{free}: {self.level}")]
        if self.level == NO_ENTRIES:
            events.append(Command(Verb.HALT, free, "disk"))
        elif before == NO_ENTRIES:
            events.append(Command(Verb.RESUME, "", "disk"))
        return events

    def _level(self) -> str:
        disk = self._config.disk
        entries, tape = disk.entries_free_mb_min, disk.tape_free_mb_min
        if self.free_mb < entries * (RELIEF if self.level == NO_ENTRIES else 1.0):
            return NO_ENTRIES
        if self.free_mb < tape * (RELIEF if self.level != OK else 1.0):
            return NO_TAPE
        return OK

    def tidy_tape(self) -> list[Path]:
        """Delete segments that are too old or too many; return them."""
        limits = self._config.tape
        doomed = expired_segments(
            self._tape.iterdir(),
            now_s=time.time(),
            days=limits.retention_days,
            bytes_max=limits.retention_gb * 1e9,
        )
        for path in doomed:
            path.unlink(missing_ok=True)
            log.info("tape segment expired", segment=path.name)
        return doomed

    def limits(self, now_ns: int) -> Limits:
        """Return what the database may hold at a time."""
        store = self._config.store
        return Limits(
            now_ns - int(store.detail_days * NS_PER_DAY),
            now_ns - int(store.retention_days * NS_PER_DAY),
            store.retention_gb * 1e9,
            now_ns - BRANCH_TRADE_DAYS * NS_PER_DAY,
        )

    def weigh(self, tidied: Tidied, consume: Callable[[Recorded], object]) -> bool:
        """Return whether more is due; say once when what is kept for good exceeds its size."""
        before, self._over = self._over, tidied.over
        if before or not tidied.over:
            return tidied.more
        used = f"the database holds {tidied.bytes_used / 1e9:.2f} GB"
        most = f"{self._config.store.retention_gb:g} are allowed by store.retention_gb"
        words = f"{used}, {most}; what is left is kept for good, so nothing more is deleted"
        consume(Notice("database size", words))
        return tidied.more
