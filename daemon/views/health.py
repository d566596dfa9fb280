"""Am I all right? What a daemon says of itself, or what can be known while it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Literal

from msgspec import Struct, field

from daemon.instance.control import Refused, Request, StillStarting, ask
from daemon.instance.database import reading
from daemon.instance.lock import is_held
from daemon.instance.paths import StateDir
from daemon.version import code_version
from daemon.views.at_rest import kept
from daemon.views.panels.money import Loss, loss_of
from daemon.views.status import RunningStatus
from market.desk import Desk
from market.errors import GnomonError, VenueUnreachable
from market.events import NS_PER_MS

State = Literal["running", "starting", "stopped", "silent", "never"]
NS_PER_DAY = 86_400 * 10**9
ALARMS_MAX = 20
ASK_WITHIN_S = 3.0


class Alarm(Struct):
    """Something the operator should know."""

    ts_ms: int
    kind: str
    message: str


class Health(Struct, kw_only=True):
    """State of a daemon; `words` says what it waits for, or why nothing can be known.

    `since_ms` is when it was last alive where it does not answer. `release` are the commands that
    open entries again.
    """

    state: State
    words: str
    since_ms: int | None
    now_ms: int
    mode: str
    version: str
    status: RunningStatus | None
    loss: Loss | None
    halts: dict[str, str]
    latched: str
    release: list[str]
    alarms_today: list[Alarm] = field(default_factory=list)
    readable: bool = True


def asked(state: StateDir) -> RunningStatus | tuple[State, str]:
    """Return what the daemon says, or in which state it is and why it says nothing."""
    try:
        return ask(state.socket, Request("status"), RunningStatus, timeout_s=ASK_WITHIN_S)
    except StillStarting as error:
        return "starting", error.phase
    except Refused as error:
        return "silent", str(error)
    except VenueUnreachable as error:
        if is_held(state):
            return "silent", str(error)
    if not state.database.exists():
        return "never", "no daemon has run here; `gnomon run` starts one"
    return "stopped", "no daemon runs"


def health(state: StateDir, answer: RunningStatus | tuple[State, str], now_ns: int) -> Health:
    """Return the state of a daemon with what its database adds."""
    status = answer if isinstance(answer, RunningStatus) else None
    running: tuple[State, str] = ("running", "")
    kind, words = running if isinstance(answer, RunningStatus) else answer
    found = Health(
        state=kind,
        words=words,
        since_ms=None,
        now_ms=now_ns // NS_PER_MS,
        mode=state.folder,
        version=code_version(),
        status=status,
        loss=None,
        halts={} if status is None else status.halts,
        latched="" if status is None else status.latched,
        release=[],
    )
    try:
        with reading(state) as db:
            _add(found, db, now_ns)
    except GnomonError as error:
        # Not there yet, of another version, or damaged: the page says so and looks again.
        found.readable = False
        found.words = found.words or str(error)
    if found.halts or found.latched:
        found.release = ["gnomon resume"]
    return found


def _add(found: Health, db: Connection, now_ns: int) -> None:
    desk = kept(db, "desk", Desk)
    if desk is not None:
        found.loss = loss_of(db, desk)
        if found.status is None:
            found.halts, found.latched = desk.halts, desk.latched
    midnight = now_ns - now_ns % NS_PER_DAY
    rows = db.execute(
        "SELECT ts_ns, kind, message FROM alarm WHERE ts_ns >= ? ORDER BY ts_ns DESC LIMIT ?",
        (midnight, ALARMS_MAX),
    )
    found.alarms_today = [Alarm(ts // NS_PER_MS, kind, message) for ts, kind, message in rows]
    if found.status is None:
        newest = db.execute("SELECT MAX(ts_ns) FROM equity").fetchone()[0]
        found.since_ms = None if newest is None else newest // NS_PER_MS
        ended = db.execute("SELECT ended_ns FROM run ORDER BY run_id DESC LIMIT 1").fetchone()
        if found.state == "stopped" and ended is not None and ended[0] is None:
            found.state = "silent"
            when = (
                datetime.fromtimestamp(newest // 10**9, UTC).strftime("%H:%M:%S") if newest else ""
            )
            found.words = f"it ended without a word; last seen {when} UTC".rstrip()
