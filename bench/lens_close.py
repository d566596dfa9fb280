"""Delay from a minute's close to the last raw answer for 150 coins, and what the loop feels.

A whole engine with its intake, and the lens process as the daemon runs it. A task that sleeps one
millisecond after the other says how long the loop was held up; a control without questions says
what of that is the machine's doing.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench import lens_closes
from bench.lens_closes import Array
from bench.loopback import loops
from bench.market import nowhere
from bench.result import Figure, Result
from bench.rounds import over_rounds, settled_gc
from daemon.config.load import parse
from daemon.config.sections import Config
from daemon.engine.factory import build_engine
from daemon.engine.intake import Intake
from daemon.engine.outcome import Outcome
from daemon.lens.client import LensProcess
from market.decision import LensAsk
from market.errors import require
from market.events import (
    MS_PER_MINUTE,
    NS_PER_MS,
    NS_PER_S,
    Candle,
    Candles,
    LensUpdate,
    Print,
    Timer,
    TradesUpdate,
)
from market.instrument import Instrument
from market.series import KEEP_MINUTES
from venue.hyperliquid.session import Session

T = TypeVar("T")

COINS = 150
GRACE_MS = 500
TICK_S = 0.001
CONTROL_S = 0.5
PATIENCE_S = 900.0
CACHE = "NUMBA_CACHE_DIR"


@dataclass
class Desk:
    """An engine, its intake, and what was asked and answered since the last close."""

    table: Array
    minute: int = 0
    asked: list[LensAsk] = field(default_factory=list)
    raw_left: int = 0
    left: int = 0
    raw_at: float = 0.0
    longest_cpu_s: float = 0.0
    lines: int = 0

    def __post_init__(self) -> None:
        names = lens_closes.coin_names(len(self.table))
        self.config: Config = parse({"coins": names}, "bench")
        instruments = {name: Instrument(name, number, 2, 20) for number, name in enumerate(names)}
        engine = build_engine(self.config, instruments)
        self.intake = Intake(Session(()), engine, self._absorb, self._line)
        self.names = names
        self.all_answered = asyncio.Event()
        self.raw_answered = asyncio.Event()

    def _line(self, _: bytes) -> None:
        self.lines += 1

    def _absorb(self, outcome: Outcome) -> None:
        self.asked += outcome.lenses

    @property
    def now_ns(self) -> int:
        """Return when the last closed minute had its grace."""
        ms = lens_closes.START_MS + self.minute * MS_PER_MINUTE + GRACE_MS
        return ms * NS_PER_MS

    def history(self) -> None:
        """Give every coin its history, and the minute that is forming its first price."""
        first_ms = lens_closes.START_MS - KEEP_MINUTES * MS_PER_MINUTE
        for name, row in zip(self.names, self.table.tolist(), strict=True):
            bars = [
                Candle(first_ms + i * MS_PER_MINUTE, px, px, px, px, 1.0, 1)
                for i, px in enumerate(row[: KEEP_MINUTES + 1])
            ]
            self.intake.fact(Candles(name, "1m", bars, self.now_ns, self.now_ns))

    def close(self) -> None:
        """Close the minute that is forming; a trade has set its last price."""
        last_ms = lens_closes.START_MS + (self.minute + 1) * MS_PER_MINUTE - 1
        for name, row in zip(self.names, self.table, strict=True):
            px = float(row[KEEP_MINUTES + self.minute])
            heard_ns = (last_ms + 1) * NS_PER_MS
            self.intake.step(TradesUpdate(name, [Print(last_ms, px, 1.0, 1)], heard_ns))
        self.minute += 1
        self.intake.fact(Timer(self.now_ns))

    def put(self, process: LensProcess) -> None:
        """Hand over what is asked."""
        asked, self.asked = self.asked, []
        self.raw_left += sum(ask.kind == "raw" for ask in asked)
        self.left += len(asked)
        self.raw_answered.clear()
        self.all_answered.clear()
        for ask in asked:
            process.ask(ask)

    def deliver(self, update: LensUpdate) -> None:
        """Take an answer up as the daemon does, onto the tape and into the engine."""
        began = time.thread_time()
        update.recv_ns = self.now_ns
        self.intake.fact(update)
        self.longest_cpu_s = max(self.longest_cpu_s, time.thread_time() - began)
        self.left -= 1
        if update.kind == "raw":
            self.raw_left -= 1
            if not self.raw_left:
                self.raw_at = time.perf_counter()
                self.raw_answered.set()
        if not self.left:
            self.all_answered.set()


class Ticker:
    """The longest that the loop was late since the last look, in seconds."""

    def __init__(self) -> None:
        self.late_s = 0.0

    async def run(self) -> None:
        """Sleep and look at the clock, for ever."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            self.late_s = max(self.late_s, time.perf_counter() - began - TICK_S)

    def look(self) -> float:
        """Return it, and begin anew."""
        late_s, self.late_s = self.late_s, 0.0
        return late_s


@dataclass
class Found:
    """Seconds of everything, minute by minute."""

    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    first: float = 0.0
    all_of_first: float = 0.0
    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    control: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    take_up: float = 0.0
    hour: float = 0.0


def measure(rounds: int, *, coins: int = COINS, cold: bool = True) -> Result:
    """Let minutes close, with nothing under way in the lens process and with ranks under way."""
    table = lens_closes.closes(coins, 2 * rounds + 2)
    found = Found()
    _run(_minutes(rounds, Desk(table), found))
    config = parse({"coins": ["BTC"]}, "bench")
    for _ in range(min(rounds, 3)):
        found.warm.append(_run(_start(config)))
    if cold:
        with _empty_cache():
            found.cold.append(_run(_start(config)))
    return _result(found, coins)


