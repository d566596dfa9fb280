"""Backup: a database as it was at one instant, copied while the daemon goes on writing.

SQLite's online backup reads one snapshot; a writer of a write-ahead-logged database never waits
for it (https://sqlite.org/backup.html). The copy is whole in one file, without a log beside it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from market.errors import InputDamaged, OperatorError
from shadow.store.check import broken_promises

# The daemon stops recording when less is left.
LEFT_BYTES_MIN = 1 << 30
STAMP = "%Y-%m-%dT%H%M%SZ"
DATED = "[0-9]" * 4 + "-[0-9][0-9]-[0-9][0-9]T" + "[0-9]" * 6 + "Z"


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


def stamp(time_s: float) -> str:
    """Return a UTC time to the second as it stands in names of files."""
    return time.strftime(STAMP, time.gmtime(time_s))


def dated(folder: Path, mode: str, time_s: float) -> Path:
    """Return the file for a copy of a mode's database made at that time."""
    return folder / f"{mode}-{stamp(time_s)}.db"


def copies(folder: Path, mode: str) -> list[Path]:
    """Return a mode's dated copies, the oldest first."""
    return sorted(folder.glob(f"{mode}-{DATED}.db"))


def let_go(folder: Path, mode: str, keep: int) -> list[Path]:
    """Delete a mode's oldest copies but for `keep`; return those that are gone."""
    gone = copies(folder, mode)[:-keep]
    for path in gone:
        path.unlink()
    return gone


def require_room(database: Path, folder: Path) -> None:
    """Raise OperatorError when a copy would leave too little of the disk to the daemon."""
    logged = database.with_name(database.name + "-wal")
    size = database.stat().st_size + (logged.stat().st_size if logged.exists() else 0)
    free = shutil.disk_usage(folder).free
    if free < size + LEFT_BYTES_MIN:
        raise OperatorError(
            f"{folder}: {free >> 20:,} MB free; a copy takes {size >> 20:,} MB, and "
            f"{LEFT_BYTES_MIN >> 20:,} MB must be left to the daemon: delete old copies"
        )


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
