"""Lease on a database: which process writes it, kept in the database itself.

The lock on the folder keeps a second daemon out as long as the lock's file is there. The lease
goes with the rows: it names the boot, the process and when that began, and its holder renews it.
A holder on this machine that is gone has left it behind; of one that cannot be looked up (another
boot, another container) only the renewals tell.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec
from msgspec import Struct

from market.errors import AnotherInstance
from market.events import NS_PER_S
from shadow.store.store import Decide

KEY = "lease"
# A holder that cannot be looked up counts as gone after this long without a renewal.
STALE_NS = 60 * NS_PER_S
RENEWED_WITHIN_S = 15.0
BOOT = Path("/proc/sys/kernel/random/boot_id")


class Lease(Struct):
    """Holder of a database: its boot and space of process ids, process and begin, and the file.

    `beat_ns` is when it was last renewed.
    """

    boot: str
    space: str
    pid: int
    began: str
    file: tuple[int, int]
    beat_ns: int = 0

    def same_holder(self, other: Lease) -> bool:
        """Say whether both are of one process."""
        mine = (self.boot, self.space, self.pid, self.began)
        return mine == (other.boot, other.space, other.pid, other.began)


class Kept(Protocol):
    """Database in which a lease is kept."""

    def agree(self, key: str, decide: Decide) -> None:
        """Replace what a key holds by what `decide` makes of it, in one transaction."""


def mine(database: Path) -> Lease:
    """Return this process's lease on a file."""
    found = database.stat()
    space = os.readlink("/proc/self/ns/pid")
    return Lease(
        _boot(), space, os.getpid(), _began(os.getpid()), (found.st_dev, found.st_ino),
        time.time_ns(),
    )  # fmt: skip


def take(kept: Kept, own: Lease) -> str:
    """Take the lease; return in words whose was left behind, "" for nobody's.

    Raises AnotherInstance when a process that lives holds it.
    """
    left = ""

    def decide(text: str | None) -> str:
        nonlocal left
        before = _decoded(text)
        if before is not None and before.file == own.file:
            if lives(before, own):
                raise AnotherInstance(_held_by(before))
            left = f"process {before.pid} left the database behind without an end; taken over"
        return _encoded(own)

    kept.agree(KEY, decide)
    return left


def renew(kept: Kept, own: Lease) -> None:
    """Say that the holder still lives; raises AnotherInstance when another has taken the lease."""

    def decide(text: str | None) -> str:
        before = _decoded(text)
        if before is not None and before.file == own.file and not before.same_holder(own):
            raise AnotherInstance(f"{_held_by(before)}: it took the lease from this process")
        own.beat_ns = time.time_ns()
        return _encoded(own)

    kept.agree(KEY, decide)


def release(kept: Kept, own: Lease) -> None:
    """Give the lease back, if it is still held."""

    def decide(text: str | None) -> str | None:
        before = _decoded(text)
        return None if before is None or before.same_holder(own) else text

    kept.agree(KEY, decide)


async def wait_turn(database: Path) -> None:
    """Return when nobody holds a database; raises AnotherInstance when a living process does."""
    before = _read(database)
    if before is None:
        return
    own = mine(database)
    if before.file != own.file:
        return
    if lives(before, own):
        raise AnotherInstance(_held_by(before))
    if _can_be_looked_up(before, own) or abs(own.beat_ns - before.beat_ns) > STALE_NS:
        return
    await asyncio.sleep(RENEWED_WITHIN_S)
    after = _read(database)
    if after is not None and after.beat_ns != before.beat_ns:
        raise AnotherInstance(_held_by(after))


def lives(holder: Lease, own: Lease) -> bool:
    """Say whether a holder surely lives: a process that can be looked up and began as it says."""
    return _can_be_looked_up(holder, own) and _began(holder.pid) == holder.began


def _can_be_looked_up(holder: Lease, own: Lease) -> bool:
    return (holder.boot, holder.space) == (own.boot, own.space)


def _held_by(holder: Lease) -> str:
    return f"the database is in use by a running daemon (pid {holder.pid}); stop that one first"


def _boot() -> str:
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the boot; "" when there is none."""
    try:
        # The name in brackets may hold anything; what follows it are numbers.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _encoded(lease: Lease) -> str:
    return msgspec.json.encode(lease).decode()


def _decoded(text: str | None) -> Lease | None:
    try:
        return None if text is None else msgspec.json.decode(text, type=Lease)
    except msgspec.MsgspecError:
        return None


def _read(database: Path) -> Lease | None:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT value FROM about WHERE key = ?", (KEY,)).fetchone()
    except sqlite3.Error:
        # What is wrong with the file is said when it is opened.
        return None
    return None if row is None else _decoded(row[0])
