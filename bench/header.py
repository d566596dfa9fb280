"""Pause of the loop while the whole state is written at the head of a tape segment."""

from __future__ import annotations

import time

from bench.market import Stretch, fresh_intake, nowhere, stretch
from bench.result import Figure, Result
from bench.rounds import over_rounds, settled_gc
from daemon.engine import snapshot


def measure(rounds: int, market: Stretch | None = None) -> Result:
    """Encode the state of a warm engine, and read it back once to see that it is whole."""
    market = market or stretch()
    intake = fresh_intake(market, nowhere, nowhere)
    for record in market.records:
        intake.replay(record)
    engine = intake.engine
    waits = []
    with settled_gc():
        for _ in range(5 * rounds):
            began = time.perf_counter()
            raw = snapshot.whole(engine)
            waits.append((time.perf_counter() - began) * 1e3)
    result = Result("State header: encoding the whole state once an hour")
    result.figures = [
        over_rounds("held up", waits, "ms"),
        Figure("size", len(raw) / 1e6, "MB"),
    ]
    result.counts = [
        f"{len(engine.market.coins)} coins, {len(engine.market.lanes)} bots, "
        f"{len(engine.branch.ledger.trades)} open trades and phantoms"
    ]
    return result
