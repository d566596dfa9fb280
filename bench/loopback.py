"""Latency from the venue's send to the end of the engine's step, over a real socket.

The feed, session, intake and engine are the daemon's; the sender is another process. Both ends
read the same monotonic clock, so the latency needs no synchronisation.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from typing import IO, Any

from bench.market import Stretch, nowhere, stretch, warm_intake
from bench.result import Result
from bench.rounds import over_rounds, percentile, settled_gc
from bench.sender import SENT
from daemon.engine.intake import Intake
from daemon.engine.outcome import Outcome
from market.errors import require
from market.events import NS_PER_S, Event, FeedDown, Timer
from venue.hyperliquid.feed import Feed, Listener, Reconnect, Told
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import Subscription

Loop = Callable[[], asyncio.AbstractEventLoop]
TEMPLATES = 2_000
RATES = (200, 2_000)


@dataclass
class Heard:
    """Findings of one run over the socket."""

    latencies_us: list[float] = field(default_factory=list)
    decisions_us: list[float] = field(default_factory=list)
    cpu_us: float = 0.0
    reads: int = 0
    skipped: int = 0


class Timed(Intake):
    """An intake that notes when each step ended; lines and steps then pair up."""

    def __init__(self, warm: Intake, session: Session) -> None:
        self.lines: list[bytes] = []
        self.ends: list[int] = []
        self.decided: list[int] = []
        super().__init__(session, warm.engine, nowhere, self.lines.append)

    def step(self, event: Event) -> Outcome:
        """Take an event, then look at the clock."""
        outcome = super().step(event)
        self.ends.append(time.monotonic_ns())
        if outcome.rows.signals:
            self.decided.append(len(self.ends) - 1)
        return outcome

    def heard(self) -> Heard:
        """Return how long each frame took from its sender's stamp to the end of its step."""
        stepped = [line for line in self.lines if line[:1] in b"FT"]
        require(len(stepped) == len(self.ends), "a frame led to no step")
        waits = [
            (end - int(line[line.rindex(SENT) + len(SENT) : -2])) / 1e3
            if line.startswith(b"F")
            else None
            for line, end in zip(stepped, self.ends, strict=True)
        ]
        found = Heard([wait for wait in waits if wait is not None], skipped=self.skipped)
        decided = (waits[i] for i in self.decided)
        found.decisions_us = [wait for wait in decided if wait is not None]
        return found


def loops() -> dict[str, Loop]:
    """Return the event loops there are."""
    found: dict[str, Loop] = {"asyncio": asyncio.SelectorEventLoop}
    if find_spec("uvloop") is not None:
        found["uvloop"] = import_module("uvloop").new_event_loop
    return found


def measure(
    rounds: int,
    market: Stretch | None = None,
    *,
    seconds: float = 4.0,
    rates: tuple[int, ...] = RATES,
) -> Result:
    """Listen to the sender at each rate on each loop, in turns."""
    market = market or stretch()
    warm = warm_intake(market)
    bbo = [raw for raw in market.frames if raw.startswith(b'{"channel":"bbo"')]
    ways = [(name, loop, rate) for rate in rates for name, loop in loops().items()]
    found: dict[tuple[str, int], list[Heard]] = {(name, rate): [] for name, _, rate in ways}
    for number in range(rounds):
        for name, loop, rate in islice(cycle(ways), number, number + len(ways)):
            found[name, rate].append(
                listen(warm, market.coins, bbo, loop, rate, int(rate * seconds))
            )
    result = Result("Wire to decision over a loopback socket, best bids and offers", "G11")
    for (name, rate), heard in found.items():
        for share in (0.5, 0.9, 0.99):
            waits = [percentile(h.latencies_us, share) for h in heard]
            what = f"{name}, {rate:,}/s, p{share * 100:.0f}"
            goal = {"must": 5_000.0, "stretch": 1_000.0, "lower": True} if share == 0.99 else {}
            result.figures.append(over_rounds(what, waits, "us", **goal))
        spent = [h.cpu_us for h in heard]
        result.figures.append(over_rounds(f"{name}, {rate:,}/s, CPU a frame", spent, "us"))
        frames = sum(len(h.latencies_us) for h in heard)
        reads, skipped = sum(h.reads for h in heard), sum(h.skipped for h in heard)
        result.counts.append(
            f"{name}, {rate:,}/s: {frames:,} frames in {reads:,} socket reads, {skipped} skipped"
        )
    result.notes = [
        "from the sender's stamp before its send() to the end of engine.step, wall time; CPU is "
        "the loop's thread, kernel receive included; the caches are as cold as a live feed's",
    ]
    return result


def listen(
    warm: Intake, coins: tuple[str, ...], frames: list[bytes], loop: Loop, rate: int, count: int
) -> Heard:
    """Receive `count` frames from a sender of their own and return what they took."""
    ahead_ns = warm.engine.vitals.now_ns + NS_PER_S - time.monotonic_ns()
    session = Session([Subscription("bbo", coin) for coin in coins])
    for coin in warm.engine.market.coins.values():
        # Only best bids and offers come from here on; they must count as the book's pulse.
        for silent in (coin.streams.fast, coin.streams.slow):
            silent.interrupt()
    intake = Timed(warm, session)
    order = {"rate": rate, "count": count, "ahead_ns": ahead_ns}
    with (
        sending(order, frames) as (port, _),
        settled_gc(),
        asyncio.Runner(loop_factory=loop) as runner,
    ):
        met = runner.run(_hear(intake, port, count, lambda: time.monotonic_ns() + ahead_ns))
    heard = intake.heard()
    heard.cpu_us, heard.reads = met.cpu_us, met.reads
    require(len(heard.latencies_us) + heard.skipped == count, "frames were lost")
    return heard


@contextmanager
def sending(order: dict[str, Any], frames: list[bytes]) -> Iterator[tuple[int, IO[bytes]]]:
    """Yield the port of a new sender and what it prints from then on."""
    sender = subprocess.Popen(
        [sys.executable, "-m", "bench.sender"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    assert sender.stdin is not None and sender.stdout is not None
    lines = [json.dumps(order).encode(), *islice(cycle(frames), min(order["count"], TEMPLATES))]
    try:
        with sender.stdin as pipe:
            pipe.write(b"\n".join(lines))
        yield int(sender.stdout.readline()), sender.stdout
    finally:
        sender.kill()
        sender.wait()
        sender.stdout.close()


async def _hear(intake: Timed, port: int, count: int, now_ns: Callable[[], int]) -> Heard:
    heard = Heard()
    over = asyncio.Event()
    began = 0.0

    def frames(raws: list[bytes]) -> None:
        nonlocal began
        began = began or time.thread_time()
        heard.reads += 1
        intake.frames(raws, now_ns())
        if intake.session.frames >= count:
            heard.cpu_us = (time.thread_time() - began) / count * 1e6
            over.set()

    def told(event: Told) -> None:
        if isinstance(event, FeedDown):
            over.set()

    feed = Feed(
        f"ws://127.0.0.1:{port}",
        intake.session,
        Listener(frames, told),
        now_ns=now_ns,
        reconnect=Reconnect(),
        rng=random.Random(7),
    )
    task = asyncio.create_task(feed.run())
    try:
        while not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 1.0)
            intake.fact(Timer(now_ns()))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return heard
