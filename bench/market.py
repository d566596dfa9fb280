"""Market of all measurements: fifty coins of the local world, made in virtual time.

It is what a daemon would have put on its tape: its history at the start, every stream it
subscribes to, one tick a second. The first part warms books, bars and bots and is not timed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from daemon.config.load import parse
from daemon.engine.engine import Engine
from daemon.engine.factory import build_engine
from daemon.engine.intake import Emit, Intake
from daemon.engine.outcome import Outcome
from daemon.live.startup import subscriptions
from market.events import FeedUp
from market.instrument import Instrument
from tests.support import virtual
from venue.hyperliquid.session import Session
from venue.hyperliquid.universe import load_instruments
from venue.tape.lines import Record, record_line, segment_name
from venue.tape.writer import SegmentWriter

# The slowest bot wants 120 contexts, about one a second, before it may speak.
WARM_S = 130.0
TIMED_S = 200.0
LINES_A_GROUP = 256


@dataclass(frozen=True, eq=False)
class Stretch:
    """Records in consumed order; those before `warm` only prepare."""

    coins: tuple[str, ...]
    config: dict[str, Any]
    instruments: dict[str, Instrument]
    header: bytes
    lines: list[bytes]
    records: list[Record]
    warm: int
    digest: str

    @property
    def timed(self) -> list[Record]:
        """Return the records that are timed."""
        return self.records[self.warm :]

    @cached_property
    def frames(self) -> list[bytes]:
        """Return the raw frames that are timed."""
        return [r.payload for r in self.timed if r.kind == "F"]

    def write_tape(self, folder: Path) -> Path:
        """Write everything as a tape segment whose end names the digest."""
        last_ns = self.records[-1].ns
        path = folder / segment_name(1, last_ns)
        writer = SegmentWriter(path)
        writer.write(self.header, sync=False)
        for at in range(0, len(self.lines), LINES_A_GROUP):
            writer.write(b"".join(self.lines[at : at + LINES_A_GROUP]), sync=False)
        writer.close(record_line("E", last_ns, {"why": "end", "digest": self.digest}))
        return path


@cache
def stretch(count: int | None = None, warm_s: float = WARM_S, timed_s: float = TIMED_S) -> Stretch:
    """Return a stretch of the market of the first `count` coins (None: all fifty)."""
    coins = tuple(load_instruments())[:count]
    run = virtual.begin(coins=coins, up=False)
    header = run.header_line()
    run.intake.fact(FeedUp(run.now_ns))
    run.advance(warm_s)
    warm_lines = len(run.lines)
    run.advance(timed_s)
    return Stretch(
        coins,
        run.config,
        {coin: run.world.instruments[coin] for coin in coins},
        header,
        run.lines,
        records_of(run.lines),
        len(records_of(run.lines[:warm_lines])),
        run.engine.digest,
    )


def records_of(lines: Iterable[bytes]) -> list[Record]:
    """Return the facts among tape lines as records."""
    found = []
    for line in lines:
        kind, ns, *rest = line[:-1].split(b" ", 2)
        if kind in (b"F", b"T", b"R", b"C", b"X"):
            found.append(Record(kind.decode(), int(ns), rest[0] if rest else b""))
    return found


def fresh_engine(market: Stretch, *, branches: bool = False) -> Engine:
    """Return an engine that has seen nothing yet: one desk, as what it is compared with has.

    What the branches beside it cost is measured apart (`bench/branches.py`).
    """
    variants: Literal["standard"] | tuple[()] = "standard" if branches else ()
    return build_engine(parse(market.config, "bench"), market.instruments, variants=variants)


def fresh_intake(market: Stretch, absorb: Any, emit: Emit, *, branches: bool = False) -> Intake:
    """Return an intake whose connection has just been opened and whose engine saw nothing yet."""
    session = Session(subscriptions(market.coins))
    session.opened(market.records[0].ns)
    return Intake(session, fresh_engine(market, branches=branches), absorb, emit)


def warm_intake(market: Stretch, *, branches: bool = False) -> Intake:
    """Return an intake whose engine has been through the untimed part."""
    intake = fresh_intake(market, nowhere, nowhere, branches=branches)
    for record in market.records[: market.warm]:
        intake.replay(record)
    return intake


def nowhere(_: bytes | Outcome) -> None:
    """Take a tape line or an outcome and drop it."""
