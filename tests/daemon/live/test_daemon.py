from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import socket
import sqlite3
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import parse
from daemon.engine import commands
from daemon.instance import control
from daemon.instance.lock import alone
from daemon.instance.paths import StateDir
from daemon.live import daemon as module
from daemon.live.daemon import Daemon
from daemon.live.startup import Endpoint, Plan
from daemon.replay.player import Player
from market.errors import AnotherInstance, InvariantBroken, OperatorError
from market.events import Command, Notice
from shadow.store.check import broken_promises
from shadow.store.store import Store, open_readonly
from tests.daemon import rig
from tests.support import virtual
from venue.hyperliquid.info import InfoClient
from venue.tape.lines import Record
from venue.tape.segment import segments_of

Usage = namedtuple("Usage", "total used free")
NOWHERE = Endpoint("ws://127.0.0.1:9/ws", "http://127.0.0.1:9")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Undo what a running daemon does to its process."""
    thresholds = gc.get_threshold()
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def plan_of(path: Path, **config: Any) -> Plan:
    # What the lens process does for a daemon is shown by tests/daemon/lens/test_client.py.
    lens = {"enabled": False}
    settings = parse({"coins": list(rig.PAIR), "lens": lens, **config}, "test")
    state = StateDir(path, "local")
    state.create()
    return Plan(settings, "local", "testnet", state)


def daemon_of(path: Path, *, listed: Any = None, **config: Any) -> Daemon:
    """Wire a daemon whose venue does not exist."""
    plan = plan_of(path, **config)
    return Daemon(plan, NOWHERE, InfoClient(NOWHERE.rest), listed or virtual.world().instruments)


def play(daemon: Daemon, work: Callable[[], Any], *, after_s: float = 0.05) -> str:
    """Run a daemon, do some work in its loop, then stop it."""

    async def main() -> str:
        async def then() -> None:
            await asyncio.sleep(after_s)
            found = work()
            if asyncio.iscoroutine(found):
                await found
            daemon.supervisor.stop("the test is over")

        task = asyncio.create_task(then())
        try:
            return await asyncio.wait_for(daemon.run(), 20)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return asyncio.run(main())


def closed(daemon: Daemon) -> None:
    """Close a daemon that was never run."""
    asyncio.run(daemon._close("never run"))


def rows(path: Path, query: str) -> list[Any]:
    db = open_readonly(path / "local" / "gnomon.db")
    try:
        return [tuple(row) for row in db.execute(query)]
    finally:
        db.close()


def records(path: Path) -> list[Record]:
    return [
        record for segment in segments_of(path / "local" / "tape") for record in segment.records()
    ]


def test_a_daemon_starts_stops_and_leaves_a_sound_database_and_a_tape_that_replays(
    tmp_path: Path,
) -> None:
    daemon = daemon_of(tmp_path)
    assert play(daemon, lambda: None, after_s=1.3) == "the test is over"
    assert {p.name for p in (tmp_path / "local").iterdir()} == {"gnomon.db", "tape"}
    assert rows(tmp_path, "SELECT mode, ended_why FROM run") == [("local", "the test is over")]
    found = open_readonly(tmp_path / "local" / "gnomon.db")
    try:
        assert broken_promises(found) == []
    finally:
        found.close()
    kinds = [r.kind for r in records(tmp_path)]
    assert kinds[0] == "H" and kinds[-1] == "E" and "T" in kinds and "X" in kinds
    result = Player().play(tmp_path / "local" / "tape")
    assert result.digest_match is True
    (run,) = rows(tmp_path, "SELECT digest, events, first_seq, last_seq FROM run")
    assert run == (result.digest, result.events, 1, result.events)


def test_a_second_start_takes_up_and_never_uses_an_event_number_twice(tmp_path: Path) -> None:
    seqs = []
    for _ in range(3):
        daemon = daemon_of(tmp_path)
        first = daemon.engine.vitals.seq + 1
        play(daemon, partial(daemon._consume, Notice("test", "again")))
        seqs.append((first, daemon.engine.vitals.seq))
    assert all(a[1] < b[0] for a, b in pairwise(seqs))
    alarms = rows(tmp_path, "SELECT seq FROM alarm WHERE kind = 'test'")
    assert len(set(alarms)) == 3
    assert rows(tmp_path, "SELECT COUNT(*) FROM run") == [(3,)]
    assert len(rows(tmp_path, "SELECT DISTINCT day, scope, name FROM weight")) > 10
    assert Player().play(tmp_path / "local" / "tape").digest_match is True


def test_a_torn_tape_is_mended_at_the_next_start(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)

    async def crash() -> None:
        daemon._consume(Notice("test", "before the crash"))
        await daemon.journal.flush()
        daemon._consume(Notice("test", "never committed"))

    asyncio.run(crash())
    seq = daemon.engine.vitals.seq
    daemon.journal._writer.abandon()  # type: ignore[union-attr]
    daemon._store.close()
    daemon.journal._thread.shutdown()
    (torn,) = (tmp_path / "local" / "tape").iterdir()
    second = daemon_of(tmp_path)
    assert second.engine.vitals.seq >= seq - 1
    play(second, lambda: None)
    segments = segments_of(tmp_path / "local" / "tape")
    assert len(segments) == 2 and segments[0].path == torn
    assert [list(s.records())[-1].kind for s in segments] == ["E", "E"]
    assert Player().play(tmp_path / "local" / "tape").digest_match is True


# Disk.


def disk(monkeypatch: pytest.MonkeyPatch, free_mb: float) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, int(free_mb * (1 << 20))))


def test_a_disk_that_is_full_at_the_start_halts_entries_and_is_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, 50)
    daemon = daemon_of(tmp_path)
    assert "disk" in daemon.engine.branch.desk.halts
    assert not daemon.journal.recording
    closed(daemon)
    assert [row[0] for row in rows(tmp_path, "SELECT kind FROM alarm")] == ["disk", "halt"]


def test_a_disk_that_is_nearly_full_at_the_start_means_no_tape_and_an_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, 500)
    daemon = daemon_of(tmp_path)
    assert not daemon.engine.branch.desk.halts and not daemon.journal.recording
    closed(daemon)
    assert [row[0] for row in rows(tmp_path, "SELECT kind FROM alarm")] == ["disk"]


def test_a_halt_for_the_disk_is_over_when_the_next_start_finds_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, 50)
    closed(daemon_of(tmp_path))
    disk(monkeypatch, 50_000)
    daemon = daemon_of(tmp_path)
    assert not daemon.engine.branch.desk.halts and daemon.journal.recording
    closed(daemon)


def test_a_disk_that_fills_up_ends_the_tape_properly_and_space_begins_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)

    async def main() -> None:
        disk(monkeypatch, 50)
        await daemon._look(1)
        assert not daemon.journal.recording and "disk" in daemon.engine.branch.desk.halts
        daemon._consume(Notice("test", "not on tape"))
        disk(monkeypatch, 50_000)
        await daemon._look(2)
        assert daemon.journal.recording and not daemon.engine.branch.desk.halts
        await daemon._close("over")

    asyncio.run(main())
    segments = segments_of(tmp_path / "local" / "tape")
    assert len(segments) == 2
    assert Player().play(segments[0].path).digest_match is True
    assert Player().play(segments[1].path).digest_match is True
    kinds = [row[0] for row in rows(tmp_path, "SELECT kind FROM alarm ORDER BY seq")]
    assert kinds == ["disk", "halt", "test", "disk", "resume"]


def test_a_tape_that_was_not_asked_for_is_not_made(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path, tape={"enabled": False})
    play(daemon, lambda: None)
    assert list((tmp_path / "local" / "tape").iterdir()) == []


def test_the_hour_s_turn_begins_a_new_segment_that_replays_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)
    daemon._consume(Notice("test", "in the first hour"))
    daemon._rotate()
    daemon._hour_ns -= 1
    daemon._rotate()
    daemon._consume(Notice("test", "in the second hour"))
    closed(daemon)
    segments = segments_of(tmp_path / "local" / "tape")
    assert len(segments) == 2
    assert [Player().play(s.path).alarms for s in segments] == [1, 1]
    again = daemon_of(tmp_path)
    closed(again)
    third = segments_of(tmp_path / "local" / "tape")[-1]
    assert third.header().after == segments[-1].path.name
    third.path.unlink()
    whole = Player().play(tmp_path / "local" / "tape")
    assert whole.digest_match is True and whole.alarms == 2


# Faults.


def sabotage(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next command fail half way through its step."""
    engine = daemon.engine

    def half_done(*_: Any) -> str:
        engine.branch.desk.cash_e6 += 1_000_000
        engine.out.touch("desk")
        engine.out.alarm("half", "done")
        raise KeyError("planted")

    monkeypatch.setattr(commands, "obey", half_done)


