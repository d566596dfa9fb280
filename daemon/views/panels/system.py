"""System: how large things are, how long they last, and what waits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection

from msgspec import Struct

from daemon.views.status import RunningStatus
from shadow.store.backup import STAMP, copies

MB = 1e6
NS_PER_DAY = 86_400 * 10**9


class Level(Struct):
    """One figure beside its limit or its growth, as texts."""

    name: str
    value: str
    limit: str


class SystemPanel(Struct):
    """The rows, and for how many days the disk lasts at the pace so far."""

    rows: list[Level]
    disk_days: float | None


def system_panel(
    db: Connection, database: Path, tape: Path, status: RunningStatus | None, now_ns: int
) -> SystemPanel:
    """Return the panel; what only a running daemon knows is a dash without one."""
    first = db.execute("SELECT MIN(started_ns) FROM run").fetchone()[0]
    days = (now_ns - first) / NS_PER_DAY if first else 0.0
    size, taped = _size(database), sum(map(_size, tape.glob("*")))
    growth = (size + taped) / days if days > 1 / 24 else None
    free = None if status is None else status.disk_free_mb * MB
    left = None if growth is None or free is None or growth <= 0 else free / growth
    rows = [
        Level(
            "Database", _mb(size), f"{_mb(size / days)} a day" if growth else "too early to tell"
        ),
        Level("Tape", _mb(taped), f"{_mb(taped / days)} a day" if growth else "too early to tell"),
        Level("Disk free", "–" if free is None else _mb(free), _lasts(left)),
        _backup(database, now_ns),
    ]
    if status is not None:
        rows += [
            Level("Loop late", f"{status.loop_late_ms:.1f} ms", "limit 50"),
            Level("Longest pause", f"{status.gc_pause_ms_max:.1f} ms", "garbage collection"),
            Level("Memory", f"{status.memory_mb:,.0f} MB", "of the daemon"),
            Level("Journal", f"{status.journal_depth:,} rows", "waiting"),
            Level("Lenses waiting", str(status.lenses.waiting), "process of its own"),
            Level("Frames", f"{status.frames:,}", f"{status.skipped:,} passed over"),
        ]
    return SystemPanel(rows, left)


def _backup(database: Path, now_ns: int) -> Level:
    """Say when the newest copy was made of those that the daily backup keeps beside the state."""
    mode = database.parent
    kept = copies(mode.parent / "backups", mode.name)
    if not kept:
        return Level("Last backup", "none", "one a day, by timer")
    when = datetime.strptime(kept[-1].stem.removeprefix(f"{mode.name}-"), STAMP).replace(tzinfo=UTC)
    days = (now_ns / 1e9 - when.timestamp()) / 86_400
    ago = f"{days * 24:,.0f} h ago" if days < 2 else f"{days:,.0f} days ago"
    return Level("Last backup", f"{when:%Y-%m-%d %H:%M} UTC", f"{ago}, {len(kept)} kept")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _mb(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _lasts(days: float | None) -> str:
    return "" if days is None else f"{min(days, 9_999):,.0f} days at this pace"
