"""Status of a state folder that no daemon answers for, and the pieces of state it left."""

from __future__ import annotations

from sqlite3 import Connection
from typing import TypeVar

import msgspec

from daemon.engine.outcome import Vitals
from daemon.instance.control import answers
from daemon.instance.database import reading
from daemon.instance.lock import is_held
from daemon.instance.paths import StateDir
from daemon.views.status import RestingStatus, scoped_halts
from market.desk import Desk
from market.errors import InputDamaged
from shadow.report.score import StageScore, score
from shadow.report.shortfall import Shortfall, shortfall

T = TypeVar("T")


def fresh(equity_usd: float) -> RestingStatus:
    """Return the status of a state that does not exist yet, which will begin with so much."""
    return RestingStatus(
        running=False,
        mode=None,
        signals=0,
        admitted=0,
        blocked=0,
        phantoms=0,
        open_phantoms=0,
        equity_usd=equity_usd,
        start_usd=equity_usd,
        halts={},
        latched="",
        alarms=0,
        database=None,
        last_seen_ns=None,
    )


def alive(where: StateDir) -> bool:
    """Say whether a daemon runs here, though it may have lost its lock or not answer."""
    return is_held(where) or answers(where.socket)


def at_rest(where: StateDir, equity_usd: float) -> RestingStatus:
    """Return the status of a state that no daemon answers for, from its database.

    `equity_usd` is what the desk will begin with where none was ever committed.
    """
    with reading(where) as db:
        desk, vitals = kept(db, "desk", Desk), kept(db, "vitals", Vitals)
        # Counted by the desk: whoever counts rows reads millions.
        seen = Vitals() if vitals is None else vitals
        (still_open,) = db.execute(
            "SELECT COUNT(*) FROM trade WHERE kind = 'phantom' AND status <> 'closed'"
            " AND cause IN ('block', 'stage')"
        ).fetchone()
        alarms = db.execute("SELECT COUNT(*) FROM alarm").fetchone()[0]
    return RestingStatus(
        running=alive(where),
        mode=where.folder,
        signals=seen.admitted + seen.blocked,
        admitted=seen.admitted,
        blocked=seen.blocked,
        phantoms=seen.phantoms,
        open_phantoms=still_open,
        equity_usd=equity_usd if desk is None else desk.equity_e6 / 1e6,
        start_usd=equity_usd if desk is None else desk.start_e6 / 1e6,
        halts={} if desk is None else desk.halts,
        halted=[] if desk is None else scoped_halts(desk),
        latched="" if desk is None else desk.latched,
        alarms=alarms,
        database=str(where.database),
        last_seen_ns=None if vitals is None else vitals.now_ns,
    )


def orchestration(where: StateDir | None) -> tuple[list[StageScore], Shortfall]:
    """Return from the database what each stage from signal to fill has added, and what was paid."""
    if where is None or not where.database.exists():
        return [], Shortfall()
    with reading(where) as db:
        return score(db), shortfall(db)


def kept(db: Connection, key: str, kind: type[T]) -> T | None:
    """Return a piece of durable state, None where it was never written; raises InputDamaged."""
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else decoded(row[0], kind)


def decoded(text: str, kind: type[T]) -> T:
    """Return a piece of durable state from its JSON; raises InputDamaged."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputDamaged(f"the state in the database cannot be read ({error})") from None
