"""Engine on the local world in virtual time: minutes of trading in a second, no sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from daemon.config.load import parse
from daemon.engine.engine import Engine
from daemon.engine.factory import build_engine
from daemon.engine.intake import Intake
from daemon.engine.outcome import Outcome
from daemon.live.startup import subscriptions
from market.decision import Request
from market.events import Candles, Event, FeedUp, FundingHistory, Timer
from shadow.store.rows import Rows
from venue.hyperliquid import replies
from venue.hyperliquid.session import Session
from venue.local.world.virtual import frames, topics_of
from venue.local.world.world import World
from venue.tape.lines import FORMAT, Header, record_line

SECOND_NS = 1_000_000_000
MIDNIGHT_MS = 1_795_392_000_000  # 2026-11-23T00:00:00Z
START_MS = MIDNIGHT_MS + 10 * 3_600_000
COINS = ("BTC", "ETH", "SOL", "DOGE")


@cache
def world(seed: int = 7) -> World:
    """Return a world with thirty days of history before the start."""
    return World(seed, MIDNIGHT_MS - 30 * 86_400_000)


@dataclass
class Run:
    """An engine under way; `rows` are all rows so far, `lines` the tape it would have written."""

    engine: Engine
    session: Session
    intake: Intake
    world: World
    config: dict[str, Any]
    rows: Rows = field(default_factory=Rows)
    lines: list[bytes] = field(default_factory=list)
    due: list[tuple[int, Event]] = field(default_factory=list)
    now_ns: int = 0
    tick_ns: int = 0

    def header_line(self, state: bytes = b"null", *, code_version: str = "test") -> bytes:
        """Return a tape header for what has been run from here on."""
        header = Header(
            lenses=True,
            format=FORMAT,
            code_version=code_version,
            mode="local",
            network="local",
            seed=self.config["seed"],
            first_seq=self.engine.vitals.seq + 1,
            config=self.config,
            instruments=[coin.instrument for coin in self.engine.market.coins.values()],
            instruments_from="the local world",
            subscriptions=msgspec.to_builtins(list(self.session.streams)),
            session=msgspec.Raw(msgspec.json.encode(self.session.state())),
            engine=msgspec.Raw(state),
        )
        return record_line("H", self.now_ns, header)

    def advance(self, seconds: float, *, on_second: Callable[[], None] | None = None) -> None:
        """Let the market run on: frames, seconds, and replies to what the engine asked for."""
        start_ms = self.now_ns // 1_000_000
        topics = topics_of(self.session.streams)
        for ns, raw in frames(self.world, topics, start_ms, start_ms + int(seconds * 1000)):
            while self.tick_ns <= ns:
                self._tick(on_second)
            self.now_ns = max(self.now_ns, ns)
            self.intake.frames([raw], self.now_ns)

    def _tick(self, on_second: Callable[[], None] | None) -> None:
        self.now_ns = self.tick_ns
        self.tick_ns += SECOND_NS
        waiting, self.due = self.due, []
        for due_ns, event in waiting:
            if due_ns > self.now_ns:
                self.due.append((due_ns, event))
                continue
            event.recv_ns = self.now_ns
            self.intake.fact(event)
        self.intake.fact(Timer(self.now_ns))
        if on_second is not None:
            on_second()

    def absorb(self, outcome: Outcome) -> None:
        """Keep rows; let requests be answered two seconds later."""
        self.rows.extend(outcome.rows)
        for request in outcome.requests:
            self.due.append((self.now_ns + 2 * SECOND_NS, self._reply(request)))

    def _reply(self, request: Request) -> Event:
        now_ms = self.engine.vitals.now_ns // 1_000_000
        if request.what == "funding":
            rows = self.world.funding_history(request.coin, request.from_ms, request.to_ms)
            return FundingHistory(request.coin, replies.decode_funding(msgspec.json.encode(rows)))
        rows = self.world.candles(
            request.coin, request.timeframe, request.from_ms, request.to_ms, now_ms
        )
        candles = replies.decode_candles(msgspec.json.encode(rows))
        return Candles(request.coin, request.timeframe, candles.rows, self.engine.vitals.now_ns)  # type: ignore[arg-type]


def begin(
    *,
    seed: int = 7,
    start_ms: int = START_MS,
    coins: tuple[str, ...] = COINS,
    config: Mapping[str, Any] | None = None,
    up: bool = True,
) -> Run:
    """Return a run at its first instant, with the feed up."""
    settings = parse({"coins": list(coins), "seed": seed, **(config or {})}, "test")
    the_world = world(seed)
    engine = build_engine(settings, {c: the_world.instruments[c] for c in coins})
    session = Session(subscriptions(coins))
    run = Run(
        engine, session, Intake(session, engine, _later, _later), the_world, settings.resolved()
    )
    run.intake = Intake(session, engine, run.absorb, run.lines.append)
    run.now_ns = start_ms * 1_000_000
    run.tick_ns = run.now_ns + SECOND_NS
    if up:
        run.intake.fact(FeedUp(run.now_ns))
    return run


def _later(_: Any) -> None:
    """Stand in until the run exists."""
