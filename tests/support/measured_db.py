"""Databases in which limits have series, day rows and desks, made from evidence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from market.events import NS_PER_DAY
from shadow.report.fold import JudgedDay
from shadow.report.measured import Evidence
from shadow.store.rows import Rows
from shadow.store.store import Store
from shadow.store.tables.branches import BranchDayRow, BranchRow
from shadow.store.tables.limits import LimitDayRow, MatchedDayRow
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.series import SeriesRow, SpellRow
from shadow.store.tables.weights import ReturnRow
from tests.support.evidence import FIRST, day_of
from tests.support.planted_sums import pairs_of

TERMS = msgspec.json.encode({"verdict": {"booking_delay_days": 14}}).decode()
MONEY_E6 = 10_000_000
EXACT = [(3.0, 3.0)] * 25
FIRST_NS = int(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC).timestamp()) * 10**9


class Planted:
    """Rows of a database, gathered limit by limit, and written at once."""

    def __init__(self) -> None:
        self.rows = Rows()
        self._branches = 0

    def run(self, days: int) -> Planted:
        """Let so many days have ended."""
        self.rows.left_out += [
            RollupRow(day_of(day), "", "run", "seconds", "", 86_400, 0, 0.0, 0.0, 0)
            for day in range(days)
        ]
        return self

    def limit(
        self,
        name: str,
        evidence: Evidence,
        *,
        kind: str = "observed",
        number: int = 1,
        missing_e6: int = 0,
    ) -> Planted:
        """Add a series of a limit with all its rows; the newest is the one that runs."""
        key = f"{name} {number}"
        rows = self.rows
        rows.series.append(SeriesRow(key, name, number, FIRST_NS, MONEY_E6, TERMS))
        rows.spells.append(SpellRow(name, number, key))
        rows.limit_days += [LimitDayRow(*_cells(row, name, key)) for row in evidence.judged]
        known = {row.bot for row in rows.returns}
        homes = {row.bot: row.division for row in evidence.judged}
        rows.returns += [
            ReturnRow("2026-01-01", "2026-01-02", bot, home, 0, 1)
            for bot, home in homes.items()
            if bot not in known
        ]
        self._desks(name, key, kind, [(row.day, row.r, row.repaired) for row in evidence.value])
        if missing_e6:
            lost = [(row.day, missing_e6 / MONEY_E6, 0) for row in evidence.value]
            self._desks(name, key, "data", lost)
        return self

    def plainly(self, name: str, evidence: Evidence, *, number: int = 1) -> Planted:
        """Add what the plain limit made of it that a series is held against."""
        self.rows.matched_days += [
            MatchedDayRow(*_cells(row, name, f"{name} {number}")) for row in evidence.judged
        ]
        return self

    def desks(self, kind: str, days: Iterable[tuple[int, float, float]]) -> Planted:
        """Add a branch of no limit: by day what the desk made and what the branch did, in R."""
        self._branches += 1
        self.rows.branches.append(BranchRow(self._branches, "", kind, "", FIRST_NS, "first"))
        self.rows.branch_days += [
            BranchDayRow(
                day_of(day), self._branches, "", "", main, branch, round(main * MONEY_E6),
                round(branch * MONEY_E6), 1, 0, 0, 1.0, 0,
            )
            for day, main, branch in days
        ]  # fmt: skip
        return self

    def _desks(
        self, name: str, key: str, kind: str, days: list[tuple[str, float | None, int]]
    ) -> None:
        """Add branches that make a value by day, forked anew on Mondays; the other desk idles."""
        for day, r, repaired in days:
            if not self._branches or date.fromisoformat(day).weekday() == 0 or day == days[0][0]:
                self._branches += 1
                self.rows.branches.append(
                    BranchRow(self._branches, name, kind, key, FIRST_NS, "Monday")
                )
            worth_e6 = round((r or 0.0) * MONEY_E6)
            self.rows.branch_days.append(
                BranchDayRow(
                    day, self._branches, name, key, r, None if r is None else 0.0, worth_e6, 0,
                    1, 0, 0, 1.0, repaired,
                )
            )  # fmt: skip

    def counted(
        self, name: str, mode: str, scope: str, *, day: int, signals: int = 0, entries: int = 0,
        net_e6: int = 0, bot: str = "x",
    ) -> Planted:  # fmt: skip
        """Add to the sums of a filter."""
        row = RollupRow(day_of(day), name, mode, scope, bot, signals, entries, 0.0, 0.0, net_e6)
        self.rows.rollups.append(row)
        return self

    def write(self, path: Path, pairs: list[tuple[float, float]] = EXACT) -> Path:
        """Write everything, with pairs of a twin and its trade for the simulator's bias."""
        path.parent.mkdir(parents=True, exist_ok=True)
        store = Store(path, mode="local", network="testnet")
        store.write(self.rows)
        store.close()
        with closing(sqlite3.connect(path)) as db:
            pairs_of(db, pairs, FIRST_NS + NS_PER_DAY)
            db.commit()
        return path


def _cells(row: JudgedDay, name: str, key: str) -> tuple[Any, ...]:
    return (
        row.day, name, key, row.bot, row.sample, row.judged, row.judged_r, row.blocked,
        row.blocked_r, row.best_r, row.worst_r,
    )  # fmt: skip
