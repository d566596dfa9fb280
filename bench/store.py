"""Throughput of the store: rows committed a second, with rollups, in batches of a thousand."""

from __future__ import annotations

import tempfile
import time
from functools import cache
from pathlib import Path

from bench.market import Stretch, fresh_intake, nowhere, stretch
from bench.result import Result
from bench.rounds import over_rounds, settled_gc
from daemon.engine.outcome import Outcome
from shadow.store.rows import Rows
from shadow.store.store import Store

BATCH = 1_000


def measure(rounds: int, market: Stretch | None = None) -> Result:
    """Commit the rows of the shared stretch to a new database each round."""
    batches = row_batches(market or stretch())
    total = sum(rows.size() for rows in batches)
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="gnomon-bench-") as folder:
            store = Store(Path(folder) / "bench.db", mode="local", network="local")
            with settled_gc():
                began, burnt = time.perf_counter(), time.thread_time()
                for rows in batches:
                    store.write(rows)
                cpu.append(time.thread_time() - burnt)
                wall.append(time.perf_counter() - began)
            store.close()
    result = Result("Store: rows committed a second, with rollups, batches of 1,000")
    result.figures = [
        over_rounds("rows per second", [total / s for s in wall]),
        over_rounds("rows per CPU second", [total / s for s in cpu]),
        over_rounds("a batch", [s / len(batches) * 1e3 for s in wall], "ms"),
    ]
    tables = {name: sum(len(getattr(b, name)) for b in batches) for name in Rows.__struct_fields__}
    kinds = ", ".join(f"{name} {count:,}" for name, count in tables.items() if count)
    result.counts = [f"{total:,} rows in {len(batches)} batches: {kinds}"]
    result.notes = [
        "synchronous=FULL, foreign keys on, all tables with their indexes; updates of trades "
        "count as rows. G16 (150,000 a second) was set for one table at synchronous=NORMAL",
    ]
    return result


@cache
def row_batches(market: Stretch) -> list[Rows]:
    """Return all rows of a run in consumed order, in batches of at least `BATCH`."""
    batches = [Rows()]

    def absorb(outcome: Outcome) -> None:
        if batches[-1].size() >= BATCH:
            batches.append(Rows())
        batches[-1].extend(outcome.rows)

    intake = fresh_intake(market, absorb, nowhere)
    for record in market.records:
        intake.replay(record)
    return batches
