"""What the rim tells others: its figures for the views, and its words for tape and database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from daemon.views.rim import Figures
from market.events import FeedDown, Notice, Recorded, StreamDown, Timer
from market.text import visible


def figures_of(daemon: Any) -> Figures:
    """Return what the views need to know beside the engine of a `Daemon`, which imports this."""
    return Figures(
        mode=daemon.state.folder,
        network=daemon.network,
        ready=daemon.readiness.ready,
        now_ns=daemon.clock.now_ns(),
        started_ns=daemon.started_ns,
        frames=daemon.session.frames,
        skipped=daemon.intake.skipped,
        violations=daemon.session.violations,
        connected=daemon.feed.connected,
        connects=daemon.feed.connects,
        recent=list(daemon.recent),
        recording=daemon.journal.recording,
        disk_free_mb=daemon.housekeeping.free_mb,
        loop_late_ms=daemon.late_ms,
        gc_pause_ms_max=daemon.readiness.gc_pause_ms_max,
        gone=daemon.gone,
        requests=daemon.history.outstanding,
        wall_ahead_ns=daemon.clock.wall_ahead_ns(),
        lenses_warm=daemon.lenses.warm,
        lenses_waiting=daemon.lenses.waiting,
        lens_answers=daemon.lenses.answers,
        database=visible(str(daemon.state.database)),
        tape=visible(str(daemon.state.tape)),
        journal_depth=daemon.journal.depth,
        commits=daemon.journal.commits,
        memory_mb=round(resident_mb(), 1),
    )


def resident_mb() -> float:
    """Return how much of this process is in memory, 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def fit_to_keep(event: Recorded | Timer) -> None:
    """Make what the venue, a file or an error said in words fit for the tape and the database."""
    match event:
        case Notice():
            event.message = visible(event.message)
        case FeedDown():
            event.reason = visible(event.reason)
        case StreamDown():
            event.cause = visible(event.cause)
        case _:
            pass
