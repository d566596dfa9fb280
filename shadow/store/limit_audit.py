"""Audit of what series of limits rest on, against what trades, signals and checks make of it."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta
from fractions import Fraction
from statistics import median
from typing import Any

from shadow.store.history import (
    every_run_kept_phantoms,
    first_day,
    from_the_beginning,
    whole_signals,
    whole_trades,
)
from shadow.store.judged import (
    DAY_S,
    NOTHING,
    OPEN,
    Counted,
    Counts,
    Days,
    Epoch,
    Sums,
    epochs_of,
    made,
    numbered,
)

TWINS_MIN, TWINS_MAX = 30, 200


def limit_lies(db: sqlite3.Connection) -> list[str]:
    """Return in words what series hold that trades and checks contradict."""
    if not from_the_beginning(db) or not whole_trades(db):
        return []
    found, epochs = epochs_of(db)
    ran = {
        day: seconds
        for day, *seconds in db.execute(
            "SELECT day, signals, entries FROM rollup WHERE mode = 'run' AND scope = 'seconds'"
        )
    }
    days = Days(ran, _running_day(db))
    gone = "" if whole_signals(db) else _gone_to(db, epochs)
    anew = made(db, epochs, days)
    found += _money(db)
    found += _days(db, anew.counted, days, gone)
    found += _left_out(db, anew.left_out, "" if not gone else first_day(db))
    return found + _state(db, epochs)


def _money(db: sqlite3.Connection) -> list[str]:
    """Return series in which one R is worth what the twins of their beginning do not make."""
    if not every_run_kept_phantoms(db):
        return []
    found, made = [], {}
    query = "SELECT series_id, from_ns, money_r_e6 FROM series WHERE money_r_e6 IS NOT NULL"
    for key, from_ns, money_e6 in db.execute(query).fetchall():
        if from_ns not in made:
            made[from_ns] = _medians(db, from_ns)
        if money_e6 not in made[from_ns]:
            found.append(f"series {key} counts {money_e6} to the R, which its twins do not make")
    return found


def _medians(db: sqlite3.Connection, from_ns: int) -> set[int]:
    """Return what one R may be worth: it was frozen in the day before, or by the thirtieth twin."""
    where = "kind = 'twin' AND risk_e6 > 0 AND opened_ns"
    first, last = (
        db.execute(f"SELECT COUNT(*) FROM trade WHERE {where} <= ?", (ns,)).fetchone()[0]
        for ns in (from_ns - DAY_S * 10**9, from_ns)
    )
    first, last = max(first, TWINS_MIN), max(last, TWINS_MIN)
    skip = max(first - TWINS_MAX, 0)
    risks = [
        risk
        for (risk,) in db.execute(
            f"SELECT risk_e6 FROM trade WHERE {where} > 0 ORDER BY opened_ns, trade_id"
            " LIMIT ? OFFSET ?",
            (last - skip, skip),
        )
    ]
    return {
        round(Fraction(median(risks[max(n - TWINS_MAX, 0) : n])))
        for n in range(first - skip, len(risks) + 1)
    }


def _days(db: sqlite3.Connection, expected: Counted, days: Days, gone: str) -> list[str]:
    kept: Counted = {
        (name, series, day, bot, sample): Sums(*sums)
        for name, series, day, bot, sample, *sums in db.execute(
            "SELECT filter, series_id, day, bot, sample, judged, judged_r, blocked, blocked_r,"
            " best_r, worst_r FROM limit_day"
        )
    }
    return [
        f"limit_day of {'/'.join(key)} holds {tuple(have)}, its trades make {tuple(want)}"
        for key in sorted(expected.keys() | kept.keys())
        if (have := kept.get(key, NOTHING)).differs(want := expected.get(key, NOTHING))
        and (not gone or key[2] > days.booked(key[0], gone))
    ]


def _left_out(db: sqlite3.Connection, expected: Counts, since: str) -> list[str]:
    query = "SELECT day, filter, scope, bot, entries FROM rollup WHERE mode = 'left_out'"
    kept: Counts = {tuple(key): count for *key, count in db.execute(query)}
    return [
        f"rollup of left_out {'/'.join(key)} counts {kept.get(key, 0)} episodes, "
        f"there are {expected.get(key, 0)}"
        for key in sorted(expected.keys() | kept.keys())
        if kept.get(key, 0) != expected.get(key, 0) and key[0] >= since
    ]


def _running_day(db: sqlite3.Connection) -> str:
    """Return the day that has not ended: it follows the newest that has."""
    (ended,) = db.execute("SELECT MAX(day) FROM rollup WHERE mode = 'run'").fetchone()
    (opened,) = db.execute(
        "SELECT COALESCE(MIN(date(decided_ns / 1000000000, 'unixepoch')), '') FROM trade"
    ).fetchone()
    vitals = _piece(db, "vitals")
    day_ms = vitals.get("uptime", {}).get("day_ms", 0) if isinstance(vitals, dict) else 0
    if day_ms:
        return (date(1970, 1, 1) + timedelta(days=day_ms // (DAY_S * 1000))).isoformat()
    return str(opened if ended is None else ended)


def _gone_to(db: sqlite3.Connection, epochs: list[Epoch]) -> str:
    """Return up to which day something may be due of which the signal was deleted."""
    delay_s = max((epoch.delay_s for epoch in epochs), default=0)
    last = date.fromisoformat(first_day(db)) + timedelta(seconds=delay_s)
    (late,) = db.execute(
        "SELECT COALESCE(MAX(f.day), '') FROM final_day f JOIN trade t ON t.trade_id = f.trade_id"
        " WHERE NOT EXISTS (SELECT 1 FROM signal s WHERE s.signal_id = t.signal_id)"
    ).fetchone()
    return max(last.isoformat(), str(late))


def _state(db: sqlite3.Connection, epochs: list[Epoch]) -> list[str]:
    """Compare what a restart would take up of series with their rows and the open trades."""
    try:
        return _state_lies(db, epochs)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return [f"state of series cannot be read: {error!r}"]


def _state_lies(db: sqlite3.Connection, epochs: list[Epoch]) -> list[str]:
    state = _piece(db, "series")
    if state is None:
        return []
    known = state["known"]
    found = []
    for series in known:
        row = db.execute(
            "SELECT filter, number, from_ns, money_r_e6 FROM series WHERE series_id = ?",
            (series["series_id"],),
        ).fetchone()
        have = tuple(series[k] for k in ("filter", "number", "from_ns", "money_r_e6"))
        if row is None or tuple(row) != have:
            found.append(f"state series {series['series_id']} holds {have}, its row {row}")
    judged: dict[int, list[str]] = {}
    blocked: dict[int, list[str]] = {}
    for number, trade_id, _, failed, checks in db.execute(OPEN, (numbered(epochs),)):
        for name, series_id in epochs[number].series.items():
            mode, outcome = json.loads(checks).get(name, ("", ""))
            others = failed - (mode == "enforce" and outcome in ("fail", "no_data"))
            if outcome != "no_data" and not others:
                judged.setdefault(trade_id, []).append(series_id)
                if outcome:
                    blocked.setdefault(trade_id, []).append(series_id)
    for name, text in db.execute("SELECT key, value FROM state WHERE key LIKE 'trade/%'"):
        trade = json.loads(text)
        for part, expected in (("judged", judged), ("blocked", blocked)):
            mine = sorted(known[at]["series_id"] for at in trade.get(part, ()))
            want = sorted(expected.get(trade["trade_id"], ()))
            if mine != want:
                found.append(f"state {name}: {part} by {mine}, its checks say {want}")
    return found


def _piece(db: sqlite3.Connection, key: str) -> Any:
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else json.loads(row[0])
