"""Going back to a copy of the database, and what is lost by it.

Both files may be of another version of gnomon than this one: that is when one goes back. So nothing
is asked of them that has ever been named otherwise.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from market.errors import InputDamaged, OperatorError

LOGS = ("-wal", "-shm", "-journal")


class Stand(Struct, frozen=True):
    """How far a database has come.

    `now_ns` is the engine's time at its last commit, 0 before the first.
    """

    mode: str
    schema: int
    now_ns: int
    signals: set[int]
    trades: dict[int, str]


class Loss(Struct, frozen=True):
    """What is in a database and not in a copy of it: everything since `since_ns`.

    Trades are those of the desk, phantoms and twins alike; `closed` counts those that are open in
    the copy and closed in the database.
    """

    since_ns: int
    signals: int
    trades: int
    closed: int


def stand_of(path: Path) -> Stand:
    """Read how far a database has come; raises InputDamaged when it cannot be read."""
    with _reading(path) as db:
        damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise InputDamaged(f"{path}: damaged ({damage})")
        about = dict(db.execute("SELECT key, value FROM about"))
        state = db.execute("SELECT value FROM state WHERE key = 'vitals'").fetchone()
        return Stand(
            mode=str(about.get("mode", "unknown")),
            schema=db.execute("PRAGMA user_version").fetchone()[0],
            now_ns=int(json.loads(state[0])["now_ns"]) if state else 0,
            signals={number for (number,) in db.execute("SELECT signal_id FROM signal")},
            trades=dict(db.execute("SELECT trade_id, status FROM trade")),
        )


def loss(now: Stand, copy: Stand) -> Loss:
    """Return what going back from one to the other would lose."""
    return Loss(
        since_ns=copy.now_ns,
        signals=len(now.signals - copy.signals),
        trades=len(now.trades.keys() - copy.trades.keys()),
        closed=sum(
            status == "closed" and copy.trades.get(number, "closed") != "closed"
            for number, status in now.trades.items()
        ),
    )


def put_back(copy: Path, database: Path, aside: Path) -> None:
    """Put a copy in a database's place and the database aside, its log with it.

    Nobody may have it open. Raises OperatorError when that cannot be done; the database then still
    is where it was, or beside it.
    """
    fresh = database.with_name(f".{database.name}.back")
    try:
        fresh.write_bytes(b"")
        with closing(sqlite3.connect(fresh)) as new, _reading(copy) as db:
            db.backup(new)
        # Whoever puts it back, root perhaps: it belongs to whom the folder belongs to.
        owner = database.parent.stat()
        fresh.chmod(0o640)
        os.chown(fresh, owner.st_uid, owner.st_gid)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        for suffix in ("", *LOGS):
            with suppress(FileNotFoundError):
                database.with_name(database.name + suffix).replace(f"{aside}{suffix}")
        fresh.replace(database)
    except OSError as error:
        raise OperatorError(f"{database}: cannot be replaced ({error.strerror})") from None
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise OperatorError(f"{path}: no such database")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise InputDamaged(f"{path}: cannot be read ({error})") from None