def _run(main: Coroutine[None, None, T]) -> T:
    """Run on uvloop where it is installed, as the daemon does."""
    with asyncio.Runner(loop_factory=[*loops().values()][-1]) as runner:
        return runner.run(main)


async def _minutes(rounds: int, desk: Desk, found: Found) -> None:
    process = LensProcess(desk.config.lens, desk.deliver)
    ticker = Ticker()
    async with asyncio.timeout(PATIENCE_S):
        running = asyncio.create_task(process.run())
        while not process.warm:
            require(not running.done(), "the lens process did not start")
            await asyncio.sleep(0.01)
        ticking = asyncio.create_task(ticker.run())
        desk.history()
        began = time.perf_counter()
        desk.put(process)
        await desk.raw_answered.wait()
        found.first = desk.raw_at - began
        await desk.all_answered.wait()
        found.all_of_first = time.perf_counter() - began
        # The daemon does this once it is ready.
        with settled_gc():
            desk.longest_cpu_s = 0.0
            await asyncio.sleep(2 * TICK_S)
            await _closes(rounds, desk, process, ticker, found)
        found.take_up = desk.longest_cpu_s
        require(desk.lines >= process.answers > 0, "answers are missing on the tape")
        for task in (ticking, running):
            task.cancel()
        await asyncio.gather(ticking, running, return_exceptions=True)


async def _closes(
    rounds: int, desk: Desk, process: LensProcess, ticker: Ticker, found: Found
) -> None:
    """Close two minutes a round: with nothing under way, and with ranks under way."""
    for _ in range(rounds):
        ticker.look()
        await asyncio.sleep(CONTROL_S)
        found.control.append(ticker.look())
        burnt = children_cpu_s()
        found.idle.append(await _one(desk, process, ticker, found))
        found.cpu.append(children_cpu_s() - burnt)
        if desk.minute == 1:
            found.hour = found.idle[-1]
        # The next minute closes while ranks of this one are under way.
        found.busy.append(await _one(desk, process, ticker, found))
        await desk.all_answered.wait()
        found.late[-1] = max(found.late[-1], ticker.look())


async def _one(desk: Desk, process: LensProcess, ticker: Ticker, found: Found) -> float:
    """Close a minute; return the seconds until its last raw answer was taken up."""
    desk.close()
    # What closing bars costs is there without lenses too.
    await asyncio.sleep(2 * TICK_S)
    ticker.look()
    began = time.perf_counter()
    desk.put(process)
    await desk.raw_answered.wait()
    found.late.append(ticker.look())
    return desk.raw_at - began


def children_cpu_s() -> float:
    """Return the CPU seconds that child processes alive have had; 0 where nobody says."""
    total_ns = 0
    for listed in Path("/proc/self/task").glob("*/children"):
        for pid in listed.read_text().split():
            total_ns += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return total_ns / NS_PER_S


async def _start(config: Config) -> float:
    """Return the seconds from the start of the process until it is warm."""
    process = LensProcess(config.lens, nowhere)  # type: ignore[arg-type]
    began = time.perf_counter()
    running = asyncio.create_task(process.run())
    while not process.warm:
        require(not running.done(), "the lens process did not start")
        await asyncio.sleep(0.005)
    spent = time.perf_counter() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return spent


@contextmanager
def _empty_cache() -> Iterator[None]:
    before = os.environ.get(CACHE)
    with tempfile.TemporaryDirectory(prefix="gnomon-bench-") as folder:
        os.environ[CACHE] = folder
        try:
            yield
        finally:
            del os.environ[CACHE]
            if before is not None:
                os.environ[CACHE] = before


def _result(found: Found, coins: int) -> Result:
    result = Result(f"Lens process: a minute closes on {coins} coins", "lenses")
    late, control = ([s * 1e3 for s in each] for each in (found.late, found.control))
    result.figures = [
        over_rounds("last raw answer after the close", found.idle, "s", must=0.5, lower=True),
        over_rounds("the same while ranks are under way", found.busy, "s", must=0.5, lower=True),
        Figure("the same at the full hour", found.hour, "s", must=0.5, lower=True),
        Figure("the same when all coins are new", found.first, "s", must=0.5, lower=True),
        Figure("loop held up while lenses look, longest", max(late), "ms", must=5.0, lower=True),
        Figure("loop held up without a question, longest", max(control), "ms"),
        over_rounds("loop held up while lenses look, a minute's longest", late, "ms"),
        over_rounds("loop held up without a question, half a second's longest", control, "ms"),
        over_rounds("CPU of the lens process for a minute's raw values", found.cpu, "s"),
        Figure("CPU of taking up one answer, longest", found.take_up * 1e3, "ms"),
        Figure("models and ranks of all new coins", found.all_of_first, "s"),
        over_rounds("process started until warm, compiled before", found.warm, "s"),
    ]
    if found.cold:
        figure = over_rounds("process started until warm, nothing compiled", found.cold, "s")
        result.figures.append(figure)
    result.counts = [
        f"{len(found.idle)} minutes with nothing under way and {len(found.busy)} with the ranks "
        "of the minute before; wall time from the questions of the engine's step to the engine's "
        "having taken up the last answer, lines of the tape included",
        f"each of {coins} plots is drawn anew once an hour, in a minute of the coin's own",
    ]
    result.notes = [
        "the lens process is niced and shares the machine with whatever else runs: the loop's "
        "control says how much of a delay the machine causes by itself",
        "the engine's own step at the close comes before, with lenses or without, and is not in it",
    ]
    return result
