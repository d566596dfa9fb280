from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.engine.outcome import Outcome
from daemon.live import journal as module
from daemon.live.journal import Journal, expired_segments
from shadow.store.rows import Rows
from shadow.store.store import Store
from shadow.store.tables.alarms import AlarmRow
from shadow.store.tables.desk import EquityRow
from venue.tape.lines import FORMAT, SUFFIX, Header, record_line, segment_name
from venue.tape.segment import Segment
from venue.tape.writer import SegmentWriter


@dataclass
class Desk:
    """A journal on real files, and what it told the daemon."""

    path: Path
    journal: Journal
    store: Store
    seq: int = 0
    state: dict[str, str | None] = field(default_factory=dict)
    pressure: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    tape_failed: list[str] = field(default_factory=list)

    def alarm(self, message: str = "x") -> int:
        """Put an event with one row and one line through, as the intake would."""
        self.seq += 1
        self.journal.line(record_line("T", self.seq))
        rows = Rows(alarms=[AlarmRow(self.seq, self.seq, "test", message)])
        self.journal.absorb(Outcome(self.seq, rows))
        self.state["vitals"] = str(self.seq)
        return self.seq

    def quiet(self) -> int:
        """Put an event through whose row presses nobody."""
        self.seq += 1
        self.journal.line(record_line("T", self.seq))
        self.journal.absorb(Outcome(self.seq, Rows(equity=[EquityRow(self.seq, *[0] * 7)])))
        self.state["vitals"] = str(self.seq)
        return self.seq

    def open(self) -> None:
        header = record_line("H", self.seq, {"seq": self.seq})
        self.journal.open_segment(self.path, self.seq + 1, self.seq, header)

    @property
    def committed(self) -> list[int]:
        """Return the events whose rows another connection can see."""
        db = sqlite3.connect(f"file:{self.path}/gnomon.db?mode=ro", uri=True)
        try:
            return [row[0] for row in db.execute("SELECT seq FROM alarm ORDER BY rowid")]
        finally:
            db.close()

    @property
    def taped(self) -> list[int]:
        """Return the events whose lines can be read from the files."""
        return [
            r.ns
            for path in sorted(self.path.glob(f"*{SUFFIX}"))
            for r in Segment(path).records()
            if r.kind == "T"
        ]

    def segments(self) -> list[Path]:
        return sorted(self.path.glob(f"*{SUFFIX}"))


@asynccontextmanager
async def desk(path: Path, *, commit_s: float = 0.02, quiet_s: float = 0.02) -> AsyncIterator[Desk]:
    store = Store(path / "gnomon.db", mode="local", network="local")
    store.write(Rows())
    holder: list[Desk] = []
    journal = Journal(
        store,
        commit_s=commit_s,
        quiet_s=quiet_s,
        durable=lambda: dict(holder[0].state),
        position=lambda: holder[0].seq,
        pressure=lambda level: holder[0].pressure.append(level),  # noqa: PLW0108 - filled below
        failed=lambda why: holder[0].failed.append(why),  # noqa: PLW0108 - filled below
        tape_failed=lambda why: holder[0].tape_failed.append(why),  # noqa: PLW0108 - filled below
    )
    holder.append(Desk(path, journal, store))
    try:
        yield holder[0]
    finally:
        await journal.close(record_line("E", holder[0].seq, {"why": "end"}))


def with_desk(path: Path, play: Callable[[Desk], Any], **options: Any) -> None:
    async def main() -> None:
        async with desk(path, **options) as d:
            await play(d)

    asyncio.run(main())


