"""Taping: what each segment of the tape opens and ends with, and the hour's turn.

A daemon writes through its journal, a recorder straight to the file; both say the same of where
a tape comes from, and both begin a new segment with every UTC hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from daemon.config.sections import Config
from daemon.engine import snapshot
from daemon.engine.engine import Engine
from daemon.live.telemetry import log
from daemon.version import code_version
from market.events import NS_PER_HOUR
from market.instrument import Instrument
from venue.address import shown
from venue.hyperliquid.session import Session
from venue.tape.lines import FORMAT, SUFFIX, Header, record_line
from venue.tape.segment import newest_name
from venue.tape.writer import repair

EMPTY = msgspec.Raw(b"null")


@dataclass(frozen=True)
class Origin:
    """Origin of a tape: mode, network, configuration, and the rules the venue at `rest`
    gave.
    """

    mode: str
    network: str
    config: Config
    instruments: list[Instrument]
    rest: str


class Opening(Struct):
    """The state that a segment opens with, and the number of its first event.

    `lenses` says that whatever the lens process finds will be on the tape.
    """

    first_seq: int
    lenses: bool = False
    session: msgspec.Raw = EMPTY
    engine: msgspec.Raw = EMPTY


class Recorded(Protocol):
    """Source of a tape: an engine, or a bare session."""

    def opening(self) -> Opening:
        """Return the state from which a segment that begins now replays."""

    def ending(self, why: str) -> dict[str, object]:
        """Return what the last line of a segment says."""


class Segments(Protocol):
    """Destination of lines; without an open segment they are dropped."""

    @property
    def recording(self) -> bool:
        """Say whether a segment is open."""

    def open_segment(self, folder: Path, first_seq: int, now_ns: int, header: bytes) -> None:
        """Begin a segment with its header line."""

    def close_segment(self, last: bytes) -> None:
        """End the segment with its last line."""


class EngineRecorded:
    """An engine on its tape: its whole state first, its number and digest last."""

    def __init__(self, engine: Engine, session: Session) -> None:
        self._engine = engine
        self._session = session

    def opening(self) -> Opening:
        """Return the whole state of session and engine."""
        return Opening(
            self._engine.vitals.seq + 1,
            True,
            msgspec.Raw(msgspec.json.encode(self._session.state())),
            msgspec.Raw(snapshot.whole(self._engine)),
        )

    def ending(self, why: str) -> dict[str, object]:
        """Return the number of the newest event and the digest up to it."""
        return {"why": why, "seq": self._engine.vitals.seq, "digest": self._engine.digest}


class Taping:
    """The tape of one run in one folder, segment by segment."""

    def __init__(
        self,
        folder: Path,
        segments: Segments,
        recorded: Recorded,
        *,
        origin: Origin,
        session: Session,
        now_ns: Callable[[], int],
    ) -> None:
        self._folder = folder
        self._segments = segments
        self._recorded = recorded
        self._origin = origin
        self._session = session
        self._now_ns = now_ns
        self._hour = now_ns() // NS_PER_HOUR

    def open(self) -> None:
        """Begin a segment."""
        now_ns = self._now_ns()
        opening, origin = self._recorded.opening(), self._origin
        header = Header(
            format=FORMAT,
            code_version=code_version(),
            mode=origin.mode,
            network=origin.network,
            seed=origin.config.seed,
            first_seq=opening.first_seq,
            config=origin.config.resolved(),
            instruments=origin.instruments,
            instruments_from=f"meta of {shown(origin.rest)}",
            after=newest_name(self._folder),
            subscriptions=msgspec.to_builtins(list(self._session.streams)),
            lenses=opening.lenses,
            lines=[line.coins for line in self._session.lines],
            session=opening.session,
            engine=opening.engine,
        )
        line = record_line("H", now_ns, header)
        self._segments.open_segment(self._folder, opening.first_seq, now_ns, line)

    def last_line(self, why: str) -> bytes:
        """Return the line that ends a segment now."""
        return record_line("E", self._now_ns(), self._recorded.ending(why))

    def close(self, why: str) -> None:
        """End the segment, if one is open."""
        if self._segments.recording:
            self._segments.close_segment(self.last_line(why))

    def rotate(self) -> None:
        """Begin a new segment when another hour has begun."""
        hour = self._now_ns() // NS_PER_HOUR
        if hour == self._hour:
            return
        self._hour = hour
        if self._segments.recording:
            self.close("rotated")
            self.open()


def mended(folder: Path) -> int:
    """End a tape that a crash tore; return the first event number that is surely free."""
    segments = sorted(p for p in folder.iterdir() if p.name.endswith(SUFFIX))
    if not segments:
        return 1
    found = repair(segments[-1])
    if found.was_torn:
        log.warning("tape was torn, mended", segment=segments[-1].name, dropped=found.dropped)
    return found.last_seq + 1
