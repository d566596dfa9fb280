"""Throughput of a replay, from memory or tape, with rows or without."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.market import Stretch, fresh_engine, nowhere, stretch
from bench.result import Result
from bench.rounds import in_turns, over_rounds, ratios, settled_gc
from daemon.config.load import parse
from daemon.engine import snapshot
from daemon.engine.intake import Intake
from daemon.engine.outcome import Outcome
from daemon.live.startup import subscriptions
from daemon.replay.player import ROWS_A_COMMIT, Player
from daemon.version import code_version
from market.errors import require
from shadow.store.rows import Rows
from shadow.store.store import Store
from venue.hyperliquid.session import Session
from venue.hyperliquid.universe import load_instruments, source
from venue.tape.importer import Origin, import_recording, open_recording
from venue.tape.lines import Record

RECORDING = "hyperliquid_rec_20250904"


class Memory:
    """A replay of records at hand: the path of `daemon.replay.player` without the file."""

    def __init__(self, market: Stretch, store: Store | None) -> None:
        session = Session(subscriptions(market.coins))
        self.intake = Intake(session, fresh_engine(market), self._absorb, nowhere)
        self._store = store
        self._rows = Rows()
        self._pending = 0

    def play(self, records: list[Record]) -> str:
        """Take all records; return the digest."""
        replay = self.intake.replay
        for record in records:
            replay(record)
        if self._store is not None:
            self._commit(self._store)
        return self.intake.engine.digest

    def _absorb(self, outcome: Outcome) -> None:
        if self._store is not None:
            self._rows.extend(outcome.rows)
            self._pending += outcome.rows.size()
            if self._pending >= ROWS_A_COMMIT:
                self._commit(self._store)

    def _commit(self, store: Store) -> None:
        store.write(self._rows, snapshot.durable(self.intake.engine))
        self._rows, self._pending = Rows(), 0


def measure(rounds: int, market: Stretch | None = None) -> Result:
    """Replay the shared stretch all four ways in turns, then the real recording if there is one."""
    market = market or stretch()
    result = Result("Replay: events per CPU second")
    with tempfile.TemporaryDirectory(prefix="gnomon-bench-") as name:
        folder = Path(name)
        path = market.write_tape(folder)
        found = _four_ways(rounds, path, folder, partial(_from_memory, market), market.digest)
        events = len(market.records)
        result.figures += [
            over_rounds(f"world, {way}", [events / s for s in spent])
            for way, spent in found.items()
        ]
        result.figures.append(
            over_rounds("tape / memory, CPU", ratios(found["tape"], found["memory"]), "x")
        )
        result.counts.append(
            f"world: {len(market.coins)} coins, {events:,} events in "
            f"{path.stat().st_size / 1e6:.1f} MB of tape; digests equal"
        )
        _recording(rounds, folder, result)
    result.notes = [
        "memory: records split from the tape already; tape: zstd, checksums and lines too; "
        "store: rows, rollups and state into SQLite, committed inline",
        "compiled backtesters are 40 times faster on bare feeds and more; this is the very code "
        "that runs live, with all bots, the gate and the shadow ledger",
        "the world's tape says that what lenses found is on it, and holds none; the recording is "
        "replayed with lenses switched off: neither computes any inline",
    ]
    return result


Way = Callable[[Store | None], str]


def _four_ways(
    rounds: int, path: Path, folder: Path, from_memory: Way | None, digest: str
) -> dict[str, list[float]]:
    from_tape = partial(_from_tape, path)
    ways: dict[str, Callable[[], float]] = {}
    if from_memory is not None:
        ways["memory"] = partial(_timed, from_memory, None, digest)
        ways["memory and store"] = partial(_timed, from_memory, folder, digest)
    ways["tape"] = partial(_timed, from_tape, None, digest)
    ways["tape and store"] = partial(_timed, from_tape, folder, digest)
    return in_turns(rounds, ways)


def _timed(way: Way, folder: Path | None, digest: str) -> float:
    store = None
    if folder is not None:
        database = folder / "bench.db"
        for suffix in ("", "-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        store = Store(database, mode="replay", network="local")
    with settled_gc():
        began = time.process_time()
        found = way(store)
        spent = time.process_time() - began
    if store is not None:
        store.close()
    require(digest in ("", found), f"the digest is {found}, not {digest}")
    return spent


def _from_memory(market: Stretch, store: Store | None) -> str:
    return Memory(market, store).play(market.records)


def _from_tape(path: Path, store: Store | None) -> str:
    return Player(store).play(path).digest


def _recording(rounds: int, folder: Path, result: Result) -> None:
    """Replay the real recording, imported into a tape, if it is at hand."""
    data = Path(os.environ.get("GNOMON_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (data / RECORDING).is_dir():
        result.counts.append(f"{RECORDING}: not at hand (set GNOMON_DATA)")
        return
    # Without lenses: this tape holds no answers of theirs, and a replay would compute them inline.
    settings = {"coins": ["BTC", "SOL"], "lens": {"enabled": False}}
    config: dict[str, Any] = parse(settings, "bench").resolved()
    origin = Origin(load_instruments(), source(), config, code_version())
    tape = folder / "recording"
    imported = import_recording(open_recording(data / RECORDING), tape, origin)
    once = Player().play(tape)
    found = _four_ways(rounds, tape, folder, None, once.digest)
    result.figures += [
        over_rounds(f"recording, {way}", [once.events / s for s in spent])
        for way, spent in found.items()
    ]
    minutes = (imported.to_ns - imported.from_ns) / 60e9
    result.counts.append(
        f"recording {RECORDING}: {', '.join(imported.coins)}, {minutes:.0f} minutes of mainnet, "
        f"{once.frames:,} frames, {once.events:,} events, {once.signals} signals"
    )
