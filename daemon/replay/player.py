"""Player of tapes: a re-run at full speed through the very same code.

The tape's own configuration, seed, instruments and state are used. Where the tape says what the
digest was, it is compared. Rows are written inline: a writer thread would starve beside a loop
that never sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct
from msgspec import field as member

from daemon.config.load import parse
from daemon.config.sections import Config
from daemon.engine import branch_state, snapshot
from daemon.engine.branches import variant
from daemon.engine.branches.variant import Variant
from daemon.engine.engine import Engine
from daemon.engine.factory import build_engine
from daemon.engine.intake import Intake
from daemon.engine.outcome import Outcome, Vitals
from daemon.lens.inline import InlineLenses
from daemon.replay.result import DeskResult, Result
from daemon.version import code_version
from market.errors import GnomonError, InputDamaged
from shadow.store.rows import Rows
from shadow.store.store import Store
from venue.hyperliquid.session import Session, SessionState
from venue.hyperliquid.streams import Subscription
from venue.tape.continuity import Continuity
from venue.tape.lines import Header, Record, decode_header
from venue.tape.segment import Segment, segments_of

ROWS_A_COMMIT = 5000
NEVER_NS = 1 << 63
RECORDS_A_WORD = 2_000


class Follower(Protocol):
    """One that follows a replay from engine to engine."""

    def begins(self, engine: Engine) -> None:
        """Take note of an engine before its first event."""

    def absorb(self, outcome: Outcome) -> None:
        """Take note of an outcome that says something."""


class _Mark(Struct):
    """A D or E line."""

    digest: str = ""


class _LastSeen(Struct):
    now_ns: int = NEVER_NS


class _Head(Struct):
    """What a header's engine state says of the last event that was committed before it."""

    vitals: _LastSeen = member(default_factory=_LastSeen)


