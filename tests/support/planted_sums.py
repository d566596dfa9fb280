"""Databases with planted sums, for verdicts that a test knows beforehand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from market.events import NS_PER_DAY
from shadow.store.rows import Rows
from shadow.store.store import Store
from shadow.store.tables.rollups import RollupRow
from tests.support.shadow import T0


def planted(path: Path, rollups: list[RollupRow], pairs: list[tuple[float, float]]) -> None:
    """Write sums by day, and pairs of a twin and a paper trade closed on days of their own."""
    store = Store(path, mode="local", network="testnet")
    store.write(Rows(rollups=rollups))
    store.close()
    with closing(sqlite3.connect(path)) as db:
        pairs_of(db, pairs, T0)
        db.commit()


def pairs_of(db: sqlite3.Connection, pairs: list[tuple[float, float]], from_ns: int) -> None:
    """Write pairs of a twin and a real trade, in bps, that close a day after the other."""
    for i, (twin, real) in enumerate(pairs):
        for number, (kind, bps) in enumerate((("twin", twin), ("real", real))):
            db.execute(
                "INSERT INTO trade (trade_id, kind, cause, status, signal_id, bot, division,"
                " coin, side, asked_lots, qty_lots, decided_ns, decision_mid, repeats, flags)"
                " VALUES (?, ?, 'admit', 'open', ?, 'b', 'd', 'c', 'buy', 1, 1, 1, 1.0, 0, '')",
                (i * 4 + number, kind, i),
            )
            db.execute(
                "UPDATE trade SET status = 'closed', closed_ns = ?, bps = ? WHERE trade_id = ?",
                (from_ns + i * NS_PER_DAY, bps, i * 4 + number),
            )


def sums(
    name: str, mode: str, scope: str, mean: float, *, bot: str = "alpha", days: int = 25
) -> list[RollupRow]:
    """Return an entry a day with an effect that wobbles by a tenth around a mean."""
    return [
        RollupRow(
            f"2025-09-{1 + i:02d}",
            name,
            mode,
            scope,
            bot,
            1,
            1,
            mean + (0.1 if i % 2 else -0.1),
            0.0,
            0,
        )
        for i in range(days)
    ]
