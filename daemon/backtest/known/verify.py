"""Comparison of what the database holds with what it must hold, and the verdicts on either."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from daemon.backtest.known import truth
from daemon.backtest.known.desk import EQUITY_USD, run
from daemon.backtest.known.episodes import BOTS, MODES, Episode, Layout, lay_out
from divisions.weights import combined
from market.events import NS_PER_DAY
from shadow.report.fold import CLEAN, JudgedDay
from shadow.report.measured import Evidence, ValueDay
from shadow.report.report import report
from shadow.report.row import ReportRow
from shadow.report.verdict import decide
from shadow.store.store import open_readonly

# A Wednesday.
START = date(2026, 1, 7)
DELAY_DAYS = 14
R_WITHIN = 1e-6

Numbers = tuple[float | None, ...]


class Known(Struct, frozen=True):
    """How many rows were compared, and those that differ (what must be, what is).

    `verdicts` are those of the report, by limit.
    """

    days: int
    episodes: int
    limit_days: int
    branch_days: int
    unequal: list[str]
    verdicts: dict[str, str]


def known(days: int = 40, seed: int = 11, database: Path | None = None) -> Known:
    """Run a layout of so many days through engine, ledger and database, and compare the rows."""
    layout = lay_out(days, seed, first_weekday=START.weekday())
    start_ns = (START - date(1970, 1, 1)).days * NS_PER_DAY
    with TemporaryDirectory() as folder:
        path = database or Path(folder) / "known.db"
        run(layout, start_ns, path, {"booking_delay_days": DELAY_DAYS})
        with closing(open_readonly(path)) as db:
            return compare(db, layout)


def compare(db: sqlite3.Connection, layout: Layout) -> Known:
    """Return how the rows of a database differ from those of a layout."""

    def weigh(episode: Episode) -> float:
        return _weight(db, _day(episode.day), episode.bot)

    start_e6 = round(EQUITY_USD * 1e6)
    weekday = START.weekday()
    branches = truth.branch_days(layout, weigh, start_e6, first_weekday=weekday)
    r_of = {e: _r(e) for e in layout.episodes}
    limits = truth.limit_days(layout, r_of, DELAY_DAYS)
    rows = {row.name: row for row in report(db, by="filter").rows}
    verdicts = {name: rows[name].verdict for name in MODES}
    unequal = [*_limit_days(db, limits), *_branch_days(db, branches)]
    for name in MODES:
        unequal += _judged(rows[name], _evidence(name, layout, limits, branches))
    return Known(layout.days, len(layout.episodes), len(limits), len(branches), unequal, verdicts)


def _weight(db: sqlite3.Connection, day: str, bot: str) -> float:
    """Return the weight that a bot's signals had on a day."""
    query = (
        "SELECT weight FROM weight WHERE scope = ? AND name = ? AND day <= ?"
        " ORDER BY day DESC LIMIT 1"
    )
    asked = (("division", BOTS[bot], day), ("bot", bot, day))
    of_division, own = (db.execute(query, one).fetchone()[0] for one in asked)
    return combined(of_division, own)


def _r(episode: Episode) -> float:
    """Return an episode's R, which is the same in any size but for rounding."""
    found = truth.money(episode, 100_000)
    return found.net_e6 / found.risk_e6


def _day(number: int) -> str:
    return (START + timedelta(number)).isoformat()


def _limit_days(
    db: sqlite3.Connection, must: dict[tuple[str, int, str], truth.LimitDay]
) -> list[str]:
    query = (
        "SELECT filter, day, bot, judged, judged_r, blocked, blocked_r, best_r, worst_r"
        " FROM limit_day"
    )
    have = {(row[0], row[1], row[2]): tuple(row[3:]) for row in db.execute(query)}
    told = {
        (name, _day(day), bot): (
            r.judged, r.judged_r, r.blocked, r.blocked_r, r.best_r, r.worst_r,
        )
        for (name, day, bot), r in must.items()
    }  # fmt: skip
    return _differences("limit_day", told, have, R_WITHIN)


def _branch_days(
    db: sqlite3.Connection, must: dict[tuple[truth.Key, int], truth.BranchDay]
) -> list[str]:
    query = (
        "SELECT kind, b.filter, day, with_e6, without_e6, trades, with_r, without_r"
        " FROM branch_day JOIN branch b USING (branch_id)"
    )
    have = {(row[0], row[1], row[2]): tuple(row[3:]) for row in db.execute(query)}
    told = {
        (*key, _day(day)): (r.with_e6, r.without_e6, r.trades, r.with_r, r.without_r)
        for (key, day), r in must.items()
    }
    return _differences("branch_day", told, have, R_WITHIN)


def _evidence(
    name: str,
    layout: Layout,
    limits: Mapping[tuple[str, int, str], truth.LimitDay],
    branches: Mapping[tuple[truth.Key, int], truth.BranchDay],
) -> Evidence:
    """Return what a limit must be judged by."""
    kind = "observed" if MODES[name] == "enforce" else "enforced"
    judged = [
        JudgedDay(
            bot, BOTS[bot], r.judged, r.judged_r, r.blocked, r.blocked_r,
            day=_day(day), sample=CLEAN, best_r=r.best_r, worst_r=r.worst_r,
        )
        for (of, day, bot), r in limits.items()
        if of == name
    ]  # fmt: skip
    value = [
        ValueDay(_day(day), r.value_r) for (key, day), r in branches.items() if key == (kind, name)
    ]
    return Evidence(judged, value, _day(layout.days - 1), bias_within=True)


def _judged(row: ReportRow, evidence: Evidence) -> list[str]:
    """Return where a row of the report differs from the ruling on what it must rest on."""
    ruling = decide(row.name, evidence)
    must = (ruling.selection.r, ruling.value.r, ruling.selection.n_eff)
    have = (row.selection_r, row.value_r_per_day, row.n_eff)
    if (row.verdict, row.kind) == (ruling.verdict, ruling.kind) and _alike(must, have, R_WITHIN):
        return []
    return [f"report {row.name}: must be {ruling.verdict} {must}, is {row.verdict} {have}"]


def _differences(
    table: str,
    must: Mapping[tuple[str, str, str], Numbers],
    have: Mapping[tuple[str, str, str], Numbers],
    within: float,
) -> list[str]:
    found = []
    for key in sorted({*must, *have}, key=str):
        mine, theirs = must.get(key), have.get(key)
        if mine is None or theirs is None or not _alike(mine, theirs, within):
            found.append(f"{table} {key}: must be {mine}, is {theirs}")
    return found


def _alike(mine: Numbers, theirs: Numbers, within: float) -> bool:
    return all(
        a == b if a is None or b is None else abs(a - b) <= within
        for a, b in zip(mine, theirs, strict=True)
    )
