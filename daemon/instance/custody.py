"""Custody of the files a daemon lives on: its database and its lock, as they were opened.

An open file goes on to work when its name is moved, deleted or given to another file; what is
written then is found by nobody. So the name is compared with what is open (device, inode, links).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from market.events import Command, Notice, Recorded, Verb

# Who halts entries then.
FILES = "files"
OPEN = Path("/proc/self/fd")


class Held(NamedTuple):
    """One open file: what it is, its name, its descriptor and identity."""

    what: str
    path: Path
    number: int
    identity: tuple[int, int]


class Custody:
    """Watch on open files by name; `trouble` says in words what happened to them."""

    def __init__(self, database: Path, lock: Path) -> None:
        """Note the files as they are open now; one that this process does not hold is let be."""
        wanted = (("database", database), ("lock", lock))
        self._held = [held for what, path in wanted if (held := _held(what, path)) is not None]
        self.rescued = database.with_name("gnomon.rescued.db")
        self.trouble = ""

    @property
    def deleted(self) -> bool:
        """Say whether the open database has no name left, so that it ends with this process."""
        return any(
            held.what == "database" and os.fstat(held.number).st_nlink == 0 for held in self._held
        )

    def look(self) -> list[Recorded]:
        """Compare names with what is open; return the events that a change calls for."""
        trouble = "; ".join(filter(None, map(self._trouble, self._held)))
        before, self.trouble = self.trouble, trouble
        if trouble == before:
            return []
        if trouble:
            return [Notice(FILES, trouble), Command(Verb.HALT, trouble[:200], FILES)]
        return [Notice(FILES, "the files are back in their place"), Command(Verb.RESUME, "", FILES)]

    def _trouble(self, held: Held) -> str:
        now = _identity(held.path)
        if now == held.identity:
            return ""
        if os.fstat(held.number).st_nlink == 0:
            fate = "was deleted" if now is None else "was replaced by another file"
            where = f"rows go on into the open file and are copied to {self.rescued}"
            remedy = "stop the daemon, then put the copy in its place"
        else:
            place = os.readlink(OPEN / str(held.number))
            fate = f"was moved to {place}" + ("" if now is None else ", another file has its name")
            where, remedy = "rows go on into it there", "stop the daemon, then move it back"
        if held.what == "lock":
            where, remedy = "the lease keeps a second daemon out", "start the daemon anew"
        return f"the {held.what} {held.path} {fate}; {where}; {remedy}"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _held(what: str, path: Path) -> Held | None:
    identity = _identity(path)
    for name in os.listdir(OPEN):
        with suppress(OSError):
            found = os.fstat(int(name))
            if identity == (found.st_dev, found.st_ino):
                return Held(what, path, int(name), identity)
    return None
