"""Regime of each day, written down once it is known: reports over years must not work it out."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

from daemon.live.keeping.instruments import until_next
from market.errors import OperatorError
from research.weights.emergent import regime_on
from shadow.store.returns import return_rows, weight_rows
from shadow.store.store import open_readonly
from shadow.store.tables.rollups import REGIME, RollupRow

# One day takes up to a second of a thread, and of an older database there may be years of them.
PAUSE_S = 60.0

# The newest day without a regime of those that a report has something of, or weights.
_UNTOLD = f"""
SELECT MAX(day) FROM (
  SELECT day FROM slice_day WHERE by = 'division' UNION SELECT MAX(day) FROM weight
) WHERE day NOT IN (SELECT day FROM rollup_day WHERE (filter, mode) = ('', '{REGIME}'))
"""


class Regimes:
    """A day at a time, the newest first; `keep` writes a row."""

    def __init__(self, database: Path, keep: Callable[[RollupRow], Awaitable[object]]) -> None:
        self._database = database
        self._keep = keep

    async def run(self) -> None:
        """Write down what is untold, then a day's as it begins, for ever."""
        while True:
            await asyncio.sleep(PAUSE_S)
            while row := await asyncio.to_thread(self._next):
                with suppress(sqlite3.Error):
                    await self._keep(row)
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(until_next(time.time_ns()))

    def _next(self) -> RollupRow | None:
        try:
            db = open_readonly(self._database)
        except OperatorError:
            # The file has lost its name; the guard looks after that.
            return None
        with closing(db):
            return untold(db)


def untold(db: sqlite3.Connection) -> RollupRow | None:
    """Return the row of the newest day whose regime nobody wrote down yet, None without one."""
    (day,) = db.execute(_UNTOLD).fetchone()
    if day is None:
        return None
    name = regime_on(day, weight_rows(db), return_rows(db)).regime
    return RollupRow(day, "", REGIME, name, "", 1, 0, 0.0, 0.0, 0)
