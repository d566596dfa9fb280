"""The composition root: the one file in which local and paper differ.

Starting up is recovering: the same path after a first start, a clean stop or kill -9. What the
database holds is taken up, the torn end of the tape is mended, the gap is repaired from candles.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, TypeVar, cast

import msgspec

from daemon.engine import snapshot
from daemon.engine.factory import build_engine
from daemon.engine.intake import Intake
from daemon.engine.outcome import Outcome
from daemon.instance import control
from daemon.instance.lock import alone
from daemon.lens.client import LensProcess
from daemon.live.child import watch
from daemon.live.clock import Clock
from daemon.live.decision_log import log_decisions
from daemon.live.history import History
from daemon.live.housekeeping import OK, Housekeeping
from daemon.live.journal import Journal
from daemon.live.notify import notify, watchdog_s
from daemon.live.startup import (
    Endpoint,
    Plan,
    choose_coins,
    list_instruments,
    open_endpoint,
    subscriptions,
    until_stopped,
)
from daemon.live.supervisor import Budget, Supervisor
from daemon.live.telemetry import log
from daemon.version import code_version
from daemon.views.lens import lens_view
from daemon.views.positions import positions
from daemon.views.status import RECENT, status
from market.errors import InvariantBroken, OperatorError
from market.events import NS_PER_HOUR, Command, Event, FeedDown, FeedUp, Notice, Timer
from market.instrument import Instrument
from shadow.store.store import Store
from venue.hyperliquid.feed import Feed, Reconnect
from venue.hyperliquid.info import InfoClient
from venue.hyperliquid.session import Session
from venue.tape.lines import FORMAT, SUFFIX, Header, record_line
from venue.tape.segment import newest_name
from venue.tape.writer import repair
from venue.websocket import Listener

T = TypeVar("T")

READY_WITHIN_S = 30.0
COMPILED_WITHIN_S = 75.0
LOOK_EVERY_S = 10
TIDY_EVERY_S = 600


async def run(
    plan: Plan,
    *,
    started: Callable[[Daemon], None] = lambda daemon: None,
    waiting: Callable[[str], None] = lambda text: None,
) -> str:
    """Run the daemon until it is told to stop; return why it stopped.

    `waiting` is told in words when the venue does not answer. A plan for some time waits for it
    no longer than that.
    """
    plan.state.create()
    with alone(plan.state):
        async with (
            open_endpoint(plan) as endpoint,
            InfoClient(
                endpoint.rest, weight_per_minute=plan.config.venue.weight_per_minute
            ) as info,
        ):
            listed = await until_stopped(
                list_instruments(info, waiting=waiting), within_s=plan.for_s
            )
            if isinstance(listed, str):
                return listed
            daemon = Daemon(plan, endpoint, info, listed)
            started(daemon)
            return await daemon.run()


class Daemon:
    """Everything of one run, wired together."""

    def __init__(
        self, plan: Plan, endpoint: Endpoint, info: InfoClient, listed: dict[str, Instrument]
    ) -> None:
        self.state = plan.state
        self.network = plan.network if plan.mode == "paper" else plan.mode
        self.ready = False
        self.late_ms = 0.0
        self.gc_pause_ms_max = 0.0
        self.recent: deque[dict[str, Any]] = deque(maxlen=RECENT)
        self._plan = plan
        self._endpoint = endpoint
        self._store = Store(plan.state.database, mode=plan.state.folder, network=self.network)
        with ExitStack() as undo:
            undo.callback(self._store.close)
            self._take_up(listed)
            undo.pop_all()
        self._wire(info)
        self._begin_run()

    def _take_up(self, listed: dict[str, Instrument]) -> None:
        pieces = self._store.state()
        trades = (text for name, text in pieces.items() if name.startswith("trade/"))
        held = {cast(str, msgspec.json.decode(text)["coin"]) for text in trades}
        instruments = choose_coins(self._plan.config, listed, held)
        self._config = self._plan.config.model_copy(update={"coins": tuple(instruments)})
        self.engine = build_engine(self._config, instruments)
        self._lost = snapshot.recover(self.engine, pieces, self._mend_tape())
        self.clock = Clock(self.engine.vitals.now_ns)
        self.started_ns = self.clock.now_ns()
        self._instruments = instruments

    def _mend_tape(self) -> int:
        """End a torn tape properly; return the first event number that is surely free."""
        segments = sorted(p for p in self.state.tape.iterdir() if p.name.endswith(SUFFIX))
        if not segments:
            return 1
        found = repair(segments[-1])
        if found.was_torn:
            log.warning("tape was torn, mended", segment=segments[-1].name, dropped=found.dropped)
        return found.last_seq + 1

    def _wire(self, info: InfoClient) -> None:
        config = self._config
        self.session = Session(subscriptions(self._instruments))
        self.supervisor = Supervisor(on_restart=self._restarted)
        self.journal = Journal(
            self._store,
            commit_s=config.store.commit_ms / 1e3,
            durable=lambda: snapshot.durable(self.engine),
            position=lambda: self.engine.vitals.seq,
            pressure=self._pressed,
            failed=self._store_failed,
            tape_failed=lambda why: self._note("tape", f"the tape stops: {why}"),
        )
        self.intake = Intake(self.session, self.engine, self._absorb, self.journal.line)
        self.history = History(info, self._consume, self.clock.now_ns, self._gave_up)
        self.lenses = LensProcess(config.lens, self._consume)
        self.housekeeping = Housekeeping(self.state.path, self.state.tape, config)
        feed = config.feed
        self.feed = Feed(
            self._endpoint.ws,
            self.session,
            Listener(self._frames, self._up, self._down),
            now_ns=self.clock.now_ns,
            reconnect=Reconnect(
                feed.reconnect_min_s, feed.reconnect_max_s, feed.planned_reconnect_h * 3600.0
            ),
            rng=random.Random(),
        )

    def _begin_run(self) -> None:
        config, vitals = self._config, self.engine.vitals
        self._run_id = self._store.begin_run(
            started_ns=self.started_ns,
            mode=self.state.folder,
            network=self.network,
            config_hash=config.hash(),
            policy_hash=self.engine.identity.policy_hash,
            code_version=code_version(),
            seed=config.seed,
            first_seq=vitals.seq + 1,
            last_seq=vitals.seq,
            config=msgspec.json.encode(config.resolved()).decode(),
        )
        self._first_seq = vitals.seq + 1
        self._hour_ns = self.started_ns // NS_PER_HOUR
        seen = self.housekeeping.look()
        if config.tape.enabled and self.housekeeping.level == OK:
            self._open_tape()
        for event in seen:
            self._consume(event)

    # What the rim reports.

    def _frames(self, raws: list[bytes]) -> None:
        self._guard(lambda: self.intake.frames(raws, self.clock.now_ns()))

    def _up(self) -> None:
        log.info("feed up", url=self._endpoint.ws)
        self._consume(FeedUp())

    def _down(self, reason: str) -> None:
        log.warning("feed down", reason=reason)
        self._consume(FeedDown(reason))

    def _gave_up(self, why: str) -> None:
        self._note("history", why)

    def _note(self, kind: str, message: str) -> None:
        self._consume(Notice(kind, message))

    def _restarted(self, name: str, why: str) -> None:
        self._note("restart", f"{name}: {why}")

    def _pressed(self, level: str) -> None:
        """Hold the venue back before anything would have to be dropped."""
        self.feed.pause(level == "full")
        if level == "ok":
            self._consume(Command("resume", "", "store"))
        else:
            self._consume(Command("halt", f"the store falls behind ({level})", "store"))

    def _store_failed(self, why: str) -> None:
        if why:
            log.error("commit failed, keeping the rows and trying again", error=why)
            self._consume(Command("halt", f"the database cannot be written: {why}", "database"))
        else:
            self._consume(Command("resume", "", "database"))

    def _consume(self, event: Event) -> Outcome:
        event.recv_ns = self.clock.now_ns()
        return self._guard(lambda: self.intake.fact(event))

    def _guard(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except Exception as error:
            # The step that failed may be half done: nothing of it may reach the database. The
            # tape gets everything, so the fault can be reproduced. Whoever called may be a
            # connection or a worker, and must not be able to keep this to themselves.
            self.journal.distrust()
            seq = self.engine.vitals.seq
            fault = InvariantBroken(f"event {seq}: {type(error).__name__}: {error}")
            self.supervisor.fail(fault)
            raise fault from error

    def _absorb(self, outcome: Outcome) -> None:
        self.journal.absorb(outcome)
        for request in outcome.requests:
            self.history.ask(request)
        for ask in outcome.lenses:
            self.lenses.ask(ask)
        rows = outcome.rows
        if rows.signals or rows.alarms:
            self.recent.extend(log_decisions(rows))

    # Tape segments.

    def _open_tape(self) -> None:
        now_ns = self.clock.now_ns()
        vitals = self.engine.vitals
        header = Header(
            format=FORMAT,
            code_version=code_version(),
            mode=self.state.folder,
            network=self.network,
            seed=self._config.seed,
            first_seq=vitals.seq + 1,
            config=self._config.resolved(),
            instruments=list(self._instruments.values()),
            instruments_from=f"meta of {self._endpoint.rest}",
            after=newest_name(self.state.tape),
            subscriptions=msgspec.to_builtins(list(self.session.streams)),
            lenses=True,
            session=msgspec.Raw(msgspec.json.encode(self.session.state())),
            engine=msgspec.Raw(snapshot.whole(self.engine)),
        )
        line = record_line("H", now_ns, header)
        self.journal.open_segment(self.state.tape, vitals.seq + 1, now_ns, line)

    def _last_line(self, why: str) -> bytes:
        vitals = self.engine.vitals
        end = {"why": why, "seq": vitals.seq, "digest": self.engine.digest}
        return record_line("E", self.clock.now_ns(), end)

    # Tasks.

    async def run(self) -> str:
        """Run until told to stop; return why."""
        supervisor = self.supervisor
        supervisor.add("feed", self.feed.run)
        supervisor.add("seconds", self._seconds)
        supervisor.add("journal", self.journal.run)
        supervisor.add("history", self.history.run, Budget())
        supervisor.add("control", self._control, Budget())
        if self._config.lens.enabled:
            # What needs it has no data until it is back, which is no reason to end.
            supervisor.add("lenses", self.lenses.run, Budget(failures=100, pause_max_s=60.0))
        if self._endpoint.child is not None:
            child = self._endpoint.child
            supervisor.add("venue", lambda: watch(child))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)
        gc.callbacks.append(self._gc)
        for text in self._lost:
            self._note("recovery", text)
        why = "fault"
        try:
            await supervisor.run()
            why = supervisor.stopped_by
        finally:
            notify("STOPPING=1")
            gc.callbacks.remove(self._gc)
            await self._close(why)
        if self.journal.trouble:
            raise OperatorError(
                f"{self.state.database}: the newest rows could not be written "
                f"({self.journal.trouble}); their events are on the tape"
            )
        return why

    def _signalled(self, number: int) -> None:
        if self.supervisor.stopped_by:
            # Asked twice: a crash is as safe as a stop, and quicker.
            os._exit(128 + number)
        self.supervisor.stop(signal.Signals(number).name)

    async def _close(self, why: str) -> None:
        await self.journal.flush()
        columns = {**self._progress(), "ended_ns": self.clock.now_ns(), "ended_why": why}
        with suppress(sqlite3.Error):
            await self.journal.in_thread(lambda: self._store.update_run(self._run_id, **columns))
        # Only now: even the flush may have led to events.
        await self.journal.close(self._last_line(why))

    async def _seconds(self) -> None:
        """Tell the engine of every second, and look after everything that is due by the clock."""
        loop = asyncio.get_running_loop()
        due = loop.time() + 1.0
        began = loop.time()
        second = 0
        told = 0.0
        watchdog = watchdog_s()
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.late_ms = (loop.time() - due) * 1e3
            due = max(due + 1.0, loop.time())
            second += 1
            self._consume(Timer())
            self._rotate()
            if not self.ready:
                self._become_ready(loop.time() - began)
            if watchdog is not None and loop.time() - told >= min(watchdog, 5.0):
                told = loop.time()
                notify("WATCHDOG=1", f"STATUS={self._line()}")
            if second % LOOK_EVERY_S == 0:
                await self._look(second)

    def _rotate(self) -> None:
        hour = self.clock.now_ns() // NS_PER_HOUR
        if hour == self._hour_ns:
            return
        self._hour_ns = hour
        if self.journal.recording:
            self.journal.close_segment(self._last_line("rotated"))
            self._open_tape()

    def _become_ready(self, waited_s: float) -> None:
        coins = self.engine.coins.values()
        whole = all(c.book.ok for c in coins) and not self.history.outstanding
        cold = not self.lenses.warm and waited_s < COMPILED_WITHIN_S
        if cold or (not whole and waited_s < READY_WITHIN_S):
            return
        # The one long collection is part of warming up: whatever lives now lives to the end.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        self.ready = True
        notify("READY=1", f"STATUS={self._line()}")
        log.info("ready", coins=len(self.engine.coins), bots=len(self.engine.lanes))
        if self._plan.for_s is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self._plan.for_s, self.supervisor.stop, "the time asked for is over")

    def _line(self) -> str:
        vitals, desk = self.engine.vitals, self.engine.desk
        feed = "up" if self.feed.connected else "down"
        return (
            f"{self.state.folder}, feed {feed}, {vitals.admitted} admitted, "
            f"{vitals.blocked} blocked, equity {desk.equity_e6 / 1e6:.2f} USD"
        )

    async def _look(self, second: int) -> None:
        stepped = self.clock.check()
        if stepped:
            self._note("clock", stepped)
        for event in self.housekeeping.look():
            self._consume(event)
        await self._note_progress()
        allowed = self.housekeeping.level == OK
        if self.journal.recording and not allowed:
            self.journal.close_segment(self._last_line("disk"))
        elif allowed and not self.journal.recording and self._config.tape.enabled:
            self._open_tape()
        if second % TIDY_EVERY_S == 0:
            for path in self.housekeeping.tidy_tape():
                log.info("tape segment expired", segment=path.name)
            before_ns = self.housekeeping.keep_rows_from_ns(self.clock.now_ns())
            with suppress(sqlite3.Error):
                await self.journal.in_thread(lambda: self._store.prune(before_ns))

    async def _note_progress(self) -> None:
        columns = self._progress()
        with suppress(sqlite3.Error):
            await self.journal.in_thread(lambda: self._store.update_run(self._run_id, **columns))

    def _progress(self) -> dict[str, Any]:
        vitals = self.engine.vitals
        return {
            "last_seq": vitals.seq,
            "frames": self.session.frames,
            "events": vitals.seq - self._first_seq + 1,
            "digest": self.engine.digest,
        }

    def _gc(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._gc_began = time.perf_counter()
        else:
            pause_ms = (time.perf_counter() - self._gc_began) * 1e3
            if self.ready:
                self.gc_pause_ms_max = max(self.gc_pause_ms_max, pause_ms)

    async def _control(self) -> None:
        server = await control.serve(self.state.socket, self._answer)
        async with server:
            try:
                await server.serve_forever()
            finally:
                self.state.socket.unlink(missing_ok=True)

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = request.get("verb")
        if verb == "status":
            return status(self)
        if verb == "positions":
            return positions(self, phantoms=bool(request.get("phantoms")))
        if verb == "lens":
            return lens_view(self.engine, str(request.get("argument", "")))
        if verb in ("halt", "resume", "rearm", "flatten", "trial"):
            argument = str(request.get("argument", ""))[: 4000 if verb == "trial" else 200]
            outcome = self._consume(Command(verb, argument))
            await self.journal.commit(self.engine.vitals.seq)
            return {"reply": outcome.reply}
        return {"error": f"unknown verb {verb!r}"}