class Spy:
    """Keeps in one order what reaches the tape file, its disk, and the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.story: list[tuple[str, Any]] = []
        self.hold_write = threading.Event()
        self.hold_write.set()
        self.errors: list[Exception] = []
        real_put, real_sync, real_write = SegmentWriter._put, os.fdatasync, Store.write

        def put(writer: Any, lines: bytes, flush: int) -> None:
            real_put(writer, lines, flush)
            self.story.append(("tape", [int(x.split(b" ")[1]) for x in lines.splitlines()]))

        def sync(fd: int) -> None:
            self.hold_write.wait(5)
            real_sync(fd)
            self.story.append(("sync", None))

        def write(store: Store, rows: Rows, state: Any = None) -> None:
            if self.errors:
                raise self.errors.pop(0)
            real_write(store, rows, state)
            self.story.append(("rows", [row.seq for row in rows.alarms]))

        monkeypatch.setattr(SegmentWriter, "_put", put)
        monkeypatch.setattr(os, "fdatasync", sync)
        monkeypatch.setattr(Store, "write", write)


def test_lines_reach_the_disk_before_any_row_of_them_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        d.open()
        spy.story.clear()
        for _ in range(5):
            for _ in range(3):
                d.alarm()
            await d.journal.flush()

    with_desk(tmp_path, play)
    on_disk: set[int] = set()
    written: set[int] = set()
    commits = 0
    for what, seqs in spy.story:
        if what == "tape":
            written |= set(seqs)
        elif what == "sync":
            on_disk |= written
        else:
            assert set(seqs) <= on_disk
            commits += bool(seqs)
    assert commits == 5


def test_what_comes_in_between_is_committed_together_and_late_by_no_more_than_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        d.open()
        task = asyncio.create_task(d.journal.run())
        began = time.monotonic()
        for _ in range(40):
            d.alarm()
            await asyncio.sleep(0.005)
        await d.journal.commit(d.seq)
        assert d.committed == list(range(1, 41))
        commits = [seqs for what, seqs in spy.story if what == "rows" and seqs]
        took = time.monotonic() - began
        assert 2 <= len(commits) <= took / 0.05 + 3
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with_desk(tmp_path, play, commit_s=0.05)


def test_a_commit_asked_for_returns_once_that_event_is_on_disk_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        d.open()
        task = asyncio.create_task(d.journal.run())
        await d.journal.commit(0)
        seq = d.alarm()
        waiting = asyncio.create_task(d.journal.commit(seq))
        spy.hold_write.clear()
        await asyncio.sleep(0.1)
        assert not waiting.done()
        spy.hold_write.set()
        await waiting
        assert d.committed == [seq] and d.taped == [seq]
        assert d.journal.committed_seq >= seq
        began = time.monotonic()
        await d.journal.commit(seq)
        assert time.monotonic() - began < 0.05
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    # With a minute between commits only the asking itself can be what commits.
    with_desk(tmp_path, play, commit_s=60.0)


def test_what_does_not_press_waits_and_its_lines_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines are in the file within `commit_s`, synced only with the rows they explain."""
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        d.open()
        await d.journal.flush()
        task = asyncio.create_task(d.journal.run())
        spy.story.clear()
        for _ in range(4):
            d.quiet()
            await asyncio.sleep(0.05)
        assert d.taped == [1, 2, 3, 4] and d.journal.committed_seq == 0
        assert {what for what, _ in spy.story} == {"tape"}, "neither synced nor committed"
        await until(lambda: d.journal.committed_seq == 4)
        assert [what for what, _ in spy.story][-2:] == ["sync", "rows"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with_desk(tmp_path, play, commit_s=0.01, quiet_s=0.6)


def test_an_alarm_takes_everything_before_it_along_at_once(tmp_path: Path) -> None:
    async def play(d: Desk) -> None:
        d.open()
        await d.journal.flush()
        task = asyncio.create_task(d.journal.run())
        d.quiet()
        d.alarm()
        await until(lambda: d.journal.committed_seq == 2)
        assert d.committed == [2]
        d.quiet()
        await d.journal.commit(3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with_desk(tmp_path, play, commit_s=0.01, quiet_s=60.0)


@pytest.mark.parametrize(
    ("outcome", "presses"),
    [
        (Outcome(1, Rows(equity=[EquityRow(1, *[0] * 7)])), False),
        (Outcome(1, Rows(alarms=[AlarmRow(1, 1, "kind", "words")])), True),
        (Outcome(1), False),
    ],
)
def test_an_alarm_presses_and_a_minute_of_equity_does_not(outcome: Outcome, presses: bool) -> None:
    assert outcome.presses is presses


async def until(met: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if met():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to be")


def test_rows_that_could_not_be_committed_are_kept_in_order_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        d.open()
        spy.errors += [sqlite3.OperationalError("database or disk is full")] * 3
        waiting = None
        for i in range(3):
            seq = d.alarm()
            waiting = waiting or asyncio.create_task(d.journal.commit(seq))
            await d.journal.flush()
            assert d.committed == [] and d.journal.committed_seq == 0
            assert not waiting.done(), f"told of a commit that failed ({i})"
        assert len(d.failed) == 1 and "disk is full" in d.failed[0], "told once"
        d.alarm()
        await d.journal.flush()
        assert d.failed[1:] == [""]
        assert d.committed == [1, 2, 3, 4]
        assert d.taped == [1, 2, 3, 4], "the tape went on meanwhile"
        await asyncio.wait_for(waiting, 1)  # type: ignore[arg-type]
        assert d.store.state()["vitals"] == "4"

    with_desk(tmp_path, play)


def test_state_that_could_not_be_committed_is_kept_unless_it_is_older_than_what_came_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        spy.errors += [sqlite3.OperationalError("database or disk is full")]
        # A piece is told of once, when it changes.
        d.alarm()
        d.state = {"desk": "old", "key/a": "1", "key/b": "1"}
        await d.journal.flush()
        d.alarm()
        d.state = {"desk": "new", "key/b": None}
        await d.journal.flush()
        assert d.failed[-1] == "" and d.committed == [1, 2]
        found = d.store.state()
        assert {name: found.get(name) for name in ("desk", "key/a", "key/b")} == {
            "desk": "new", "key/a": "1", "key/b": None,
        }  # fmt: skip

    with_desk(tmp_path, play)


def test_a_database_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    async def play(d: Desk) -> None:
        d.store._connection.execute("PRAGMA busy_timeout=50").fetchall()
        other = sqlite3.connect(tmp_path / "gnomon.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        d.alarm()
        await d.journal.flush()
        assert d.failed and "locked" in d.failed[0]
        other.execute("ROLLBACK")
        other.close()
        await d.journal.flush()
        assert d.failed[-1] == "" and d.committed == [1]

    with_desk(tmp_path, play)


def test_a_tape_that_cannot_be_written_stops_and_rows_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(d: Desk) -> None:
        d.open()
        d.alarm()
        await d.journal.flush()

        def full(writer: Any, lines: bytes, **_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as m:
            m.setattr(SegmentWriter, "write", full)
            d.alarm()
            await d.journal.flush()
        assert d.tape_failed == ["No space left on device"]
        assert not d.journal.recording
        d.alarm()
        await d.journal.flush()
        assert d.committed == [1, 2, 3] and not d.failed
        assert d.taped == [1], "what was written before stays readable"
        assert d.tape_failed == ["No space left on device"], "told once"
        d.open()
        d.alarm()
        await d.journal.flush()
        assert d.taped == [1, 4] and len(d.segments()) == 2

    with_desk(tmp_path, play)


HEADER = Header(FORMAT, "v", "local", "local", 7, 1, {}, [], "nobody")


def failing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def half(writer: Any, lines: bytes, **_: Any) -> None:
        writer._file.write(b"half a gr")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SegmentWriter, "write", half)
    return monkeypatch


def test_a_segment_that_could_not_be_written_is_ended_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would look like a tape that was cut off where nothing should be."""

    async def play(d: Desk) -> None:
        d.journal.open_segment(tmp_path, 1, 0, record_line("H", 0, HEADER))
        d.alarm()
        await d.journal.flush()
        with monkeypatch.context() as m:
            failing(m)
            d.alarm()
            await d.journal.flush()
        (first,) = d.segments()
        with monkeypatch.context() as m:
            m.setattr("daemon.live.journal.repair", no_space)
            d.open()
            await d.journal.flush()
        assert d.tape_failed == ["No space left on device"] * 2 and d.segments() == [first]
        d.open()
        d.alarm()
        await d.journal.flush()
        records = list(Segment(first).records())
        assert [r.kind for r in records] == ["H", "T", "E"]
        assert msgspec.json.decode(records[-1].payload)["why"] == "torn"
        assert d.taped == [1, 3]

    with_desk(tmp_path, play)


def no_space(path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_segment_without_even_its_header_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(d: Desk) -> None:
        with monkeypatch.context() as m:
            failing(m)
            d.open()
            await d.journal.flush()
        assert d.segments() == [] and len(d.tape_failed) == 1
        d.open()
        d.alarm()
        await d.journal.flush()
        assert d.taped == [1] and len(d.segments()) == 1

    with_desk(tmp_path, play)


def test_a_segment_whose_file_cannot_be_made_is_a_tape_that_stops(tmp_path: Path) -> None:
    async def play(d: Desk) -> None:
        d.journal.open_segment(tmp_path / "nowhere", 1, 1, record_line("H", 1, {}))
        d.alarm()
        await d.journal.flush()
        assert d.tape_failed == ["No such file or directory"]
        assert d.committed == [1]

    with_desk(tmp_path, play)


def test_rotation_ends_one_segment_and_begins_the_next_without_losing_a_line(
    tmp_path: Path,
) -> None:
    async def play(d: Desk) -> None:
        d.open()
        for number in range(6):
            d.alarm()
            if number % 2:
                d.journal.close_segment(record_line("E", d.seq, {"why": "rotated"}))
                d.open()
            if number % 3 == 2:
                await d.journal.flush()

    with_desk(tmp_path, play)
    found = []
    paths = sorted(tmp_path.glob(f"*{SUFFIX}"))
    for path in paths:
        segment = Segment(path)
        records = list(segment.records())
        assert not segment.torn and segment.dropped == 0
        assert records[0].kind == "H" and records[-1].kind == "E"
        found += [r.ns for r in records if r.kind == "T"]
    assert found == [1, 2, 3, 4, 5, 6] and len(paths) == 4


def test_lines_between_two_segments_are_dropped_not_smuggled_into_the_next(
    tmp_path: Path,
) -> None:
    async def play(d: Desk) -> None:
        d.alarm()
        d.open()
        d.alarm()
        d.journal.close_segment(record_line("E", d.seq, {}))
        assert not d.journal.recording
        d.alarm()
        await d.journal.flush()
        d.journal.close_segment(record_line("E", d.seq, {}))
        d.open()
        d.alarm()

    with_desk(tmp_path, play)
    taped = [
        r.ns
        for path in sorted(tmp_path.glob(f"*{SUFFIX}"))
        for r in Segment(path).records()
        if r.kind == "T"
    ]
    assert taped == [2, 4]


def test_closing_ends_the_tape_commits_the_rest_and_folds_the_database(tmp_path: Path) -> None:
    async def play(d: Desk) -> None:
        d.open()
        d.alarm()

    with_desk(tmp_path, play)
    (path,) = tmp_path.glob(f"*{SUFFIX}")
    assert [r.kind for r in Segment(path).records()] == ["H", "T", "E"]
    assert {p.name for p in tmp_path.iterdir()} == {"gnomon.db", path.name}
    db = sqlite3.connect(tmp_path / "gnomon.db")
    assert db.execute("SELECT seq FROM alarm").fetchall() == [(1,)]
    db.close()


def test_stopping_in_the_middle_of_a_commit_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An orderly stop cancels the journal's task wherever it happens to be."""
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        d.open()
        task = asyncio.create_task(d.journal.run())
        await asyncio.sleep(0.05)
        spy.hold_write.clear()
        d.alarm()
        d.state["trade/1"] = "open"
        await asyncio.sleep(0.1)
        d.state.pop("trade/1")
        task.cancel()
        await asyncio.sleep(0.05)
        spy.hold_write.set()
        await asyncio.gather(task, return_exceptions=True)
        d.alarm()
        await d.journal.flush()
        assert d.committed == [1, 2] and d.taped == [1, 2]
        assert d.store.state()["trade/1"] == "open"

    with_desk(tmp_path, play)


def test_pressure_is_told_at_four_fifths_at_the_limit_and_when_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_MAX", 100)
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        for count, level in ((79, []), (1, ["high"]), (19, ["high"]), (1, ["high", "full"])):
            spy.errors.append(sqlite3.OperationalError("busy"))
            for _ in range(count):
                d.alarm()
            await d.journal.flush()
            assert d.pressure == level
        await d.journal.flush()
        assert d.pressure == ["high", "full", "ok"]
        assert d.committed == list(range(1, 101)), "nothing is dropped"

    with_desk(tmp_path, play)


def test_a_tape_that_piles_up_is_pressure_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAPE_BYTES_MAX", 1000)

    async def play(d: Desk) -> None:
        d.open()
        d.journal.line(b"F 1 " + b"x" * 900 + b"\n")
        await d.journal.flush()
        assert d.pressure == ["high", "ok"]

    with_desk(tmp_path, play)


def test_after_distrust_no_row_and_no_state_is_written_but_the_tape_goes_on(
    tmp_path: Path,
) -> None:
    async def play(d: Desk) -> None:
        d.open()
        d.alarm("sound")
        await d.journal.flush()
        d.alarm("half done")
        d.journal.distrust()
        d.alarm("after")
        d.state["desk"] = "broken"
        await d.journal.flush()
        d.alarm("later still")
        await d.journal.flush()
        assert d.committed == [1]
        assert d.store.state() == {"vitals": "1"}
        assert d.taped == [1, 2, 3, 4]

    with_desk(tmp_path, play)


def test_rows_of_a_failed_commit_are_forgotten_by_distrust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)

    async def play(d: Desk) -> None:
        d.alarm()
        spy.errors.append(sqlite3.OperationalError("busy"))
        await d.journal.flush()
        d.journal.distrust()
        await d.journal.flush()
        assert d.committed == []

    with_desk(tmp_path, play)


def test_other_work_on_the_database_runs_between_two_commits(tmp_path: Path) -> None:
    async def play(d: Desk) -> None:
        threads: set[str] = set()
        d.alarm()
        flush = asyncio.create_task(d.journal.flush())
        await d.journal.in_thread(lambda: threads.add(threading.current_thread().name))
        await flush
        assert all(name.startswith("journal") for name in threads) and threads

    with_desk(tmp_path, play)


# Retention.


def segment(folder: Path, number: int, *, size: int, age_days: float, now_s: float) -> Path:
    path = folder / segment_name(number, number * 10**9)
    path.write_bytes(b"x" * size)
    os.utime(path, (now_s - age_days * 86_400,) * 2)
    return path


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=10),
    days=st.floats(0.5, 12.0),
    bytes_max=st.integers(0, 300),
)
def test_segments_go_oldest_first_by_age_and_by_bytes_and_never_the_newest(
    sizes: list[int], days: float, bytes_max: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tape")
    now_s = 1e9
    paths = [
        segment(folder, i + 1, size=size, age_days=len(sizes) - 1 - i, now_s=now_s)
        for i, size in enumerate(sizes)
    ]
    (folder / "notes.txt").write_bytes(b"x" * 1000)
    doomed = expired_segments(folder.iterdir(), now_s=now_s, days=days, bytes_max=bytes_max)
    kept = paths[len(doomed) :]
    assert doomed == paths[: len(doomed)]
    assert kept[-1:] == paths[-1:]
    total = sum(p.stat().st_size for p in kept)
    for path in kept[:-1]:
        assert now_s - path.stat().st_mtime <= days * 86_400
    assert total <= bytes_max or len(kept) == 1
    if doomed:
        last = doomed[-1]
        too_old = now_s - last.stat().st_mtime > days * 86_400
        assert too_old or total + last.stat().st_size > bytes_max, "no more than needed"


def test_an_empty_folder_has_nothing_to_expire(tmp_path: Path) -> None:
    assert expired_segments(tmp_path.iterdir(), now_s=0.0, days=1.0, bytes_max=0) == []