class Player:
    """One replay; with a store, rows and state go there as they would live.

    Filters named in `without` observe on one branch beside the desk, or, with `whole`, are off on
    the desk itself. With `apart` all branches are there, whatever the tape says of them; they are
    forked where it begins and never again, and so is that one. `progress` is told now and then
    which share of the tape has been read.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        without: Collection[str] = (),
        whole: bool = False,
        apart: bool = False,
        override: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        follower: Follower | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        self._store = store
        self._off = frozenset(without if whole else ())
        self._apart = apart or bool(without and not whole)
        self._variants = _variants(without, whole=whole, apart=apart)
        self._override = override
        self._follower = follower
        self._progress = progress
        self._found: list[Segment] = []
        self._rows = Rows()
        self._pending = 0
        self._order: Continuity | None = None
        self._same_code = False
        # Where the run's own database ended before a crash, and the counters once beyond that.
        self._until_ns = NEVER_NS
        self._lost: Vitals | None = None
        self._intake: Intake | None = None
        self._lenses: InlineLenses | None = None
        self._run_id = 0
        self.engine: Engine | None = None
        self.result = Result(code_version=code_version())

    def play(self, path: Path) -> Result:
        """Replay a tape folder or one segment; raises InputDamaged."""
        started, cpu = time.perf_counter(), time.process_time()
        found = self._found = segments_of(path)
        self._order = order = Continuity(found)
        for segment, until_ns in zip(found, _committed_until(found), strict=True):
            self._until_ns = until_ns
            self._segment(segment, order)
        if self.engine is None:
            raise InputDamaged(f"{found[0].path}: not a tape (no header)")
        result = self.result
        result.torn, result.dropped_bytes = order.torn, order.dropped
        result.missing_events, result.damage = order.missing, order.damage
        if result.damage and result.digest_match:
            result.digest_match = None
        self._finish()
        result.wall_s = time.perf_counter() - started
        result.cpu_s = time.process_time() - cpu
        result.events_per_s = result.events / result.wall_s if result.wall_s else 0.0
        return result

    def _segment(self, segment: Segment, order: Continuity) -> None:
        records = self._told(segment.records())
        first = next(records, None)
        # A crash between two segments leaves the newer one without even its header.
        if first is not None:
            if first.kind != "H":
                raise InputDamaged(f"{segment.path}: not a tape (no header)")
            header = decode_header(first.payload, segment.path)
            order.begins(header, segment.path)
            self._same_code = header.code_version == self.result.code_version
            self._begin(header, first.ns, segment.path)
            self._records(records, segment.path)
        order.ends(segment)

    def _told(self, records: Iterator[Record]) -> Iterator[Record]:
        """Return records that tell now and then how far the tape has been read."""
        progress = self._progress
        return records if progress is None else self._telling(records, progress)

    def _telling(
        self, records: Iterator[Record], progress: Callable[[float], None]
    ) -> Iterator[Record]:
        total = sum(segment.path.stat().st_size for segment in self._found)
        for count, record in enumerate(records):
            if count % RECORDS_A_WORD == 0:
                progress(sum(segment.sound for segment in self._found) / max(total, 1))
            yield record

    def _records(self, records: Iterable[Record], path: Path) -> None:
        assert self._intake is not None
        replay, lenses = self._intake.replay, self._lenses
        frames = 0
        for record in records:
            kind = record.kind
            if kind in "FfTRCXL":
                frames += kind in "Ff"
                if record.ns > self._until_ns and self._lost is None and not self._off:
                    self._lose()
                if lenses is not None:
                    for update in lenses.due(record.ns):
                        self._intake.step(update)
                replay(record)
                if self._pending >= ROWS_A_COMMIT:
                    self._commit()
            elif kind in "DE":
                self._compare(record, path)
        self.result.frames += frames

    def _begin(self, header: Header, ns: int, path: Path) -> None:
        engine = self.engine
        order = self._order
        # The same run goes on. A counterfactual also goes on across a restart: the state the real
        # run came back with belongs to another history. Across a hole nothing does.
        continues = order is not None and (order.goes_on or (bool(self._off) and not order.apart))
        if engine is not None and continues:
            return
        if engine is not None:
            self._commit()
            self._total(engine)
            self._lost = None
        changed = None
        if self._override is not None:
            changed = parse(self._override(header.config), "the changed configuration")
        try:
            parsed = changed or parse(header.config, "its configuration")
            engine, session = self._take_up(header, parsed, ns)
        except (GnomonError, msgspec.MsgspecError, LookupError) as error:
            # Mostly a tape of another version, whose state meant other things.
            raise InputDamaged(
                f"{path}: recorded by {header.code_version}, cannot be taken up by "
                f"{self.result.code_version} ({error})"
            ) from None
        if self._follower is not None:
            self._follower.begins(engine)
        engine.vitals.seq = header.first_seq - 1
        self._before = deepcopy(engine.vitals)
        self.engine = engine
        self._intake = Intake(session, engine, self._absorb, _nowhere)
        looks = parsed.lens.enabled and not header.lenses
        self._lenses = InlineLenses(parsed.lens) if looks else None
        self.result.recorded_by = header.code_version
        self.result.instruments_from = header.instruments_from
        if self._store is not None and not self._run_id:
            self._rows.extend(engine.series.rows(header.first_seq))
            self._run_id = self._store.begin_run(
                started_ns=ns,
                mode="replay",
                network=header.network,
                config_hash=parsed.hash(),
                policy_hash=engine.branch.books.identity.policy_hash,
                code_version=self.result.code_version,
                seed=parsed.seed,
                first_seq=header.first_seq,
                last_seq=header.first_seq - 1,
                config=msgspec.json.encode(parsed.resolved()).decode(),
            )

    def _take_up(self, header: Header, config: Config, ns: int) -> tuple[Engine, Session]:
        instruments = {i.coin: i for i in header.instruments}
        engine = build_engine(config, instruments, without=self._off, variants=self._variants)
        session = Session(
            msgspec.convert(header.subscriptions, list[Subscription]), lines=header.lines
        )
        if bytes(header.engine) != b"null":
            snapshot.restore(engine, header.engine, branches=not self._apart)
        if self._apart:
            engine.desks.booking.lasting = True
            if self.engine is not None:
                branch_state.carry(self.engine.desks, engine.desks)
        if bytes(header.session) != b"null":
            session.restore(msgspec.json.decode(header.session, type=SessionState))
        if engine.vitals.feed_up:
            # The segment begins on a connection that is open: no line of it will say so.
            for line in engine.vitals.lines or [0]:
                session.opened(ns, line)
        return engine, session

    def _lose(self) -> None:
        """Write down what was committed before a crash; what follows on the tape was not."""
        assert self.engine is not None
        self._commit()
        self._lost = deepcopy(self.engine.vitals)

    def _absorb(self, outcome: Outcome) -> None:
        if outcome.lenses and self._lenses is not None and self.engine is not None:
            self._lenses.ask(outcome.lenses, self.engine.vitals.now_ns)
        if self._follower is not None:
            self._follower.absorb(outcome)
        if self._store is not None and self._lost is None:
            self._rows.extend(outcome.rows)
            self._pending += outcome.rows.size()

    def _commit(self) -> None:
        if self._store is None or self.engine is None or self._lost is not None:
            return
        self._store.write(self._rows, snapshot.durable(self.engine))
        self._rows = Rows()
        self._pending = 0

    def _compare(self, record: Record, path: Path) -> None:
        assert self.engine is not None
        try:
            mark = msgspec.json.decode(record.payload, type=_Mark)
        except msgspec.MsgspecError as error:
            raise InputDamaged(f"{path}: unreadable digest line ({error})") from None
        if not mark.digest:
            return
        result = self.result
        result.recorded_digest = mark.digest
        if result.digest_match is None:
            result.digest_match = True
        if mark.digest == self.engine.digest:
            return
        result.same_code_mismatch |= self._same_code
        if not result.mismatch:
            result.digest_match = False
            seq = self.engine.vitals.seq
            result.mismatch = f"first differs by event {seq} in {path.name}"

    def _total(self, engine: Engine) -> None:
        result, now, then = self.result, self._lost or engine.vitals, self._before
        assert self._intake is not None
        result.digest = engine.digest
        result.branch_digest = engine.vitals.branch_digest.hex()
        result.events += engine.vitals.seq - then.seq
        result.admitted += now.admitted - then.admitted
        result.blocked += now.blocked - then.blocked
        result.signals = result.admitted + result.blocked
        result.trades = result.admitted
        result.phantoms += now.phantoms - then.phantoms
        result.alarms += now.alarms - then.alarms
        result.idle_bots = engine.market.idle_bots()
        for kind, count in self._intake.session.violations.items():
            result.violations[kind] = result.violations.get(kind, 0) + count

    def _finish(self) -> None:
        engine = self.engine
        if engine is None:
            return
        self._commit()
        if self._variants and self._variants != "standard":
            self.result.desks = _desks(engine)
        self._total(engine)
        if self._store is not None:
            self._store.update_run(
                self._run_id,
                ended_ns=engine.vitals.now_ns,
                ended_why="end of tape",
                last_seq=engine.vitals.seq,
                frames=self.result.frames,
                events=self.result.events,
                digest=engine.digest,
            )


def _variants(
    without: Collection[str], *, whole: bool, apart: bool
) -> Sequence[Variant] | Literal["standard"] | None:
    if whole:
        return ()
    if without:
        return variant.without(without)
    return "standard" if apart else None


def _desks(engine: Engine) -> list[DeskResult]:
    """Return the desk, whose equal the branch that toggles nothing is, and the one without."""
    found = []
    money_e6 = engine.series.money_e6
    engine.desks.branches.value()
    for side in engine.desks.branches.sides:
        course, net_e6 = side.course, side.desk.equity_e6 - side.course.start_e6
        ignored = ", ".join(sorted(side.variant.ignored))
        found.append(
            DeskResult(
                f"without {ignored}" if ignored else "the desk",
                net_e6 / 1e6,
                net_e6 / money_e6 if money_e6 else None,
                course.depth_e6 / 1e6,
                course.closed,
            )
        )
    return found


def _committed_until(found: list[Segment]) -> list[int]:
    """Return, by segment, up to which time its rows were committed.

    After a crash the next run takes up from the last commit, and the tape, which is always
    ahead of it, holds decisions that nobody was ever told of. A replay makes them again and
    compares the digest, but writes them down no more than the run did.
    """
    limits = [NEVER_NS]
    for segment in found[:0:-1]:
        try:
            written = segment.header().engine
            head = msgspec.json.decode(written, type=_Head | None) or _Head()
        except (InputDamaged, msgspec.MsgspecError):
            # Whatever is wrong with it is said when it is played.
            head = _Head()
        limits.append(min(limits[-1], head.vitals.now_ns))
    return limits[::-1]


def _nowhere(line: bytes) -> None:
    """A replay writes no tape."""
