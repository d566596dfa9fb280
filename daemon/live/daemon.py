"""Composition of a daemon: everything of one run, wired together.

Starting up is recovering: the same path after a first start, a clean stop or kill -9. What the
database holds is taken up, the torn end of the tape is mended, the gap is repaired from candles.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import TypeVar

from daemon.engine import snapshot
from daemon.engine.factory import build_engine
from daemon.engine.intake import Intake
from daemon.engine.outcome import Outcome
from daemon.instance.birth import unheeded
from daemon.instance.custody import Custody
from daemon.instance.lease import Lease
from daemon.instance.lock import lock_of
from daemon.lens.client import LensProcess
from daemon.live.answers import Answers
from daemon.live.child import watch
from daemon.live.clock import Clock, Reading
from daemon.live.decision_log import DecisionLog
from daemon.live.feed_log import log_told
from daemon.live.gauges import figures_of, fit_to_keep
from daemon.live.history import History
from daemon.live.journal import Journal
from daemon.live.keeping.folding import keep_folds
from daemon.live.keeping.guard import Guard, give_back, require_kept
from daemon.live.keeping.housekeeping import OK, Housekeeping
from daemon.live.keeping.instruments import Instruments
from daemon.live.keeping.proving import Proving
from daemon.live.keeping.regimes import Regimes
from daemon.live.keeping.run_record import RunRecord
from daemon.live.listening import session_of, unread
from daemon.live.listing import Listing
from daemon.live.readiness import Readiness, missing_history
from daemon.live.startup import (
    STOP,
    Endpoint,
    Plan,
    choose_coins,
)
from daemon.live.supervisor import Budget, Supervisor
from daemon.live.taping import EngineRecorded, Origin, Taping, mended
from daemon.live.telemetry import log
from daemon.live.venue_time import VenueTimes
from daemon.views.rim import Figures, RecentSignal
from daemon.views.status import RECENT
from market.errors import InvariantBroken
from market.events import (
    Command,
    Notice,
    Recorded,
    Timer,
    Verb,
)
from market.instrument import Instrument
from shadow.store.store import Store
from shadow.store.tables.rollups import RollupRow
from venue.hyperliquid.feed import Feed, Listener, Reconnect, Told
from venue.hyperliquid.info import InfoClient

T = TypeVar("T")

LOOK_EVERY_S = 10
RECORD_EVERY_S = 60
TIDY_EVERY_S = 600


class Daemon:
    """Everything of one run, wired together."""

    def __init__(
        self,
        plan: Plan,
        endpoint: Endpoint,
        info: InfoClient,
        listed: dict[str, Instrument],
        reading: Reading | None = None,
        store: Store | None = None,
        own: Lease | None = None,
    ) -> None:
        self.state = plan.state
        self.network = plan.venue
        self.late_ms = 0.0
        self.recent: deque[RecentSignal] = deque(maxlen=RECENT)
        self._plan = plan
        self._endpoint = endpoint
        self._store = store or Store(
            plan.state.database, mode=plan.state.folder, network=self.network, say=log.info
        )
        with ExitStack() as undo:
            undo.callback(self._store.close)
            if own is not None:
                undo.callback(give_back, self._store, own)
            self._take_up(listed, reading)
            undo.pop_all()
        self._wire(info)
        self.guard = Guard(
            self._store,
            self.journal,
            Custody(plan.state.database, lock_of(plan.state)),
            own,
            consume=self.consume,
            fail=self.supervisor.fail,
        )
        self._begin(reading)

    def _take_up(self, listed: dict[str, Instrument], reading: Reading | None) -> None:
        pieces = self._store.state()
        held = snapshot.held_coins(pieces)
        choice = choose_coins(self._plan.config, listed, held, self._store.known_coins())
        instruments, self.gone = choice.instruments, choice.gone
        self._config = self._plan.config.model_copy(update={"coins": tuple(instruments)})
        self.engine = build_engine(self._config, instruments)
        self.clock = Clock(snapshot.newest_ns(pieces), reading)
        first_seq = mended(self.state.tape)
        self._mended = snapshot.recover(self.engine, pieces, first_seq, self.clock.now_ns())
        self._decisions = DecisionLog(self.engine.branch.settlement.real.values())
        for line in unheeded(self._config, pieces):
            log.warning("setting without effect", text=line)
        self.started_ns = self.clock.now_ns()
        self._instruments = instruments
        coins = self.engine.market.coins.items()
        traded = [name for name, coin in coins if not coin.closed and name not in self.gone]
        # Here, where a start that the venue would not bear leaves nothing open behind it.
        self.session = session_of(traded, self._config, unread(self._config, holds=bool(held)))

    def _wire(self, info: InfoClient) -> None:
        config = self._config
        self.listing = Listing(
            info, self.engine, self.gone, self.consume, every_s=config.venue.listing_every_s
        )
        self.supervisor = Supervisor(
            on_restart=lambda name, why: self.note("restart", f"{name}: {why}")
        )
        self.journal = Journal(
            self._store,
            commit_s=config.store.commit_ms / 1e3,
            quiet_s=config.store.quiet_ms / 1e3,
            durable=lambda: snapshot.durable(self.engine),
            position=lambda: self.engine.vitals.seq,
            pressure=self._pressed,
            failed=self._store_failed,
            tape_failed=lambda why: self.note("tape", f"the tape stops: {why}"),
        )
        self.intake = Intake(self.session, self.engine, self._absorb, self.journal.line)
        self.history = History(
            info, self.consume, self.clock.now_ns, lambda why: self.note("history", why)
        )
        self.venue_times = VenueTimes(info, self.consume, self.clock, self.engine)
        self.lenses = LensProcess(config.lens, self.consume)
        self.housekeeping = Housekeeping(self.state.path, self.state.tape, config)
        self.readiness = Readiness(self)
        self.answers = Answers(self, self.consume, self.journal.commit)
        self.listener = Listener(self._frames, self._told)
        feed = config.feed
        self.feed = Feed(
            self._endpoint.ws,
            self.session,
            self.listener,
            now_ns=self.clock.now_ns,
            reconnect=Reconnect(
                feed.reconnect_min_s, feed.reconnect_max_s, feed.planned_reconnect_h * 3600.0
            ),
            rng=random.Random(),
        )

    def _begin(self, reading: Reading | None) -> None:
        """Begin the run's row and its tape; the venue's time is its first event."""
        mode = self.state.folder
        self.run_record = RunRecord(
            self._store,
            self.journal,
            self.engine,
            self.session,
            config=self._config,
            mode=mode,
            network=self.network,
            started_ns=self.started_ns,
        )
        instruments = list(self._instruments.values())
        self.taping = Taping(
            self.state.tape,
            self.journal,
            EngineRecorded(self.engine, self.session),
            origin=Origin(mode, self.network, self._config, instruments, self._endpoint.rest),
            session=self.session,
            now_ns=self.clock.now_ns,
        )
        seen = self.housekeeping.look()
        if self._config.tape.enabled and self.housekeeping.level == OK:
            self.taping.open()
        if reading is not None:
            self.consume(self.clock.event_of(reading))
        for event in seen:
            self.consume(event)

    # What the rim reports.

    def _frames(self, raws: list[bytes]) -> None:
        self._guard(lambda: self.intake.frames(raws, self.clock.now_ns()))

    def _told(self, event: Told) -> None:
        log_told(event, self._endpoint.ws)
        self.consume(event)

    def note(self, kind: str, message: str) -> None:
        """Put something that the rim has seen on record, as an alarm."""
        self.consume(Notice(kind, message))

    def _pressed(self, level: str) -> None:
        """Hold the venue back before anything would have to be dropped."""
        self.feed.pause(level == "full")
        if level == "ok":
            self.consume(Command(Verb.RESUME, "", "store"))
        else:
            self.consume(Command(Verb.HALT, f"the store falls behind ({level})", "store"))

    def _store_failed(self, why: str) -> None:
        if why:
            log.error("commit failed, keeping the rows and trying again", error=why)
            self.consume(Command(Verb.HALT, f"the database cannot be written: {why}", "database"))
        else:
            self.consume(Command(Verb.RESUME, "", "database"))

    def consume(self, event: Recorded | Timer) -> Outcome:
        """Let the engine take an event now; raises InvariantBroken when that fails."""
        event.recv_ns = self.clock.now_ns()
        fit_to_keep(event)
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
        for coin in outcome.closed:
            self.history.forget(coin)
        rows = outcome.rows
        if (
            rows.signals
            or rows.fills
            or rows.trade_updates
            or rows.alarms
            or rows.branch_alarms
            or outcome.notes
        ):
            self.recent.extend(self._decisions.log(rows, outcome.notes))

    def figures(self) -> Figures:
        """Return what the views need to know beside the engine."""
        return figures_of(self)

    # Tasks.

    async def run(self) -> str:
        """Run until told to stop; return why."""
        supervisor = self.supervisor
        supervisor.add("feed", self.feed.run)
        supervisor.add("seconds", self._seconds)
        supervisor.add("journal", self.journal.run)
        supervisor.add("history", self.history.run, Budget())
        supervisor.add("venue time", self.venue_times.run, Budget())
        supervisor.add("listing", self.listing.run, Budget())
        supervisor.add("control", lambda: self.answers.serve(self.state), Budget())
        proving = Proving(self.state.database, self.consume)
        supervisor.add("proving", proving.run, Budget())
        instruments = Instruments(self.state.database, self.consume)
        supervisor.add("instruments", instruments.run, Budget())
        regimes = Regimes(self.state.database, self.keep)
        supervisor.add("regimes", regimes.run, Budget())
        if self._config.lens.enabled:
            # What needs it has no data until it is back, which is no reason to end.
            supervisor.add("lenses", self.lenses.run, Budget(failures=100, pause_max_s=60.0))
        if self._endpoint.child is not None:
            child = self._endpoint.child
            supervisor.add("venue", lambda: watch(child))
        loop = asyncio.get_running_loop()
        for number in STOP:
            loop.add_signal_handler(number, self._signalled, number)
        self.readiness.begin()
        for text in self._mended:
            self.note("recovery", text)
        self.listing.announce()
        why = "fault"
        try:
            await supervisor.run()
            why = supervisor.stopped_by
        finally:
            self.readiness.end()
            await self.close(why)
        require_kept(self.journal, self.state.database)
        return why

    def _signalled(self, number: int) -> None:
        self._store.hurry()
        if self.supervisor.stopped_by and number == signal.SIGHUP:
            # A terminal may say so twice when it goes.
            return
        if self.supervisor.stopped_by:
            # Asked twice: a crash is as safe as a stop, and quicker.
            os._exit(128 + number)
        self.supervisor.stop(signal.Signals(number).name)

    async def close(self, why: str) -> None:
        """End the run's row, the tape and the database."""
        self._store.hurry()
        await self.journal.flush()
        await self.run_record.end(why, self.clock.now_ns())
        await self.guard.end()
        # Only now: even the flush may have led to events.
        await self.journal.close(self.taping.last_line(why))

    async def _seconds(self) -> None:
        """Tell the engine of every second, and look after everything that is due by the clock."""
        loop = asyncio.get_running_loop()
        due = loop.time() + 1.0
        began = loop.time()
        second, untidy = 0, False
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.late_ms = (loop.time() - due) * 1e3
            due = max(due + 1.0, loop.time())
            second += 1
            self.consume(Timer())
            self.taping.rotate()
            if self.readiness.look(loop.time() - began):
                self._ready()
            self.readiness.feed_watchdog(loop.time())
            self.guard.look(second)
            if second % LOOK_EVERY_S == 0:
                await self.look(second)
            if untidy or second % TIDY_EVERY_S == 0:
                untidy = await self.tidy()

    def _ready(self) -> None:
        log.info("ready", coins=len(self.engine.market.coins), bots=len(self.engine.market.lanes))
        missing = missing_history(self)
        if missing:
            self.note("history", f"ready without the history of {missing}; asked for")
        if self._plan.for_s is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(
                self._plan.for_s, self.supervisor.stop, f"--for {self._plan.for_s:g}s reached"
            )

    async def look(self, second: int) -> None:
        """Look after clock, disk, tape and the run's row; tidy up when `second` calls for it."""
        if stepped := self.clock.check(self.engine.clock.learned_ns):
            self.note("clock", stepped)
        for event in self.housekeeping.look():
            self.consume(event)
        if second % RECORD_EVERY_S == 0:
            await self.run_record.progress()
        allowed = self.housekeeping.level == OK
        if not allowed:
            self.taping.close("disk")
        elif not self.journal.recording and self._config.tape.enabled:
            self.taping.open()
        if second % TIDY_EVERY_S == 0:
            self.housekeeping.tidy_tape()

    async def keep(self, row: RollupRow) -> None:
        """Write a row of what is worked out beside the engine, in the writer's thread."""
        await self.journal.in_thread(partial(self._store.keep, [row]))

    async def tidy(self) -> bool:
        """Delete a slice of the rows that are due, fold others; return whether there are more."""
        work = partial(self._store.tidy, self.housekeeping.limits(self.clock.now_ns()))
        with suppress(sqlite3.Error):
            more = self.housekeeping.weigh(await self.journal.in_thread(work), self.consume)
            return await self.journal.in_thread(partial(keep_folds, self._store)) or more
        return False