def test_nothing_of_a_step_that_failed_reaches_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)

    async def work() -> None:
        daemon._consume(Notice("test", "sound"))
        await daemon.journal.flush()
        daemon._consume(Notice("test", "uncommitted"))
        sabotage(daemon, monkeypatch)
        with pytest.raises(InvariantBroken, match="KeyError: 'planted'"):
            daemon._consume(Command("resume"))
        # The loop goes round a few more times before everything has stopped.
        await daemon.journal.flush()

    with pytest.raises(InvariantBroken, match=r"event \d+: KeyError"):
        play(daemon, work)
    assert rows(tmp_path, "SELECT message FROM alarm WHERE kind <> 'feed_down'") == [("sound",)]
    assert rows(tmp_path, "SELECT key FROM state WHERE key = 'desk'") == []
    assert rows(tmp_path, "SELECT ended_why FROM run") == [("fault",)]
    taped = [r for r in records(tmp_path) if r.kind in "CX"]
    assert any(b"uncommitted" in r.payload for r in taped)
    assert any(r.kind == "C" for r in taped), "the tape can reproduce the fault"


def test_a_fault_met_while_answering_a_command_ends_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)

    async def work() -> None:
        sabotage(daemon, monkeypatch)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        request = {"verb": "halt", "argument": ""}
        with suppress(Exception):
            await asyncio.to_thread(control.ask, daemon.state.socket, request, timeout_s=2.0)
        await asyncio.sleep(5)

    began = time.monotonic()
    with pytest.raises(InvariantBroken, match="planted"):
        play(daemon, work, after_s=0.2)
    assert time.monotonic() - began < 4


