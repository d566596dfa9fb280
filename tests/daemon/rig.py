"""Runs of the engine for the daemon's tests: made once, replayed as often as wanted.

A market is made once and kept, because making it costs more than trading on it. `Scene` adds
what `tests.support.virtual` leaves out: outages, several frames in one socket read, commands.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from daemon.config.load import parse
from daemon.engine.engine import Engine
from daemon.engine.factory import build_engine
from daemon.engine.intake import Intake
from daemon.live.startup import subscriptions
from divisions.bot import Bot
from divisions.lane import Lane
from market.coin import Coin
from market.decision import ExitPlan, Signal
from market.events import Command, FeedDown, FeedUp, Notice
from market.view import View
from shadow.store.rows import Rows
from tests.support import virtual
from venue.hyperliquid.session import Session, SessionState
from venue.local.world.virtual import frames, topics_of
from venue.tape.lines import Record, segment_name
from venue.tape.writer import SegmentWriter

SECOND_NS = 1_000_000_000
PAIR = ("BTC", "ETH")
BUSY = ("BTC", "ETH", "SOL", "DOGE")
# Ten minutes around a midnight: an hour is funded and a day is split.
EVE_MS = virtual.MIDNIGHT_MS - 5 * 60_000
# One coin and one division get little room, so that sizes are clamped and refused.
TIGHT = {
    "gate": {
        "position": {"coin_cap_share": 0.15},
        "division": {"division_cap_share": 0.3},
        "cooldown": {"rest_s": 60.0},
    }
}
# What the market looks like does not matter; only the named limits are judged.
OPEN = {name: {"mode": "off"} for name in ("direction", "freshness", "liquidity", "cooldown")}


@cache
def frames_between(
    seed: int, coins: tuple[str, ...], start_ms: int, end_ms: int
) -> tuple[tuple[int, bytes], ...]:
    """Return the frames of a stretch of market with their arrival times."""
    topics = topics_of(subscriptions(coins))
    return tuple(frames(virtual.world(seed), topics, start_ms, end_ms))


class Scene:
    """A virtual run that can be cut off, halted, and read several frames at a time."""

    def __init__(
        self,
        *,
        seed: int = 7,
        coins: tuple[str, ...] = BUSY,
        start_ms: int = virtual.START_MS,
        config: Mapping[str, Any] | None = None,
        lanes: Iterable[Lane] = (),
        before: Callable[[Engine], object] = lambda engine: None,
    ) -> None:
        """Begin with the feed coming up; `before` may still change the engine first."""
        self.seed, self.coins = seed, coins
        self.run = virtual.begin(seed=seed, start_ms=start_ms, coins=coins, config=config, up=False)
        self.engine = self.run.engine
        for lane in lanes:
            self.engine.market.lanes[lane.name] = lane
        self.engine.market.resubscribe()
        before(self.engine)
        self.run.intake.fact(FeedUp(self.run.now_ns))
        self._rng = random.Random(seed)

    @property
    def rows(self) -> Rows:
        """Return every row so far."""
        return self.run.rows

    def advance(
        self,
        seconds: float,
        *,
        deaf: bool | str = False,
        reads: int = 1,
        on_second: Callable[[], None] | None = None,
    ) -> None:
        """Let the market run; `deaf` to all frames or a coin's, up to `reads` frames a read."""
        run = self.run
        start_ms = run.now_ns // 1_000_000
        end_ms = start_ms + int(seconds * 1000)
        waiting: list[bytes] = []
        for ns, raw in frames_between(self.seed, self.coins, start_ms, end_ms):
            while run.tick_ns <= ns:
                self._read(waiting)
                run._tick(on_second)
            run.now_ns = max(run.now_ns, ns)
            if deaf is True or (deaf and f'"{deaf}"'.encode() in raw):
                continue
            waiting.append(raw)
            if len(waiting) >= self._rng.randint(1, reads):
                self._read(waiting)
        self._read(waiting)

    def _read(self, waiting: list[bytes]) -> None:
        if waiting:
            self.run.intake.frames(list(waiting), self.run.now_ns)
            waiting.clear()

    def outage(self, seconds: float, reason: str = "cut") -> None:
        """Lose the connection for a while."""
        self.tell(FeedDown(reason))
        self.advance(seconds, deaf=True)
        self.tell(FeedUp())

    def tell(self, event: Any) -> Any:
        """Tell the engine a fact now; return the outcome."""
        event.recv_ns = self.run.now_ns
        return self.run.intake.fact(event)


