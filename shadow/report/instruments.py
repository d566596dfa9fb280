"""Dead instruments: signs in day rows that something measures nothing any more.

A limit that measures nothing looks like one that does no harm. Each check reads the rows of the
newest days and says in words what cannot be so; none of them says anything of a limit's worth.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta

from msgspec import Struct

from shadow.store.history import every_run_kept_phantoms

# Looked at are so many days up to the newest that has ended.
DAYS = 30
# Fewer signals, outcomes or days than these may well be chance.
SIGNALS_MIN, DAYS_MIN = 20, 10
# A limit that refuses all or nothing of so many tells nothing apart.
JUDGED_MIN = 200
COVERAGE_MIN = 0.9
HALF_DAY_S = 43_200
# The coin's series is looked at every day for years, so once in a hundred thousand looks is
# often enough to be wrong: chi-squared of one degree.
CHI2_MAX = 19.51
CONTROL = "control"


class Dead(Struct, frozen=True):
    """An instrument that seems dead: whose, "" of the desk, what cannot be so, and a way on."""

    filter: str
    words: str
    remedy: str


def dead_instruments(db: sqlite3.Connection) -> list[Dead]:
    """Return every instrument that seems dead; empty when all seem to live."""
    (last,) = db.execute(
        "SELECT MAX(day) FROM rollup_day WHERE (filter, mode, scope) = ('', 'run', 'seconds')"
    ).fetchone()
    if last is None or not every_run_kept_phantoms(db):
        return []
    since = (date.fromisoformat(last) - timedelta(days=DAYS - 1)).isoformat()
    return [
        *_without_phantoms(db, since, last),
        *_outcomes(db, since),
        *_equal_desks(db, since),
        *_not_the_desk(db, since),
        *_coin(db),
        *_coverage(db, since, last),
    ]


def _without_phantoms(db: sqlite3.Connection, since: str, last: str) -> Iterator[Dead]:
    """Look for limits that stood alone in the way of many, none of which was followed."""
    query = (
        "SELECT filter, SUM(signals) AS n FROM rollup_day WHERE mode = 'enforce' AND scope = 'sole'"
        " AND day BETWEEN ? AND ? GROUP BY filter HAVING n >= ? AND SUM(entries) = 0"
    )
    for name, count in db.execute(query, (since, last, SIGNALS_MIN)):
        yield Dead(
            name,
            f"{name} blocked {count} signals since {since}, and no phantom followed any of them",
            f"`gnomon shadow list --filter {name}` says what became of each: books may be missing",
        )


def _outcomes(db: sqlite3.Connection, since: str) -> Iterator[Dead]:
    """Look for series that are all zeros, and for limits that refuse everything or nothing."""
    query = (
        "SELECT series.filter, SUM(judged), SUM(blocked), MAX(best_r) = 0 AND MIN(worst_r) = 0"
        " FROM series CROSS JOIN limit_day l"
        " ON (l.filter, l.series_id) = (series.filter, series.series_id) AND l.day >= ?"
        " GROUP BY series.filter, series.series_id"
    )
    found = db.execute(query, (since,)).fetchall()
    for name, count, _, zeros in found:
        if count >= SIGNALS_MIN and zeros:
            yield Dead(
                name,
                f"all {count} outcomes of the series of {name} since {since} are exactly 0 R",
                f"`gnomon explain {name}.mean_r` holds them against their trades and fills",
            )
    for name, count, hit, _ in found:
        if name != CONTROL and count >= JUDGED_MIN and hit in (0, count):
            refused = "every one" if hit else "none"
            yield Dead(
                name,
                f"{name} refused {refused} of {count} signals that it judged alone since {since}",
                f"see whether [gate.{name}] is meant so; of what guards against rare trouble it is",
            )


def _equal_desks(db: sqlite3.Connection, since: str) -> Iterator[Dead]:
    """Look for limits that block much without which the desk is worth the same on every day."""
    query = (
        "SELECT d.filter, COUNT(*) AS n, (SELECT SUM(l.blocked) FROM limit_day l"
        "   WHERE (l.filter, l.series_id) = (d.filter, d.series_id) AND l.day >= :since) AS blocked"
        " FROM branch_day d JOIN branch b ON b.branch_id = d.branch_id"
        " WHERE b.kind IN ('observed', 'enforced') AND d.day >= :since"
        " GROUP BY d.filter, d.series_id"
        " HAVING n >= :days AND blocked >= :signals AND MAX(ABS(d.with_e6 - d.without_e6)) = 0"
    )
    asked = {"since": since, "days": DAYS_MIN, "signals": SIGNALS_MIN}
    for name, count, blocked in db.execute(query, asked):
        yield Dead(
            name,
            f"{name} blocked {blocked} signals, yet with and without it the desk made exactly the "
            f"same on each of {count} days",
            f"`gnomon explain {name}.value_usd` shows both desks; `gnomon db check` checks them",
        )


def _not_the_desk(db: sqlite3.Connection, since: str) -> Iterator[Dead]:
    """Look for days on which the branch that toggles nothing did not make what the desk made."""
    query = (
        "SELECT COUNT(*), MAX(d.day) FROM branch_day d JOIN branch b ON b.branch_id = d.branch_id"
        " WHERE b.kind = 'nothing' AND d.day >= ? AND d.with_e6 <> d.without_e6"
    )
    count, last = db.execute(query, (since,)).fetchone()
    if count:
        yield Dead(
            "",
            f"the branch that toggles nothing was not the desk on {count} day{'s' * (count > 1)} "
            f"since {since}, the last of them {last}",
            "trust no value of a limit on those days; `gnomon db check` says what is apart",
        )


def _coin(db: sqlite3.Connection) -> Iterator[Dead]:
    """Hold the share that the coin blocks against the one it is told to."""
    query = (
        "SELECT SUM(l.judged), SUM(l.blocked), series.terms FROM series CROSS JOIN limit_day l"
        " ON (l.filter, l.series_id) = (series.filter, series.series_id)"
        " WHERE series.filter = ? GROUP BY series.series_id"
    )
    for judged, blocked, terms in db.execute(query, (CONTROL,)):
        share = json.loads(terms).get("settings", {}).get("share")
        if share is None:
            continue
        expected = judged * share
        spread = expected * (1.0 - share)
        if judged >= SIGNALS_MIN and (blocked - expected) ** 2 > CHI2_MAX * spread:
            yield Dead(
                CONTROL,
                f"{CONTROL} would have blocked {blocked} of {judged} signals, "
                f"{100 * blocked / judged:.1f} %; a coin of {100 * share:g} % does not fall so",
                "believe no verdict until `gnomon db check` says why",
            )


def _coverage(db: sqlite3.Connection, since: str, last: str) -> Iterator[Dead]:
    """Count on how many days there is something to measure with, and whether it was written."""
    query = (
        "SELECT MIN(day), SUM(signals >= ?) FROM rollup_day"
        " WHERE (filter, mode, scope) = ('', 'run', 'seconds') AND day >= ?"
    )
    first, ran = db.execute(query, (HALF_DAY_S, since)).fetchone()
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    if days < DAYS_MIN:
        return
    if ran < COVERAGE_MIN * days:
        yield Dead(
            "",
            f"the desk ran for half of the day or more on {ran} of {days} days since {first}",
            "let systemd keep it running; `gnomon doctor` says whether its unit starts at boot",
        )
    if db.execute("SELECT 1 FROM branch LIMIT 1").fetchone() is None:
        return
    running = (
        "SELECT filter, MAX(date(from_ns / 1000000000 + 86399, 'unixepoch'), :since) AS began,"
        " (SELECT COUNT(DISTINCT d.day) FROM branch_day d WHERE d.day >= :since"
        "   AND (d.filter, d.series_id) = (series.filter, series.series_id)) FROM series"
        " WHERE series_id = (SELECT p.series_id FROM spell p WHERE p.filter = series.filter"
        "   ORDER BY p.from_seq DESC LIMIT 1)"
    )
    for name, began, rows in db.execute(running, {"since": since}):
        (could,) = db.execute(
            "SELECT COUNT(*) FROM rollup_day WHERE (filter, mode, scope) = ('', 'run', 'seconds')"
            " AND signals >= ? AND day >= ?",
            (HALF_DAY_S, began),
        ).fetchone()
        if could >= DAYS_MIN and rows < COVERAGE_MIN * could:
            yield Dead(
                name,
                f"{name} has rows of its value on {rows} of the {could} days that were run",
                "alarms of the kind `branch` say when and why its desks were begun anew",
            )