def test_a_fault_met_while_taking_history_ends_the_daemon_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)

    async def fetch(request: Any) -> Any:
        return Notice("history", "as good as any event")

    def raises(*_: Any) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(daemon.history, "_fetch", fetch)

    async def work() -> None:
        monkeypatch.setattr(daemon.engine.out, "alarm", raises)
        daemon.history.ask(Any)  # type: ignore[arg-type]
        await asyncio.sleep(5)

    began = time.monotonic()
    with pytest.raises(InvariantBroken, match="ZeroDivisionError: planted"):
        play(daemon, work)
    assert time.monotonic() - began < 4
    assert rows(tmp_path, "SELECT COUNT(*) FROM alarm WHERE kind = 'restart'") == [(0,)]


def test_a_database_that_fails_halts_entries_until_it_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)
    real = Store.write

    async def work() -> None:
        def full(*_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(Store, "write", full)
        daemon._consume(Notice("test", "kept"))
        await daemon.journal.flush()
        assert "disk is full" in daemon.engine.branch.desk.halts["database"]
        monkeypatch.setattr(Store, "write", real)
        await daemon.journal.flush()
        assert not daemon.engine.branch.desk.halts

    play(daemon, work)
    assert ("kept",) in rows(tmp_path, "SELECT message FROM alarm")


def test_rows_that_could_not_be_written_by_the_end_are_the_operator_s_to_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)

    async def work() -> None:
        def full(*_: Any, **__: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(Store, "write", full)
        monkeypatch.setattr(Store, "update_run", full)
        monkeypatch.setattr(Store, "prune", full)
        await daemon._look(module.TIDY_EVERY_S)
        daemon._consume(Notice("test", "lost"))

    with pytest.raises(OperatorError, match=r"could not be written .*disk is full"):
        play(daemon, work)
    assert [r.kind for r in records(tmp_path)][-1] == "E", "the tape was ended properly"
    result = Player().play(tmp_path / "local" / "tape")
    assert result.digest_match is True, "the last line is of the last event"


def test_pressure_halts_entries_holds_the_venue_back_and_is_lifted_again(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)
    held: list[bool] = []
    daemon.feed.pause = held.append  # type: ignore[method-assign]
    daemon._pressed("high")
    assert "falls behind" in daemon.engine.branch.desk.halts["store"] and held == [False]
    daemon._pressed("full")
    assert held == [False, True]
    daemon._pressed("ok")
    assert not daemon.engine.branch.desk.halts and held[-1] is False
    closed(daemon)


# Commands and status.


def test_commands_are_carried_out_committed_and_then_answered(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)

    async def work() -> None:
        def ask(**request: Any) -> Any:
            return asyncio.to_thread(control.ask, daemon.state.socket, request)

        reply = await ask(verb="halt", argument="maintenance")
        assert "halted" in reply["reply"]
        alarms = rows(tmp_path, "SELECT message FROM alarm WHERE kind = 'halt'")
        assert alarms == [("operator: maintenance",)], "on disk before the answer"
        status = await ask(verb="status")
        assert status["halts"] == {"operator": "maintenance"} and status["running"]
        assert (await ask(verb="resume"))["reply"] == "entries are open"
        assert "healthy" in (await ask(verb="rearm", argument="donchian"))["reply"]
        assert (await ask(verb="explode"))["error"].startswith("unknown verb")
        long = await ask(verb="halt", argument="x" * 5000)
        assert long["reply"] and len(daemon.engine.branch.desk.halts["operator"]) == 200
        assert (await ask(no="verb"))["error"]

    play(daemon, work, after_s=0.2)


def test_a_stop_signal_ends_the_daemon_in_order(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)

    async def main() -> str:
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
        return await asyncio.wait_for(daemon.run(), 10)

    assert asyncio.run(main()) == "SIGTERM"
    assert rows(tmp_path, "SELECT ended_why FROM run") == [("SIGTERM",)]


def test_systemd_hears_of_readiness_life_and_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READY_WITHIN_S", 0.0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(2.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        play(daemon_of(tmp_path), lambda: None, after_s=1.4)
        heard = []
        manager.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                heard.append(manager.recv(4096).decode())
    assert sum(text.startswith("READY=1") for text in heard) == 1
    assert any(text.startswith("WATCHDOG=1") for text in heard)
    assert heard[-1] == "STOPPING=1"
    assert "feed down" in next(text for text in heard if text.startswith("READY"))


def test_the_time_asked_for_counts_from_readiness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READY_WITHIN_S", 0.0)
    plan = plan_of(tmp_path)
    plan = Plan(plan.config, plan.mode, plan.network, plan.state, for_s=0.1)
    daemon = Daemon(plan, NOWHERE, InfoClient(NOWHERE.rest), virtual.world().instruments)
    assert asyncio.run(asyncio.wait_for(daemon.run(), 10)) == "the time asked for is over"
    assert daemon.ready


def test_a_coin_the_venue_does_not_trade_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="does not trade"):
        daemon_of(tmp_path, coins=["NOPE"])


