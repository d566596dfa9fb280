"""Report by division, bot, coin, regime or day: shrunken, and without a verdict.

Every blocked episode counts once, whichever filters refused it, on the day it closed and with its
own R. Whoever looks at thirty slices finds a best and a worst one by chance, so each is drawn to
what all of them say together. The regime is the one with which the day began.
"""

from __future__ import annotations

import sqlite3
from datetime import date

from quant.inference.anytime import Sums
from shadow.report.row import By, ReportRow
from shadow.report.slices import Slice, shrunken
from shadow.store.tables.rollups import REGIME

# In the order of the table's key, which need not be sorted.
_ROWS = """
SELECT name, day, scope, signals, entries, r, bps, net_e6 FROM slice_day
WHERE by = :by AND day >= :since ORDER BY by, day, name, scope
"""

# Days are added up over divisions: each trade is in one.
_DAYS = """
SELECT day, day, scope, SUM(signals), SUM(entries), SUM(r), SUM(bps), SUM(net_e6) FROM slice_day
WHERE by = 'division' AND day >= :since GROUP BY day, scope ORDER BY day, scope
"""

_REGIMES = "SELECT day, scope FROM rollup_day WHERE (filter, mode) = ('', ?)"
NOT_TOLD = "not told yet"


def by_slice(db: sqlite3.Connection, by: By, since: str) -> list[ReportRow]:
    """Return a row for each slice, in order of their names."""
    rows: dict[str, ReportRow] = {}
    sums: dict[str, Sums] = {}
    last: dict[str, int] = {}
    parts: dict[str, list[float]] = {}
    taken: dict[str, list[float]] = {}
    ordinals = _Ordinals()
    query = _DAYS if by in ("day", "regime") else _ROWS
    regimes = dict(db.execute(_REGIMES, (REGIME,)).fetchall()) if by == "regime" else {}
    for of, day, scope, signals, entries, r, bps, net_e6 in db.execute(
        query, {"by": by, "since": since}
    ):
        name = regimes.get(day, NOT_TOLD) if by == "regime" else of
        row = rows.get(name)
        if row is None:
            row = rows[name] = ReportRow(group=by, name=name, mode="")
            row.reason = "a slice has no verdict"
            sums[name], parts[name], taken[name] = Sums(), [0.0, 0.0], [0.0, 0.0]
        if scope == "blocked":
            ordinal = ordinals[day]
            sums[name].add(r, entries, adjacent=last.get(name) == ordinal - 1)
            last[name] = ordinal
            row.episodes += entries
            row.days += 1
            row.net_usd += net_e6 / 1e6
            parts[name][0] += r
            parts[name][1] += bps
        elif scope == "twin":
            taken[name][0] += r
            taken[name][1] += entries
        elif scope == "clamped":
            row.clamped_usd += net_e6 / 1e6
        if signals:
            _count(row, scope, signals)
    for name, row in rows.items():
        if row.episodes:
            row.mean_r = parts[name][0] / row.episodes
            row.mean_bps = parts[name][1] / row.episodes
        if taken[name][1]:
            row.taken_r = taken[name][0] / taken[name][1]
    if by != "day":
        for found in shrunken(sums, {name: row.episodes for name, row in rows.items()}):
            _draw(rows[found.name], found)
    return [rows[name] for name in sorted(rows) if _has_anything(rows[name])]


class _Ordinals(dict[str, int]):
    """Ordinals of days, each worked out once."""

    def __missing__(self, day: str) -> int:
        self[day] = date.fromisoformat(day).toordinal()
        return self[day]


def _count(row: ReportRow, scope: str, signals: int) -> None:
    if scope == "fail_closed":
        row.fail_closed += signals
        return
    row.blocked += signals
    if scope == "sole":
        row.sole_blocked += signals
    else:
        row.shared_blocked += signals


def _draw(row: ReportRow, found: Slice) -> None:
    row.shrunken_r, row.shrunken_low, row.shrunken_high = found.shrunken, found.low, found.high


def _has_anything(row: ReportRow) -> bool:
    """Say whether anything was refused here; of what was only admitted there is nothing to say."""
    return bool(row.blocked or row.fail_closed or row.episodes or row.clamped_usd)


# Days are known from the sums over bots; so years without any are not read.
_STAGED = """
SELECT r.scope, r.bot, r.day, r.signals, r.entries, r.r, r.bps, r.net_e6
FROM rollup_day d JOIN rollup r
  ON (r.day, r.filter, r.mode, r.scope) = (d.day, d.filter, d.mode, d.scope)
WHERE (d.filter, d.mode) = ('stage', 'stage') AND d.day >= ? ORDER BY r.bot, r.scope, r.day
"""


def staged(db: sqlite3.Connection, since: str) -> list[ReportRow]:
    """Return what shadow-only bots would have earned where no filter stood in the way."""
    rows: dict[str, ReportRow] = {}
    sums: dict[str, Sums] = {}
    last: dict[str, int] = {}
    for scope, bot, day, signals, entries, r, bps, net_e6 in db.execute(_STAGED, (since,)):
        row = rows.setdefault(bot, ReportRow(group="bot", name=bot, mode="stage"))
        one = sums.setdefault(bot, Sums())
        if signals:
            _count(row, scope, signals)
        if scope != "sole":
            continue
        if entries or r:
            ordinal = date.fromisoformat(day).toordinal()
            one.add(r, entries, adjacent=last.get(bot) == ordinal - 1)
            last[bot] = ordinal
            row.days += 1
        row.episodes += entries
        row.net_usd += net_e6 / 1e6
        row.mean_bps = (row.mean_bps or 0.0) + bps
    for row in rows.values():
        row.reason = "a shadow-only bot is in no verdict"
        total = row.mean_bps or 0.0
        row.mean_bps = total / row.episodes if row.episodes else None
        row.mean_r = sums[row.name].u / row.episodes if row.episodes else None
    for found in shrunken(sums, {name: row.episodes for name, row in rows.items()}):
        _draw(rows[found.name], found)
    return list(rows.values())
