from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import time
from collections import namedtuple
from contextlib import closing, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.engine import commands
from daemon.engine.desks import Desks
from daemon.engine.market_half import MarketHalf
from daemon.engine.outcome import Outbox, Outcome
from daemon.instance import control
from daemon.live import clock, readiness
from daemon.live import daemon as module
from daemon.live.clock import Reading
from daemon.live.daemon import Daemon
from daemon.live.startup import Plan
from daemon.live.supervisor import Budget
from daemon.replay.player import Player
from daemon.views.status import RunningStatus, status
from market.decision import Request
from market.desk import Desk
from market.errors import InvariantBroken, OperatorError, VenueUnreachable
from market.events import Candles, Command, Event, FeedDown, FeedUp, Notice
from market.instrument import Instrument
from shadow.store.check import broken_promises
from shadow.store.store import Store, open_readonly
from tests.daemon import rig
from tests.support import virtual
from tests.support.daemons import NOWHERE, busy, closed, daemon_of, plan_of, play, records, rows
from venue.hyperliquid.info import InfoClient
from venue.hyperliquid.replies import CandleRows
from venue.tape.segment import Segment, segments_of

pytestmark = pytest.mark.xdist_group("busy market")

Usage = namedtuple("Usage", "total used free")


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
        play(daemon, partial(daemon.consume, Notice("test", "again")))
        seqs.append((first, daemon.engine.vitals.seq))
    assert all(a[1] < b[0] for a, b in pairwise(seqs))
    alarms = rows(tmp_path, "SELECT seq FROM alarm WHERE kind = 'test'")
    assert len(set(alarms)) == 3
    assert rows(tmp_path, "SELECT COUNT(*) FROM run") == [(3,)]
    assert len(rows(tmp_path, "SELECT DISTINCT day, scope, name FROM weight")) > 10
    assert Player().play(tmp_path / "local" / "tape").digest_match is True


def test_a_torn_tape_is_mended_at_the_next_start(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path / "first")
    crashed = tmp_path / "crashed"

    async def crash() -> None:
        daemon.consume(Notice("test", "before the crash"))
        await daemon.journal.flush()
        daemon.consume(Notice("test", "never committed"))
        # What is on the disk at this moment is what a kill would leave.
        await asyncio.to_thread(shutil.copytree, tmp_path / "first", crashed)
        await daemon.close("over")

    asyncio.run(crash())
    seq = daemon.engine.vitals.seq
    (torn,) = (crashed / "local" / "tape").iterdir()
    assert Segment(torn).torn
    second = daemon_of(crashed)
    assert second.engine.vitals.seq >= seq - 1
    play(second, lambda: None)
    segments = segments_of(crashed / "local" / "tape")
    assert len(segments) == 2 and segments[0].path == torn
    assert [list(s.records())[-1].kind for s in segments] == ["E", "E"]
    assert Player().play(crashed / "local" / "tape").digest_match is True


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
        await daemon.look(1)
        assert not daemon.journal.recording and "disk" in daemon.engine.branch.desk.halts
        daemon.consume(Notice("test", "not on tape"))
        disk(monkeypatch, 50_000)
        await daemon.look(2)
        assert daemon.journal.recording and not daemon.engine.branch.desk.halts
        await daemon.close("over")

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
    real = clock.steady_ns

    async def main() -> None:
        daemon.consume(Notice("test", "in the first hour"))
        daemon.taping.rotate()
        monkeypatch.setattr(clock, "steady_ns", lambda: real() + 3600 * 10**9)
        # The wall clock stays where it is, which is said.
        await daemon.look(1)
        daemon.taping.rotate()
        daemon.consume(Notice("test", "in the second hour"))
        await daemon.close("over")

    asyncio.run(main())
    segments = segments_of(tmp_path / "local" / "tape")
    assert len(segments) == 2
    assert [Player().play(s.path).alarms for s in segments] == [2, 1]
    again = daemon_of(tmp_path)
    closed(again)
    third = segments_of(tmp_path / "local" / "tape")[-1]
    assert third.header().after == segments[-1].path.name
    third.path.unlink()
    whole = Player().play(tmp_path / "local" / "tape")
    assert whole.digest_match is True and whole.alarms == 3


# Faults.


