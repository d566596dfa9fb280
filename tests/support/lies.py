"""Lies planted into a sound database, and what the integrity check says of them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from shadow.store.check import broken_promises
from shadow.store.store import open_readonly
from tests.support.shadow import told

Sound = tuple[Path, dict[str, int]]


def sound_history(folder: Path) -> Sound:
    """Write a history of everything; return its database and the ids of its signals by name."""
    path = folder / "sound.db"
    return path, told(path)


def promises(path: Path) -> list[str]:
    """Return what the integrity check finds."""
    with closing(open_readonly(path)) as db:
        return broken_promises(db)


def lied(sound: Sound, tmp_path: Path, script: str) -> list[str]:
    """Plant a lie into a copy; `:name` stands for the id of a signal. Return what is found."""
    path, ids = sound
    copy = tmp_path / "gnomon.db"
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy)) as db:
        before = db.total_changes
        db.executescript(named(script, ids))
        assert db.total_changes > before, "the lie changed nothing"
        db.commit()
    return promises(copy)


def named(script: str, ids: Mapping[str, int]) -> str:
    """Return a script with ids for the names of signals."""
    for name, signal_id in ids.items():
        script = script.replace(f":{name}", str(signal_id))
    return script


def more(key: str, path: str, amount: int = 1) -> str:
    """Return the statement that adds to a number in a piece of state."""
    return (
        f"UPDATE state SET value = json_set(value, '{path}',"
        f" json_extract(value, '{path}') + {amount}) WHERE key = '{key}';"
    )