@cache
def eventful(seed: int = 7, **_: Any) -> Scene:
    """Return ten minutes with everything in them. Read it, never move it on.

    Making it takes seconds: tests that read it are of the group "eventful market", or "busy
    market" where one seed will do, so that they share a worker.
    """
    scene = Scene(seed=seed, start_ms=EVE_MS, config=TIGHT)
    scene.advance(110, reads=4)
    scene.tell(Notice("test", "something the rim saw"))
    scene.outage(45)
    scene.advance(60, reads=6)
    scene.tell(Command("halt", "a pause"))
    scene.advance(40)
    scene.tell(Command("resume"))
    scene.advance(75, reads=3)
    # One coin falls silent behind a healthy connection.
    scene.advance(40, deaf="ETH")
    scene.outage(5, "planned")
    scene.advance(225, reads=4)
    return scene


class Fresh(Struct):
    """An engine at the start of a recording, and what comes out of it."""

    engine: Engine
    session: Session
    intake: Intake
    rows: Rows
    steps: list[tuple[int, Rows]]
    lines: list[bytes]

    def play(self, records: Iterable[Record]) -> None:
        """Take recorded lines, keeping every outcome's rows by event number."""
        for record in records:
            if record.kind in "FfTRCXL":
                self.intake.replay(record)


def fresh(config: Mapping[str, Any], coins: Iterable[str], *, seed: int = 7) -> Fresh:
    """Return a fresh engine for a resolved configuration."""
    names = tuple(coins)
    world = virtual.world(seed)
    engine = build_engine(
        parse({**config, "coins": list(names)}, "test"), {c: world.instruments[c] for c in names}
    )
    session = Session(subscriptions(names))
    rows, steps, lines = Rows(), [], []

    def absorb(outcome: Any) -> None:
        rows.extend(outcome.rows)
        if outcome.rows.size():
            steps.append((outcome.seq, outcome.rows))

    intake = Intake(session, engine, absorb, lines.append)
    return Fresh(engine, session, intake, rows, steps, lines)


def again(scene: Scene) -> Fresh:
    """Return a fresh engine like a scene's own, before its first event."""
    return fresh(scene.run.config, scene.coins, seed=scene.seed)


def records_of(lines: Iterable[bytes]) -> list[Record]:
    """Return tape lines as records."""
    found = []
    for line in lines:
        kind, ns, *rest = line[:-1].split(b" ", 2)
        found.append(Record(kind.decode(), int(ns), rest[0] if rest else b""))
    return found


def write_segment(folder: Path, header: bytes, lines: Iterable[bytes], end: bytes = b"") -> Path:
    """Write a tape segment; without an end line it is torn, as a crash leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    record = records_of([header])[0]
    first_seq = msgspec.json.decode(record.payload)["first_seq"]
    path = folder / segment_name(first_seq, record.ns)
    writer = SegmentWriter(path)
    writer.write(header)
    writer.write(b"".join(lines))
    if end:
        writer.close(end)
    else:
        writer.abandon()
    return path


def session_state(session: Session) -> SessionState:
    """Return a session's state as a reader of it would get it."""
    return msgspec.json.decode(msgspec.json.encode(session.state()), type=SessionState)


class NoParams(Struct, frozen=True):
    """Nothing to set."""


class Count(Struct):
    """How often a coin's hook was called."""

    calls: int = 0


class Probe(Bot[NoParams, Count]):
    """A bot that does what a test wants at every book of a coin."""

    name = "probe"
    division = "flow"
    params_type = NoParams
    memory_type = Count

    def __init__(self, act: Callable[[Count, Coin, View], Any]) -> None:
        super().__init__(NoParams())
        self.act = act

    def on_book(self, memory: Count, coin: Coin, view: View) -> Any:
        """Count, then act."""
        memory.calls += 1
        return self.act(memory, coin, view)


def probe(act: Callable[[Count, Coin, View], Any], name: str = "probe") -> Lane:
    """Return a lane around a bot that does `act`."""
    bot = Probe(act)
    lane = Lane(bot)
    lane.name = name
    return lane


def entry(coin: Coin, side: int = 1, *, stop: float = 0.01, horizon_s: float = 20.0) -> Signal:
    """Return a plain signal with a stop the given share of the mid away."""
    mid = coin.book.mid
    return Signal(
        coin.name,
        side,
        1.0,
        ExitPlan(stop_px=mid * (1 - side * stop), horizon_ns=int(horizon_s * SECOND_NS)),
        "a test wants it",
        {"mid": mid},
    )
