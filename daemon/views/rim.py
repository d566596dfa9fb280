"""The running process as the views see it: its engine, and figures that no event carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    # A status at rest has no engine, and need not load one.
    from daemon.engine.engine import Engine


class RecentSignal(Struct):
    """One of the newest signals, with its verdict and which filters refused it."""

    ts_ns: int
    bot: str
    coin: str
    side: str
    verdict: str
    failing: str
    reason: str
    signal_id: int


class Figures(Struct):
    """Clock, feed, journal, disk, loop and lens process of a running daemon.

    Times in UTC nanoseconds. `frames` is what the session has heard, `skipped` what was passed
    over for a newer book, `gone` why a coin was left out at the start, by coin. `requests` is how
    much history is still asked for, `loop_late_ms` how late the newest second was,
    `gc_pause_ms_max` the longest collection since it was ready, `wall_ahead_ns` how far the wall
    clock is ahead of the stamps, `journal_depth` how many rows wait to be committed, `memory_mb`
    what of the process is in memory.
    """

    mode: str
    network: str
    ready: bool
    now_ns: int
    started_ns: int
    frames: int
    skipped: int
    violations: dict[str, int]
    connected: bool
    connects: int
    recent: list[RecentSignal]
    recording: bool
    disk_free_mb: float
    loop_late_ms: float
    gc_pause_ms_max: float
    gone: dict[str, str]
    requests: int
    wall_ahead_ns: int
    lenses_warm: bool
    lenses_waiting: int
    lens_answers: int
    database: str
    tape: str
    journal_depth: int = 0
    commits: int = 0
    memory_mb: float = 0.0


class Rim(Protocol):
    """A running daemon, as far as the views need it."""

    @property
    def engine(self) -> Engine:
        """Return the engine it runs."""

    def figures(self) -> Figures:
        """Return its figures at this moment."""
