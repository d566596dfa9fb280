"""Rows that found the database held at the end of a run, in a file beside until the next begins."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from shadow.store.rows import Rows


class Late(Struct):
    """Rows and pieces of durable state of one instant."""

    rows: Rows
    state: dict[str, str | None]

    @property
    def seq(self) -> int:
        """Return up to which event they go, 0 where they do not say."""
        return seq_of(self.state.get("vitals"))


class _Position(Struct):
    seq: int = 0


def seq_of(vitals: str | None) -> int:
    """Return the position that the piece `vitals` holds, 0 without one."""
    return 0 if vitals is None else msgspec.json.decode(vitals, type=_Position).seq


def late_rows(database: Path) -> Path:
    """Return where rows wait that could not be written at the end of a run."""
    return database.with_name(database.name + "-late")


def put_aside(database: Path, late: Late) -> Path:
    """Write rows beside their database so that a crash cannot take them; return where."""
    path = late_rows(database)
    with path.open("wb") as file:
        file.write(msgspec.msgpack.encode(late))
        file.flush()
        os.fsync(file.fileno())
    return path


def put_aside_earlier(database: Path) -> Late | None:
    """Return what an earlier run put aside, None for nothing whole."""
    path = late_rows(database)
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Late)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        # Torn by a crash: nothing in it was promised to anybody, but it may be looked at.
        path.replace(path.with_name(path.name + ".torn"))
        return None
