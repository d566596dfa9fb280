"""What the database holds to judge a limit by: its series, their day rows and their desks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from shadow.report.fold import CLEAN, ChosenDay, Fold, JudgedDay
from shadow.report.folds import (
    ALL,
    LIMIT_DAY,
    MATCHED,
    MATCHED_DAY,
    Divisions,
    day_rows,
    kept,
    kept_days,
)
from shadow.report.measured import Evidence, ValueDay
from shadow.report.tails import Tails, tails
from shadow.report.terms import Terms, terms_of

DATA = "data"

_DESKS = """
SELECT d.filter, d.series_id, d.day, b.kind, SUM(d.with_r - d.without_r), SUM(d.with_e6),
       SUM(d.without_e6), SUM(d.repaired)
FROM branch_day d JOIN branch b ON b.branch_id = d.branch_id
WHERE d.filter <> '' AND b.kind IN ('observed', 'enforced', 'data') AND d.day <= ?
GROUP BY d.filter, d.series_id, b.kind, d.day ORDER BY d.day
"""

_KIND = """
SELECT kind FROM branch WHERE filter = ? AND kind <> ? ORDER BY branch_id DESC LIMIT 1
"""

# Of the newest trades only: a desk that admits nothing has no twins to find.
_RECENT = """
SELECT ABS(r) FROM (SELECT kind, r FROM trade ORDER BY trade_id DESC LIMIT 5000)
WHERE kind = 'twin' AND r IS NOT NULL LIMIT 200
"""


class Series(Struct, frozen=True):
    """One series of a limit; `running` when signals are still judged by it."""

    filter: str
    series_id: str
    number: int
    from_ns: int
    terms: Terms
    running: bool


class DeskDay(Struct, frozen=True):
    """Changes of equity of two desks over a UTC day."""

    day: str
    with_e6: int
    without_e6: int


class Desks(Struct):
    """The desks of one series: by day its value in R, the two desks, and those of missing data.

    `kind` is that of the newest branch.
    """

    kind: str = ""
    value: list[ValueDay] = field(default_factory=list)
    pair: list[DeskDay] = field(default_factory=list)
    data: list[DeskDay] = field(default_factory=list)

    def value_usd(self, since: str) -> float | None:
        """Return what the desk with the limit made beyond the one without it."""
        return _difference(day for day in self.pair if day.day >= since)

    def missing_data_usd(self, since: str) -> float | None:
        """Return what refusals for want of data were worth to the desk."""
        return _difference(day for day in self.data if day.day >= since)

    def tails(self, since: str) -> tuple[Tails | None, Tails | None]:
        """Return the tails in USD with the limit and without it."""
        days = [day for day in self.pair if day.day >= since]
        return (
            tails([day.with_e6 / 1e6 for day in days]),
            tails([day.without_e6 / 1e6 for day in days]),
        )


def _difference(days: Iterable[DeskDay]) -> float | None:
    parts = [day.with_e6 - day.without_e6 for day in days]
    return sum(parts) / 1e6 if parts else None


class Book:
    """Everything that the verdicts of one database rest on."""

    def __init__(self, db: sqlite3.Connection, *, bias_within: bool) -> None:
        self._db = db
        self._bias_within = bias_within
        self.through = last_day(db)
        self.series = _series(db)
        self._desks = _desks(db, self.through)
        self._divisions = Divisions(db)
        self._median_r = _median_r(db)

    def desks(self, series: Series) -> Desks:
        """Return the desks of a series; empty where it has none yet."""
        return self._desks.get((series.filter, series.series_id), Desks())

    def kind(self, series: Series) -> str:
        """Return what the newest branch of a running series toggles, "" where there is none."""
        if not series.running:
            return ""
        row = self._db.execute(_KIND, (series.filter, DATA)).fetchone()
        return "" if row is None else str(row[0])

    def evidence(self, series: Series, *, since: str = "") -> Evidence:
        """Return what a series is judged by; rows from `since` on are at hand, not folded."""
        folds = self._folds(series, since)
        after = min(folds[ALL].last, folds[CLEAN].last) if folds else ""
        return Evidence(
            self._rows(series, LIMIT_DAY, after),
            self.desks(series).value,
            self.through,
            self._bias_within,
            series.number,
            self._median_r,
            series.terms,
            folds.get(ALL),
            folds.get(CLEAN),
        )

    def plain(self, series: Series, *, since: str = "") -> Evidence:
        """Return the same of the plain limit that a series is held against; it has no value."""
        fold = self._folds(series, since).get(MATCHED)
        rows = self._rows(series, MATCHED_DAY, fold.last if fold is not None else "")
        return Evidence(
            rows,
            (),
            self.through,
            self._bias_within,
            terms=series.terms,
            folded=fold,
            folded_clean=fold,
        )

    def days(
        self, series: Series, since: str, *, sample: str = ALL, table: str = LIMIT_DAY
    ) -> list[ChosenDay] | None:
        """Return what the days from `since` on came to, None where that was not kept."""
        name, key = series.filter, series.series_id
        fold = kept(self._db, name, key, series.terms).get(sample)
        if fold is None:
            return None
        found = kept_days(self._db, name, key, sample, fold, since)
        if found is None:
            return None
        rows = self._rows(series, table, fold.last)
        newer = fold.extend([row for row in rows if row.day <= self.through])
        return found + [one for one in newer if one.day >= since]

    def _folds(self, series: Series, since: str) -> dict[str, Fold]:
        """Return the folds of a series, none where days from `since` on are in them."""
        folds = kept(self._db, series.filter, series.series_id, series.terms)
        return {} if any(since and since <= fold.last for fold in folds.values()) else folds

    def _rows(self, series: Series, table: str, after: str) -> list[JudgedDay]:
        divisions = self._divisions
        name, key = series.filter, series.series_id
        return list(day_rows(self._db, divisions, name, key, table=table, after=after))


def last_day(db: sqlite3.Connection) -> str:
    """Return the last whole UTC day: rows of later ones are provisional."""
    (day,) = db.execute(
        "SELECT MAX(day) FROM rollup_day WHERE (filter, mode, scope) = ('', 'run', 'seconds')"
    ).fetchone()
    if day is not None:
        return str(day)
    row = db.execute("SELECT decided_ns FROM trade ORDER BY trade_id LIMIT 1").fetchone()
    began = datetime.fromtimestamp(row[0] // 10**9 if row else 0, UTC)
    return (began - timedelta(days=1)).strftime("%Y-%m-%d")


def _series(db: sqlite3.Connection) -> list[Series]:
    """Return all series, by filter and in the order in which they began."""
    running = dict(
        db.execute("SELECT filter, series_id FROM spell ORDER BY filter, from_seq").fetchall()
    )
    return [
        Series(name, key, number, from_ns, terms_of(text), running.get(name) == key)
        for name, key, number, from_ns, text in db.execute(
            "SELECT filter, series_id, number, from_ns, terms FROM series ORDER BY filter, number"
        )
    ]


def shown(series: Iterable[Series], *, everything: bool) -> list[Series]:
    """Return the series of each limit to show: the one that runs, or else the newest.

    With `everything` the others follow it, the newest first.
    """
    found: dict[str, list[Series]] = {}
    for one in series:
        found.setdefault(one.filter, []).append(one)
    for those in found.values():
        those.sort(key=lambda one: (not one.running, -one.number))
    return [one for those in found.values() for one in (those if everything else those[:1])]


def _desks(db: sqlite3.Connection, through: str) -> dict[tuple[str, str], Desks]:
    found: dict[tuple[str, str], Desks] = {}
    for name, key, day, kind, r, with_e6, without_e6, repaired in db.execute(_DESKS, (through,)):
        one = found.setdefault((name, key), Desks())
        pair = DeskDay(day, with_e6, without_e6)
        if kind == DATA:
            one.data.append(pair)
        else:
            one.kind = kind
            one.pair.append(pair)
            one.value.append(ValueDay(day, r, repaired))
    return found


def _median_r(db: sqlite3.Connection) -> float | None:
    sizes = sorted(r for (r,) in db.execute(_RECENT))
    return sizes[len(sizes) // 2] if sizes else None