def sabotage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next command fail half way through its step."""

    def half_done(command: Command, market: MarketHalf, desks: Desks, out: Outbox) -> str:
        desks.main.desk.cash_e6 += 1_000_000
        out.touch("desk")
        out.alarm("half", "done")
        raise KeyError("planted")

    monkeypatch.setattr(commands, "obey", half_done)


def test_nothing_of_a_step_that_failed_reaches_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)

    async def work() -> None:
        daemon.consume(Notice("test", "sound"))
        await daemon.journal.flush()
        daemon.consume(Notice("test", "uncommitted"))
        sabotage(monkeypatch)
        with pytest.raises(InvariantBroken, match="KeyError: 'planted'"):
            daemon.consume(Command("resume"))
        # The loop goes round a few more times before everything has stopped.
        await daemon.journal.flush()

    with pytest.raises(InvariantBroken, match=r"event \d+: KeyError"):
        play(daemon, work)
    assert rows(tmp_path, "SELECT message FROM alarm WHERE kind <> 'feed_down'") == [("sound",)]
    ((desk,),) = rows(tmp_path, "SELECT value FROM state WHERE key = 'desk'")
    assert msgspec.json.decode(desk, type=Desk).cash_e6 == 10_000_000_000
    assert rows(tmp_path, "SELECT ended_why FROM run") == [("fault",)]
    taped = [r for r in records(tmp_path) if r.kind in "CX"]
    assert any(b"uncommitted" in r.payload for r in taped)
    assert any(r.kind == "C" for r in taped), "the tape can reproduce the fault"


def test_a_fault_met_while_answering_a_command_ends_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)

    async def work() -> None:
        sabotage(monkeypatch)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        halt, path = control.Request("halt"), daemon.state.socket
        with suppress(VenueUnreachable):
            await asyncio.to_thread(control.ask, path, halt, object, timeout_s=2.0)
        await asyncio.sleep(5)

    began = time.monotonic()
    with pytest.raises(InvariantBroken, match="planted"):
        play(daemon, work, after_s=0.2)
    assert time.monotonic() - began < 4


def test_a_fault_met_while_taking_history_ends_the_daemon_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Info:
        async def candles(self, coin: str, timeframe: str, **_: Any) -> CandleRows:
            return CandleRows([])

    daemon = daemon_of(tmp_path, info=Info())

    async def work() -> None:
        step = daemon.engine.step

        def raises(event: Event) -> Outcome:
            if isinstance(event, Candles):
                raise ZeroDivisionError("planted")
            return step(event)

        monkeypatch.setattr(daemon.engine, "step", raises)
        daemon.history.ask(Request("candles", "BTC", "1m", 0, 1))
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
        daemon.consume(Notice("test", "kept"))
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

        def nowhere(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Store, "write", full)
        monkeypatch.setattr(Store, "put_aside", nowhere)
        monkeypatch.setattr(Store, "update_run", full)
        monkeypatch.setattr(Store, "tidy", full)
        await daemon.look(module.TIDY_EVERY_S)
        assert await daemon.tidy() is False
        daemon.consume(Notice("test", "lost"))

    with pytest.raises(OperatorError, match=r"could not be written .*disk is full"):
        play(daemon, work)
    assert [r.kind for r in records(tmp_path)][-1] == "E", "the tape was ended properly"
    result = Player().play(tmp_path / "local" / "tape")
    assert result.digest_match is True, "the last line is of the last event"


def test_pressure_halts_entries_holds_the_venue_back_and_is_lifted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)
    held: list[bool] = []
    monkeypatch.setattr(daemon.feed, "pause", held.append)

    async def work() -> None:
        # The first event brings a row for every weight.
        daemon.consume(Notice("test", "a row"))
        await daemon.journal.flush()
        monkeypatch.setattr("daemon.live.journal.ROWS_MAX", 10)
        for many in (8, 12):
            for _ in range(many):
                daemon.consume(Notice("test", "a row"))
            await daemon.journal.flush()
            assert not daemon.engine.branch.desk.halts, "lifted once it is written"
        await daemon.close("over")

    asyncio.run(work())
    assert held == [False, False, True, False]
    told = "SELECT kind, message FROM alarm WHERE kind <> 'test' ORDER BY seq"
    halt = "store: the store falls behind"
    assert [f"{kind} {message}" for kind, message in rows(tmp_path, told)] == [
        f"halt {halt} (high)",
        "resume store: entries are open",
        f"halt {halt} (full)",
        "resume store: entries are open",
    ]


# Commands and status.


def test_commands_are_carried_out_committed_and_then_answered(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)

    async def work() -> None:
        def ask(verb: str, argument: str = "", answer: Any = control.Reply) -> Any:
            request = control.Request(verb, argument)
            return asyncio.to_thread(control.ask, daemon.state.socket, request, answer)

        assert "halted" in (await ask("halt", "maintenance")).reply
        alarms = rows(tmp_path, "SELECT message FROM alarm WHERE kind = 'halt'")
        assert alarms == [("operator: maintenance",)], "on disk before the answer"
        status = await ask("status", answer=RunningStatus)
        assert status.halts == {"operator": "maintenance"} and status.running
        assert (await ask("resume")).reply == "entries are open"
        assert "healthy" in (await ask("rearm", "donchian")).reply
        long = await ask("halt", "x" * 5000)
        assert long.reply and len(daemon.engine.branch.desk.halts["operator"]) == 200
        for verb in ("explode", ""):
            with pytest.raises(control.Refused, match="unknown verb"):
                await ask(verb)

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
    monkeypatch.setattr(readiness, "READY_WITHIN_S", 0.0)
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
    monkeypatch.setattr(readiness, "READY_WITHIN_S", 0.0)
    plan = plan_of(tmp_path)
    plan = Plan(plan.config, plan.mode, plan.network, plan.state, for_s=0.1)
    daemon = Daemon(plan, NOWHERE, InfoClient(NOWHERE.rest), virtual.world().instruments)
    assert asyncio.run(asyncio.wait_for(daemon.run(), 10)) == "--for 0.1s reached"
    assert daemon.readiness.ready


def test_a_coin_the_venue_does_not_trade_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="does not trade"):
        daemon_of(tmp_path, coins=["NOPE"])


def listing(**delisted: bool) -> dict[str, Instrument]:
    """Return what the venue lists, with coins delisted, or not listed at all."""
    listed = dict(virtual.world().instruments)
    for coin, stays in delisted.items():
        listed[coin] = msgspec.structs.replace(listed[coin], is_delisted=True)
        if not stays:
            del listed[coin]
    return listed


def started_on(path: Path, listed: dict[str, Instrument]) -> Daemon:
    plan = plan_of(path, coins=list(rig.BUSY), **rig.TIGHT)
    return Daemon(plan, NOWHERE, InfoClient(NOWHERE.rest), listed)


@pytest.mark.parametrize("stays", [True, False], ids=["delisted", "no longer listed"])
def test_start_after_start_a_coin_that_went_is_said_and_left_out(
    stays: bool, tmp_path: Path
) -> None:
    """A trade held on it ends at the first of them; the exposure is freed once."""
    daemon = busy(tmp_path)
    held = {t.coin for t in daemon.engine.branch.settlement.real.values()}
    assert "ETH" in held
    closed(daemon)
    for start in range(3):
        daemon = started_on(tmp_path, listing(ETH=stays))
        assert {s.coin for s in daemon.session.streams} == {"BTC", "DOGE", "SOL"}
        seen: list[Any] = []
        play(daemon, lambda daemon=daemon, seen=seen: seen.append(status(daemon)))
        assert "the venue" in seen[0].closed["ETH"]
        desk, real = daemon.engine.branch.desk, daemon.engine.branch.settlement.real
        assert not desk.by_coin.get("ETH") and not any(t.coin == "ETH" for t in real.values())
        assert desk.gross_e6 == sum(t.exposed_e6 for t in real.values())
        told = rows(tmp_path, "SELECT kind FROM alarm WHERE kind IN ('wind_down', 'delisted')")
        assert told == [("wind_down",)] + [("delisted",)] * start
    with closing(open_readonly(tmp_path / "local" / "gnomon.db")) as db:
        assert broken_promises(db) == []


def test_a_coin_that_goes_while_the_daemon_runs_is_unsubscribed_and_on_record(
    tmp_path: Path,
) -> None:
    class Info(InfoClient):
        async def instruments(self) -> dict[str, Instrument]:
            return listing(ETH=True)

    daemon = daemon_of(tmp_path, info=Info(NOWHERE.rest), venue={"listing_every_s": 1.0})
    play(daemon, lambda: asyncio.sleep(2.5))
    assert {s.coin for s in daemon.session.streams} == {"BTC"}
    told = rows(tmp_path, "SELECT message FROM alarm WHERE kind = 'wind_down'")
    assert len(told) == 1 and told[0][0].startswith("venue: the venue has delisted it: ETH is")


def test_a_clock_that_jumped_is_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = daemon_of(tmp_path)
    real = time.time_ns

    async def main() -> None:
        before = daemon.clock.now_ns()
        monkeypatch.setattr(time, "time_ns", lambda: real() + 7200 * 10**9)
        await daemon.look(1)
        assert daemon.clock.now_ns() - before < 60 * 10**9
        monkeypatch.setattr(time, "time_ns", real)
        await daemon.look(2)
        await daemon.look(3)
        await daemon.close("over")

    asyncio.run(main())
    told = rows(tmp_path, "SELECT message FROM alarm WHERE kind = 'clock' ORDER BY seq")
    assert len(told) == 2 and "7200.0 s ahead" in told[0][0] and "agrees" in told[1][0]


def test_a_clock_two_years_ahead_and_back_is_over_with_the_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wedged every start: time went on from the future, and nothing was due for two years."""
    real, ahead = time.time_ns, 2 * 365 * 86_400 * 10**9
    with monkeypatch.context() as m:
        m.setattr(time, "time_ns", lambda: real() + ahead)
        daemon = daemon_of(tmp_path)
        daemon.consume(Notice("test", "in two years"))
        asyncio.run(daemon.close("over"))
    for _ in range(2):
        now_ns = real()
        reading = Reading(now_ns // 10**6, *[clock.steady_ns()] * 2)
        plan, info = plan_of(tmp_path), InfoClient(NOWHERE.rest)
        daemon = Daemon(plan, NOWHERE, info, virtual.world().instruments, reading)
        assert abs(daemon.clock.now_ns() - now_ns) < 60 * 10**9
        day_ms = daemon.engine.branch.desk.day_ms
        assert 0 <= daemon.engine.vitals.venue_ns - day_ms * 10**6 < 86_400 * 10**9
        assert daemon.engine.vitals.next_hour_ns <= now_ns + 3600 * 10**9
        daemon.consume(Notice("test", "now"))
        asyncio.run(daemon.close("over"))


def test_frames_and_history_reach_the_engine_through_one_intake(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)
    frames = rig.frames_between(7, rig.PAIR, virtual.START_MS, virtual.START_MS + 5_000)

    async def main() -> None:
        daemon.listener.told(FeedUp())
        asked = daemon.history.outstanding
        assert asked == 2
        daemon.listener.frames([raw for _, raw in frames])
        assert daemon.intake.skipped > 0
        assert daemon.engine.market.coins["BTC"].book.ok
        daemon.listener.told(FeedDown("cut"))
        daemon.note("history", "BTC 1m: HTTP 502")
        await daemon.close("over")

    asyncio.run(main())
    kinds = [row[0] for row in rows(tmp_path, "SELECT kind FROM alarm ORDER BY seq")]
    assert kinds == ["feed_down", "history"]
    assert Player().play(tmp_path / "local" / "tape").digest_match is True


def test_a_task_that_was_started_again_is_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = daemon_of(tmp_path)

    async def fails() -> None:
        raise OSError("no such luck")

    daemon.supervisor.add("flaky", fails, Budget(failures=3))
    play(daemon, lambda: None, after_s=0.2)
    told = rows(tmp_path, "SELECT message FROM alarm WHERE kind = 'restart'")
    assert told == [("flaky: OSError: no such luck",)]


def test_history_that_is_not_to_be_had_is_on_record_and_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.live.history.TELL_AFTER_S", 0.0)
    asked = []

    class Info:
        async def candles(self, coin: str, timeframe: str, **_: Any) -> None:
            asked.append((coin, timeframe))
            raise VenueUnreachable("candleSnapshot: HTTP 429")

    daemon = daemon_of(tmp_path, info=Info())

    async def work() -> None:
        daemon.history.ask(Request("candles", "BTC", "1m", 0, 1))
        await asyncio.sleep(0.8)

    play(daemon, work)
    assert rows(tmp_path, "SELECT message FROM alarm WHERE kind = 'history'") == [
        ("still missing BTC (1m): candleSnapshot: HTTP 429; asking again and again",)
    ]
    assert asked == [("BTC", "1m")] * 2 and daemon.history.outstanding == 1