def test_a_running_daemon_holds_its_state_alone(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    with alone(plan.state), pytest.raises(AnotherInstance):
        asyncio.run(module.run(plan))


def test_a_clock_that_jumped_is_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = daemon_of(tmp_path)
    real = time.time_ns

    async def main() -> None:
        before = daemon.clock.now_ns()
        monkeypatch.setattr(time, "time_ns", lambda: real() + 7200 * 10**9)
        await daemon._look(1)
        assert daemon.clock.now_ns() - before >= 7200 * 10**9
        monkeypatch.setattr(time, "time_ns", real)
        await daemon._look(2)
        await daemon._look(3)
        await daemon._close("over")

    asyncio.run(main())
    told = rows(tmp_path, "SELECT message FROM alarm WHERE kind = 'clock' ORDER BY seq")
    assert len(told) == 2 and "ahead" in told[0][0] and "set back" in told[1][0]


def test_frames_and_history_reach_the_engine_through_one_intake(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)
    frames = rig.frames_between(7, rig.PAIR, virtual.START_MS, virtual.START_MS + 5_000)

    async def main() -> None:
        daemon._up()
        asked = daemon.history.outstanding
        assert asked == 10
        daemon._frames([raw for _, raw in frames])
        assert daemon.intake.skipped > 0
        assert daemon.engine.market.coins["BTC"].book.ok
        daemon._down("cut")
        daemon._gave_up("BTC 1m: HTTP 502")
        daemon._restarted("history", "OSError: x")
        await daemon._close("over")

    asyncio.run(main())
    kinds = [row[0] for row in rows(tmp_path, "SELECT kind FROM alarm ORDER BY seq")]
    assert kinds[:1] == ["feed_down"] and kinds[1:] == ["history", "restart"]
    assert Player().play(tmp_path / "local" / "tape").digest_match is True
