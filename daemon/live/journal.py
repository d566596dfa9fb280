"""Journal: tape lines first, then the rows they explain, on their way to disk.

The loop only appends to memory. A single writer thread takes everything pending at once, writes
the tape's lines and syncs them, and then commits rows and durable state in one transaction. So
whatever the database holds, the tape can explain; and a crash between the two loses rows that
nobody was told of.

Alarms, trials, weights and whatever somebody waits for are committed at once. What became of
paper orders and phantoms, and the position in the tape may be some seconds late: each commit
writes every page it touches twice, and most of them touch the same ones.
Meanwhile the tape's lines are handed to the system as before, so only a machine that loses its
power loses them.

This is the project's one bounded queue. At four fifths of its limit entries are halted, at the
limit the feed is no longer read, so the venue is held back and nothing is dropped.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from daemon.engine.outcome import Outcome
from market.errors import InputDamaged
from shadow.store.rows import Rows
from shadow.store.store import Store
from venue.tape.lines import SUFFIX, segment_name
from venue.tape.writer import SegmentWriter, repair

T = TypeVar("T")

ROWS_MAX = 50_000
TAPE_BYTES_MAX = 64 << 20


@dataclass
class _Batch:
    """Pieces of tape, each with the segment it opens (None: goes on), rows, state, and up to
    which event they go.
    """

    pieces: list[_Piece] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)
    state: dict[str, str | None] = field(default_factory=dict)
    seq: int = 0


@dataclass
class _Piece:
    lines: bytearray
    opens: Path | None = None
    closes: bool = False


class Journal:
    """Pending lines and rows; `run` commits them at most `commit_s` later, at most `quiet_s` when
    none of them presses.

    `pressure` is called with "ok", "high" or "full" when that changes; `failed` with the reason
    when a commit fails and "" once one succeeds again; `tape_failed` with the reason when the
    tape cannot be written, after which lines are dropped until a new segment is opened.
    """

    def __init__(
        self,
        store: Store,
        *,
        commit_s: float,
        quiet_s: float,
        durable: Callable[[], dict[str, str | None]],
        position: Callable[[], int],
        pressure: Callable[[str], None],
        failed: Callable[[str], None],
        tape_failed: Callable[[str], None],
    ) -> None:
        self._store = store
        self._commit_s = commit_s
        self._quiet_s = quiet_s
        self._durable = durable
        self._position = position
        self._pressure = pressure
        self._failed = failed
        self._tape_failed = tape_failed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._batch = _Batch()
        self._writer: SegmentWriter | None = None
        self._torn: Path | None = None
        self._recording = False
        self._level = "ok"
        self._failure = ""
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._trusted = True
        self._presses = False
        self._committed_at = 0.0
        self.committed_seq = 0
        self.commits = 0
        # Where rows wait that found no way into the database by the end.
        self.aside: Path | None = None

    # The loop's side.

    def line(self, line: bytes) -> None:
        """Take a tape line."""
        if self._recording:
            self._batch.pieces[-1].lines += line

    def absorb(self, outcome: Outcome) -> None:
        """Take an outcome's rows."""
        if self._trusted:
            self._batch.rows.extend(outcome.rows)
            self._presses = self._presses or outcome.presses

    def open_segment(self, folder: Path, first_seq: int, now_ns: int, header: bytes) -> None:
        """Begin a segment with its header line."""
        path = folder / segment_name(first_seq, now_ns)
        self._batch.pieces.append(_Piece(bytearray(header), opens=path))
        self._recording = True

    def close_segment(self, last: bytes) -> None:
        """End the segment with its last line; further lines are dropped until one is opened."""
        if self._recording:
            self.line(last)
            self._batch.pieces[-1].closes = True
            self._recording = False

    def distrust(self) -> None:
        """Drop rows and state not yet committed, and all to come; the tape still gets its lines."""
        self._trusted = False
        self._batch.rows, self._batch.state = Rows(), {}
        self._durable = dict

    @property
    def failure(self) -> str:
        """Return why the newest commit failed, "" when it did not."""
        return self._failure

    @property
    def depth(self) -> int:
        """Return how many rows wait to be committed."""
        return self._batch.rows.size()

    @property
    def recording(self) -> bool:
        """Say whether lines go to a tape."""
        return self._recording

    async def commit(self, seq: int) -> None:
        """Return once everything up to an event is on disk."""
        if self.committed_seq >= seq:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((seq, waiter))
        self._wake.set()
        await waiter

    async def run(self) -> None:
        """Commit what is pending, again and again."""
        while True:
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._commit_s)
            if self._due():
                await self.flush()
            else:
                await asyncio.shield(self._write_ahead())

    def _due(self) -> bool:
        if self._waiters or self._presses or self._failure:
            return True
        late = asyncio.get_running_loop().time() - self._committed_at
        return late >= self._quiet_s or self._batch.rows.size() >= ROWS_MAX // 10

    async def flush(self) -> None:
        """Commit everything pending now; on failure keep it for the next time.

        Whoever waits for it may be cancelled. The commit itself may not, or the rows it has
        taken would be gone.
        """
        await asyncio.shield(self._flush_in_turn())

    async def _flush_in_turn(self) -> None:
        async with self._turn:
            await self._flush()

    async def _write_ahead(self) -> None:
        """Hand the tape's lines to the system; their rows wait."""
        async with self._turn:
            self._weigh(self._batch)
            pieces, self._batch.pieces = self._batch.pieces, self._next_pieces()
            await self._tape(pieces, sync=False)

    def _next_pieces(self) -> list[_Piece]:
        return [_Piece(bytearray())] if self._recording else []

    async def _tape(self, pieces: list[_Piece], *, sync: bool) -> None:
        write = partial(self._write_tape, pieces, sync=sync)
        failure = await asyncio.get_running_loop().run_in_executor(self._thread, write)
        if failure:
            self._recording = False
            self._batch.pieces.clear()
            self._tape_failed(failure)

    async def _flush(self) -> None:
        batch, self._batch = self._batch, _Batch(self._next_pieces())
        self._presses = False
        loop = asyncio.get_running_loop()
        self._committed_at = loop.time()
        batch.state.update(self._durable())
        batch.seq = self._position()
        self._weigh(batch)
        await self._tape(batch.pieces, sync=True)
        try:
            await loop.run_in_executor(self._thread, self._store.write, batch.rows, batch.state)
        except (sqlite3.Error, OSError) as error:
            if self._trusted:
                batch.rows.extend(self._batch.rows)
                self._batch.rows = batch.rows
                self._batch.state = {**batch.state, **self._batch.state}
            self._report(f"{type(error).__name__}: {error}")
            return
        self._report("")
        self.committed_seq = batch.seq
        self.commits += 1
        self._weigh(self._batch)
        for seq, waiter in self._waiters:
            if seq <= batch.seq and not waiter.done():
                waiter.set_result(None)
        self._waiters = [(seq, w) for seq, w in self._waiters if not w.done()]

    def _report(self, failure: str) -> None:
        if failure != self._failure:
            self._failure = failure
            self._failed(failure)

    def _weigh(self, batch: _Batch) -> None:
        lines = sum(len(piece.lines) for piece in batch.pieces)
        share = max(batch.rows.size() / ROWS_MAX, lines / TAPE_BYTES_MAX)
        level = "full" if share >= 1.0 else "high" if share >= 0.8 else "ok"
        if level != self._level:
            self._level = level
            self._pressure(level)

    async def close(self, last: bytes) -> None:
        """End the tape, commit the rest, close the database."""
        self.close_segment(last)
        await self.flush()
        if self._failure and self._trusted:
            await self._put_aside()
        try:
            # What cannot be folded into the file stays in its log, which is as good.
            with suppress(sqlite3.Error):
                await self.in_thread(self._store.close)
        finally:
            self._thread.shutdown()

    async def _put_aside(self) -> None:
        """Keep what cannot be committed in a file beside, for the next start to take in."""
        batch = self._batch
        with suppress(OSError):
            self.aside = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._store.put_aside, batch.rows, batch.state
            )

    def in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run other work on the database in the writer's thread, between two commits."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    # The writer thread's side.

    def _write_tape(self, pieces: list[_Piece], *, sync: bool) -> str:
        """Write pieces of tape; return why that failed, "" when it did not.

        A segment that could not be written whole is abandoned: its checked groups stay readable,
        and it is ended properly before the next begins. One without even its header is no segment.
        """
        piece = _Piece(bytearray())
        try:
            for piece in pieces:
                if piece.opens is not None:
                    self._mend()
                    self._writer = SegmentWriter(piece.opens)
                if self._writer is not None and piece.closes:
                    self._writer.close(bytes(piece.lines))
                    self._writer = None
                elif self._writer is not None:
                    self._writer.write(bytes(piece.lines), sync=sync)
        except OSError as error:
            if self._writer is not None:
                self._give_up(self._writer, begun=piece.opens is None)
                self._writer = None
            return f"{error.strerror}"
        return ""

    def _give_up(self, writer: SegmentWriter, *, begun: bool) -> None:
        if begun:
            writer.abandon()
            self._torn = writer.path
        else:
            with suppress(OSError):
                writer.discard()

    def _mend(self) -> None:
        """End a segment that could not be written to its end; raises OSError."""
        if self._torn is not None:
            # One that cannot even be read stays as it is, for whoever verifies the tape.
            with suppress(InputDamaged):
                repair(self._torn)
            self._torn = None


def expired_segments(
    paths: Iterable[Path], *, now_s: float, days: float, bytes_max: float
) -> list[Path]:
    """Return the segments to delete, oldest first: too old, or beyond the bytes allowed.

    The newest segment is always kept: it is being written.
    """
    segments = sorted(path for path in paths if path.name.endswith(SUFFIX))
    sizes = {path: path.stat() for path in segments}
    total = sum(stat.st_size for stat in sizes.values())
    doomed = []
    for path in segments[:-1]:
        old = now_s - sizes[path].st_mtime > days * 86_400
        if not old and total <= bytes_max:
            break
        doomed.append(path)
        total -= sizes[path].st_size
    return doomed
