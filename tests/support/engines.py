"""Engines moved by hand, event by event."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.engine import snapshot
from daemon.engine.engine import Engine
from divisions.lane import Lane
from market.events import (
    BookUpdate,
    Event,
    Level,
    Timer,
)
from shadow.store.rows import Rows
from shadow.store.store import Store, open_readonly
from tests.daemon import rig
from tests.daemon.rig import Fresh
from tests.support import virtual
from venue.tape.lines import Record

SEEDS = (7, 9)


NOW_NS = virtual.START_MS * 1_000_000


S = rig.SECOND_NS


def recorded(seed: int = 7) -> list[Record]:
    return rig.records_of(rig.eventful(seed).run.lines)


@contextmanager
def stored(path: Path, engine: Engine, rows: Rows) -> Iterator[sqlite3.Connection]:
    """Write rows and state as a daemon would, and open the database."""
    store = Store(path / "gnomon.db", mode="local", network="local")
    dirty = dict(engine.out.dirty)
    store.write(rows, snapshot.durable(engine))
    engine.out.dirty = dirty
    store.close()
    db = open_readonly(path / "gnomon.db")
    try:
        yield db
    finally:
        db.close()


def book(coin: str, ns: int, mid: float = 100.0, *, sz: float = 1e4, fast: bool = True) -> Event:
    """Return a book one tick wide around a mid."""
    return BookUpdate(
        coin,
        ns // 1_000_000,
        [Level(mid - 0.05, sz), Level(mid - 0.1, sz)],
        [Level(mid + 0.05, sz), Level(mid + 0.1, sz)],
        fast,
        ns,
    )


def quiet(lanes: list[Lane], *, gate: dict[str, Any] | None = None, **config: Any) -> Fresh:
    """Return an engine whose only bots are the given ones; no filter but the named ones."""
    made = rig.fresh({"gate": {**rig.OPEN, **(gate or {})}, **config}, rig.PAIR)
    made.engine.market.lanes = {lane.name: lane for lane in lanes}
    made.engine.market.resubscribe()
    return made


def feed(made: Fresh, ns: int, mid: float = 100.0, coin: str = "BTC") -> Rows:
    """Show a book, return the rows it led to."""
    return made.engine.step(book(coin, ns, mid)).rows


def losing() -> Fresh:
    """Return an engine with one open trade that has just lost the day's limit."""
    made = quiet(
        [
            rig.probe(
                lambda m, c, v: rig.entry(c, stop=0.5, horizon_s=9e4) if m.calls == 1 else None
            )
        ],
        gate={"drawdown": {"daily_loss_share_max": 0.001, "peak_loss_share_max": 0.1}},
    )
    made.engine.step(Timer(NOW_NS))
    feed(made, NOW_NS + S)
    feed(made, NOW_NS + 2 * S)
    assert made.engine.branch.settlement.real
    feed(made, NOW_NS + 3 * S, 98.2)
    return made


def exit_now(engine: Engine) -> Timer:
    """Return a second far enough on for every horizon, after making them short."""
    for trades in engine.branch.ledger.marks.values():
        trades.horizon[:] = 0
        trades.due_ns = 0
    return Timer(engine.vitals.now_ns)
