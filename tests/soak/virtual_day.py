"""Hours of a daemon in minutes: a made market is written down once, then fed to a daemon.

Run by `test_memory.py` as two processes, so that what makes the market is not measured. `feed`
prints a JSON line every virtual ten minutes:

    python -m tests.soak.virtual_day make FILE HOURS
    python -m tests.soak.virtual_day feed FILE STATE
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import zstandard

from daemon.live.daemon import Daemon
from shadow.store.rows import Rows
from tests.chaos.feeding import feed
from tests.support import virtual
from tests.support.daemons import daemon_of
from venue.tape.lines import Record

COINS = ("BTC", "ETH")
FLUSH_NS = 5_000_000_000
SAMPLE_NS = 600_000_000_000


def make(path: Path, hours: float) -> None:
    """Write down what a daemon would hear in so many hours, replies to its questions included."""
    run = virtual.begin(coins=COINS)
    with path.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as out:
        for _ in range(int(hours * 60)):
            run.advance(60.0)
            out.write(b"".join(run.lines))
            run.lines.clear()
            run.rows = Rows()


def records(path: Path) -> Iterator[Record]:
    """Yield what was written down."""
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file)
        rest = b""
        while piece := reader.read(1 << 20):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                kind, ns, *payload = line.split(b" ", 2)
                if kind in (b"F", b"f", b"T", b"R", b"C", b"X", b"L"):
                    yield Record(chr(kind[0]), int(ns), payload[0] if payload else b"")


def resident_kb() -> int:
    """Return the resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def sample(daemon: Daemon, began_ns: int) -> None:
    """Print how large the process is by now."""
    gc.collect()
    vitals = daemon.engine.vitals
    hours = (vitals.now_ns - began_ns) / 3.6e12
    signals = vitals.admitted + vitals.blocked
    print(
        json.dumps({"hours": round(hours, 3), "kb": resident_kb(), "signals": signals}), flush=True
    )


async def fed(path: Path, state: Path) -> None:
    """Feed a daemon, commit every five seconds, and say how it grows."""
    daemon = daemon_of(state, coins=list(COINS))
    began_ns = flushed_ns = sampled_ns = 0
    for record in records(path):
        now_ns = record.ns
        began_ns = began_ns or now_ns
        feed(daemon, record)
        if now_ns - flushed_ns >= FLUSH_NS:
            flushed_ns = now_ns
            await daemon.journal.flush()
        if now_ns - sampled_ns >= SAMPLE_NS:
            sampled_ns = now_ns
            sample(daemon, began_ns)
    await daemon.close("the day is over")


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    verb, source, target = sys.argv[1:4]
    if verb == "make":
        make(Path(source), float(target))
    else:
        asyncio.run(fed(Path(source), Path(target)))
