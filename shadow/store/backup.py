"""Backup: a database as it was at one instant, copied while the daemon goes on writing.

SQLite's online backup reads one snapshot; a writer of a write-ahead-logged database never waits
for it (https://sqlite.org/backup.html). The copy is whole in one file, without a log beside it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from market.errors import InputDamaged, OperatorError
from shadow.store.check import broken_promises


def back_up(source: sqlite3.Connection, target: Path) -> dict[str, str]:
    """Write a checked copy to `target`, replacing it in one step; return what it says it is.

    Raises OperatorError when it cannot be written, InputDamaged when what was copied breaks its
    promises; in both cases an older `target` stays as it was.
    """
    fresh = target.with_name(f".{target.name}.part")
    try:
        fresh.unlink(missing_ok=True)
        _copy(source, fresh)
        with closing(sqlite3.connect(fresh)) as copy:
            broken = broken_promises(copy)
            about = dict(copy.execute("SELECT key, value FROM about"))
        if broken:
            raise InputDamaged(
                f"what was copied breaks its integrity rules ({broken[0]}), "
                f"so {target} was not written; "
                "`gnomon db check` says more"
            )
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise OperatorError(f"{target}: cannot be written ({error.strerror})") from None
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    return about


def _copy(source: sqlite3.Connection, fresh: Path) -> None:
    # Its own file first: then only the folder can be at fault, and the system says how.
    fresh.touch(exist_ok=False)
    with closing(sqlite3.connect(fresh)) as copy:
        try:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").fetchall()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                raise OperatorError(f"{fresh.parent}: cannot be written ({error})") from None
            raise


def _sync_folder(folder: Path) -> None:
    """Make a new name outlive a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
