"""Day rows of a series as the report reads them, and folds of those that will not change.

A daemon keeps a fold of every series, a week at a time, so that a report over years reads a few
weeks of rows. A fold is used only where its version of the rule is this one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from shadow.report.fold import CLEAN, ChosenDay, Fold, JudgedDay, empty
from shadow.report.terms import Terms, terms_of
from shadow.store.tables.folds import ChoiceDayRow, LimitFoldRow

# Of `fold.py` and what it rests on; one more with every change of what a fold comes to.
RULE = 1
ALL, MATCHED = "all", "matched"
LIMIT_DAY, MATCHED_DAY = "limit_day", "matched_day"
EVERY_DAYS = 7

# The newest day that the desk has ended: what counts on it, or before, will not move any more.
_ENDED = """
SELECT day FROM rollup WHERE filter = '' AND mode = 'run' AND scope = 'seconds'
ORDER BY day DESC LIMIT 1
"""

_STALE = """
SELECT s.filter, s.series_id, s.terms FROM series s LEFT JOIN limit_fold f
  ON (f.filter, f.series_id, f.sample, f.rule) = (s.filter, s.series_id, 'all', :rule)
WHERE COALESCE(f.day, '') <= :stale AND EXISTS (
  SELECT 1 FROM limit_day d WHERE (d.filter, d.series_id) = (s.filter, s.series_id)
    AND d.day > COALESCE(f.day, '') AND d.day <= :until)
LIMIT 1
"""

_ROWS = """
SELECT bot, judged, judged_r, blocked, blocked_r, day, sample, best_r, worst_r FROM {table}
WHERE filter = ? AND series_id = ? AND day > ? AND day <= ? ORDER BY day
"""


class Divisions(dict[str, str]):
    """Divisions by bot, looked up where they are not known yet."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__(db.execute("SELECT DISTINCT bot, division FROM return_day"))
        self._db = db

    def __missing__(self, bot: str) -> str:
        query = "SELECT division FROM trade WHERE bot = ? LIMIT 1"
        found = self._db.execute(query, (bot,)).fetchone()
        self[bot] = "" if found is None else found[0]
        return self[bot]


def day_rows(
    db: sqlite3.Connection,
    divisions: Divisions,
    name: str,
    series_id: str,
    *,
    table: str = LIMIT_DAY,
    after: str = "",
    until: str = "9999-12-31",
) -> Iterator[JudgedDay]:
    """Yield the day rows of a series, of days later than `after` and no later than `until`.

    Of the table `matched_day` they are those of the plain limit it is held against.
    """
    for bot, judged, r, blocked, blocked_r, day, sample, best, worst in db.execute(
        _ROWS.format(table=table), (name, series_id, after, until)
    ):
        division = divisions[bot]
        yield JudgedDay(
            bot,
            division,
            judged,
            r,
            blocked,
            blocked_r,
            day=day,
            sample=sample,
            best_r=best,
            worst_r=worst,
        )


def kept(db: sqlite3.Connection, name: str, series_id: str, terms: Terms) -> dict[str, Fold]:
    """Return the folds of a series by sample (`all`, `clean`, and `matched` of the plain limit).

    None where there is none to use.
    """
    found = {}
    for sample, text in db.execute(
        "SELECT sample, fold FROM limit_fold WHERE filter = ? AND series_id = ? AND rule = ?",
        (name, series_id, RULE),
    ):
        fold = _read(text)
        if fold is not None and fold.is_under(terms):
            found[sample] = fold
    # They are made together; one alone would be of another day.
    return found if len(found) == 3 else {}


def kept_days(
    db: sqlite3.Connection, name: str, series_id: str, sample: str, fold: Fold, since: str
) -> list[ChosenDay] | None:
    """Return what the days of a fold from `since` on came to, None where that was not kept."""
    which = (name, series_id, sample, RULE, fold.last)
    (judged,) = db.execute(
        "SELECT COALESCE(SUM(judged), 0) FROM choice_day"
        " WHERE (filter, series_id, sample, rule) = (?, ?, ?, ?) AND day <= ?",
        which,
    ).fetchone()
    if judged != fold.booked.judged:
        return None
    return [
        ChosenDay(*row)
        for row in db.execute(
            "SELECT day, u, h, slow_u, slow_h, judged, judged_r, blocked, blocked_r"
            " FROM choice_day WHERE (filter, series_id, sample, rule) = (?, ?, ?, ?)"
            " AND day <= ? AND day >= ? ORDER BY day",
            (*which, since),
        )
    ]


def renewed(db: sqlite3.Connection) -> list[LimitFoldRow | ChoiceDayRow]:
    """Return the folds of one series that lag behind, and what the days new in them came to.

    None once all are up to date.
    """
    ended = db.execute(_ENDED).fetchone()
    if ended is None:
        return []
    (until,) = ended
    stale = (date.fromisoformat(until) - timedelta(days=EVERY_DAYS)).isoformat()
    found = db.execute(_STALE, {"rule": RULE, "stale": stale, "until": until}).fetchone()
    if found is None:
        return []
    name, series_id, text = found
    terms = terms_of(text)
    folds = kept(db, name, series_id, terms)
    folds = folds or {sample: empty(terms) for sample in (ALL, CLEAN, MATCHED)}
    divisions = Divisions(db)
    days: list[LimitFoldRow | ChoiceDayRow] = []
    for sample, fold in folds.items():
        table = MATCHED_DAY if sample == MATCHED else LIMIT_DAY
        rows = day_rows(db, divisions, name, series_id, table=table, after=fold.last, until=until)
        chosen = fold.extend(rows, clean=sample == CLEAN)
        if sample != CLEAN:
            days += [ChoiceDayRow(name, series_id, sample, RULE, *one) for one in chosen]
    return days + [
        LimitFoldRow(name, series_id, sample, until, RULE, msgspec.json.encode(fold).decode())
        for sample, fold in folds.items()
    ]


def _read(text: str) -> Fold | None:
    try:
        return msgspec.json.decode(text, type=Fold)
    except msgspec.MsgspecError:
        return None
