"""Recomputation of every weight from stored returns, compared with what was stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from divisions import weights as rule
from market.events import MS_PER_DAY
from shadow.store.returns import (
    Earned,
    comparable_since,
    earned,
    return_rows,
    waiting,
    weight_rows,
)
from shadow.store.rows import day_of, ms_of
from shadow.store.tables.weights import ReturnRow, WeightRow

START = "start"
Series = dict[str, dict[int, tuple[int, int]]]


def differences(db: sqlite3.Connection) -> list[str]:
    """Return in words what does not come out as stored; empty when everything does."""
    returns = return_rows(db)
    found = replayed(weight_rows(db), returns)
    since = comparable_since(db)
    if since is not None:
        found += unexplained(returns, waiting(db), earned(db, since), since)
    return found


def replayed(weights: Iterable[WeightRow], returns: Iterable[ReturnRow]) -> list[str]:
    """Take every step again from the returns known at the time."""
    found: list[str] = []
    by_day: dict[str, list[WeightRow]] = {}
    for row in weights:
        by_day.setdefault(row.day, []).append(row)
    learnt: dict[str, list[ReturnRow]] = {}
    for entry in returns:
        learnt.setdefault(entry.known, []).append(entry)
    found += [f"{day}: returns, but no step" for day in sorted(learnt.keys() - by_day.keys())]
    now: dict[str, dict[str, float]] = {"division": {}, "bot": {}}
    series: dict[str, Series] = {"division": {}, "bot": {}}
    last_ms = 0
    for day in sorted(by_day):
        day_ms = ms_of(day)
        for entry in learnt.get(day, []):
            _add(series["bot"], entry.bot, entry)
            _add(series["division"], entry.division, entry)
        steps = [row for row in by_day[day] if row.reason != START]
        if steps:
            if day_ms - last_ms != MS_PER_DAY:
                found.append(f"{day}: the step before it is {day_of(last_ms)}, not the day before")
            for scope in ("division", "bot"):
                mine = {row.name: row for row in steps if row.scope == scope}
                found += _step(day, scope, mine, now[scope], series[scope])
        for row in by_day[day]:
            if row.reason == START and row.weight != rule.START:
                found.append(f"{day} {row.scope} {row.name}: starts at {row.weight!r}")
            now[row.scope][row.name] = row.weight
        last_ms = day_ms
    return found


def _step(
    day: str, scope: str, rows: dict[str, WeightRow], before: dict[str, float], series: Series
) -> list[str]:
    found = [f"{day} {scope} {name}: no row" for name in before if name not in rows]
    found += [f"{day} {scope} {name}: never began" for name in rows if name not in before]
    for name, made in rule.step(before, series, ms_of(day) - MS_PER_DAY).items():
        row = rows.get(name)
        if row is None:
            continue
        for what in ("weight", "sharpe", "days", "closed", "reason"):
            have, want = getattr(row, what), getattr(made, what)
            if have != want:
                found.append(f"{day} {scope} {name}: {what} is {have!r}, returns make {want!r}")
    return found


def _add(series: Series, name: str, entry: ReturnRow) -> None:
    days = series.setdefault(name, {})
    at_ms = ms_of(entry.day)
    r, n = days.get(at_ms, (0, 0))
    days[at_ms] = (r + entry.r_e6, n + entry.closed)


def unexplained(
    returns: Iterable[ReturnRow],
    still_waiting: dict[tuple[str, str], tuple[int, int]],
    trades: dict[tuple[str, str], Earned],
    since: str,
) -> list[str]:
    """Compare the returns with what the trades make, from the UTC date `since` on.

    A mark that came in two parts was rounded twice; one millionth of R a mark is let pass.
    """
    kept = {key: value for key, value in still_waiting.items() if key[1] >= since}
    for entry in returns:
        if entry.day >= since:
            r, n = kept.get((entry.bot, entry.day), (0, 0))
            kept[entry.bot, entry.day] = (r + entry.r_e6, n + entry.closed)
    found = []
    for bot, day in sorted(kept.keys() | trades.keys(), key=lambda key: (key[1], key[0])):
        r, closed = kept.get((bot, day), (0, 0))
        want = trades.get((bot, day), Earned(0, 0, 0))
        if abs(r - want.r_e6) > want.marks or closed != want.closed:
            found.append(
                f"{day} {bot}: returns hold {r / 1e6:+.6f} R and {closed} closed trades, "
                f"its trades make {want.r_e6 / 1e6:+.6f} R and {want.closed}"
            )
    return found
