"""Audit of what series of limits rest on: made again from trades, signals and checks alone.

Which series a signal belongs to is told by `spell`, whether a day was run by the rollup, when an
outcome was final by the trade, or by `final_day` where that was later. Nothing here is shared with
the engine's own bookkeeping of series.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from hashlib import blake2b
from statistics import median
from typing import Any, NamedTuple

from shadow.store.history import (
    every_run_kept_phantoms,
    first_day,
    from_the_beginning,
    whole_signals,
    whole_trades,
)

DAY_S = 86_400
# The limit whose days count while it holds the desk latched.
LATCHING = "drawdown"
TWINS_MIN, TWINS_MAX = 30, 200


def _flag(name: str) -> str:
    return f"INSTR(',' || t.flags || ',', ',{name},') > 0"


# Each episode once for every limit that was measured when it opened: what became of it there.
# `reason` is empty for what counts; `beside` is what the limit has no part in.
_EPISODES = f"""
panel AS MATERIALIZED (
  SELECT json_extract(value, '$[0]') AS filter, json_extract(value, '$[1]') AS series_id,
         json_extract(value, '$[2]') AS from_seq, json_extract(value, '$[3]') AS until_seq,
         json_extract(value, '$[4]') AS from_ns, json_extract(value, '$[5]') AS delay_s
  FROM json_each(?)
), episode AS (
  SELECT t.trade_id, t.signal_id, t.bot, t.r, p.filter, p.series_id,
         date(t.decided_ns / 1000000000, 'unixepoch') AS opened,
         MAX(date(t.closed_ns / 1000000000, 'unixepoch'),
             date(t.decided_ns / 1000000000 + p.delay_s, 'unixepoch'),
             COALESCE(f.day, '')) AS due,
         CASE WHEN {_flag("repaired")} OR {_flag("gap")} THEN 'repaired' ELSE 'clean' END AS sample,
         c.outcome IN ('fail', 'pass') AS hit,
         CASE WHEN c.outcome = 'no_data' THEN 'no_data'
              WHEN (s.failing <> '') + LENGTH(s.failing) - LENGTH(REPLACE(s.failing, ',', ''))
                   > COALESCE(c.mode = 'enforce' AND c.outcome <> 'pass', 0)
                THEN CASE WHEN c.outcome IS NULL THEN 'beside' ELSE 'joint' END
              WHEN t.status <> 'closed' THEN 'open'
              WHEN t.exit_reason = 'UNAVAILABLE'
                THEN CASE WHEN {_flag("cancelled")} THEN 'called_off' ELSE 'no_book' END
              WHEN {_flag("no_funding")} THEN 'unfunded'
              WHEN {_flag("suspect_price")} THEN 'suspect'
              WHEN {_flag("wound_down")} THEN 'wound_down'
              WHEN t.r IS NULL THEN 'no_risk' ELSE '' END AS reason
  FROM trade t JOIN signal s ON s.signal_id = t.signal_id
  JOIN panel p ON s.seq >= p.from_seq AND s.seq < p.until_seq AND t.decided_ns >= p.from_ns
  LEFT JOIN check_result c ON c.signal_id = t.signal_id AND c.filter = p.filter
  LEFT JOIN final_day f ON f.trade_id = t.trade_id
  WHERE t.kind = 'twin' OR (t.kind = 'phantom' AND t.cause = 'block')
)
"""

_COUNTED = f"""WITH {_EPISODES}
SELECT filter, series_id, bot, sample, due, COUNT(*), SUM(r), COALESCE(SUM(hit), 0),
       COALESCE(SUM(r * hit), 0.0), MAX(r), MIN(r)
FROM episode WHERE reason = '' GROUP BY filter, series_id, bot, sample, due
"""

_LEFT_OUT = f"""WITH {_EPISODES}
SELECT opened, filter, reason, bot, COUNT(*) FROM episode
WHERE reason NOT IN ('', 'beside', 'open') GROUP BY opened, filter, reason, bot
UNION ALL
SELECT e.opened, e.filter, 'joint:' || o.filter, e.bot, COUNT(*)
FROM episode e JOIN check_result o ON o.signal_id = e.signal_id AND o.filter <> e.filter
  AND o.mode = 'enforce' AND o.outcome <> 'pass'
WHERE e.reason = 'joint' GROUP BY e.opened, e.filter, o.filter, e.bot
"""

_OPEN = f"""WITH {_EPISODES}
SELECT trade_id, filter, series_id, COALESCE(hit, 0) FROM episode WHERE reason = 'open'
"""


class Sums(NamedTuple):
    """What a series has of a bot, sample and day."""

    judged: int
    judged_r: float
    blocked: int
    blocked_r: float
    best_r: float
    worst_r: float

    def plus(self, other: Sums) -> Sums:
        """Return both together."""
        return Sums(
            self.judged + other.judged,
            self.judged_r + other.judged_r,
            self.blocked + other.blocked,
            self.blocked_r + other.blocked_r,
            max(self.best_r, other.best_r),
            min(self.worst_r, other.worst_r),
        )

    def differs(self, other: Sums) -> bool:
        """Say whether they are not the same but for the last digits of sums."""
        near = all(
            abs(a - b) <= 1e-6 * (1 + abs(a))
            for a, b in ((self.judged_r, other.judged_r), (self.blocked_r, other.blocked_r))
        )
        same = (self.judged, self.blocked, self.best_r, self.worst_r)
        return not near or same != (other.judged, other.blocked, other.best_r, other.worst_r)


NOTHING = Sums(0, 0.0, 0, 0.0, 0.0, 0.0)
Key = tuple[str, str, str, str, str]


def limit_lies(db: sqlite3.Connection) -> list[str]:
    """Return in words what series hold that trades and checks contradict."""
    if not from_the_beginning(db) or not whole_trades(db):
        return []
    found, panel = _series(db)
    ran = {
        day: seconds
        for day, *seconds in db.execute(
            "SELECT day, signals, entries FROM rollup WHERE mode = 'run' AND scope = 'seconds'"
        )
    }
    days = Days(ran, _running_day(db))
    gone = "" if whole_signals(db) else _gone_to(db, panel)
    found += _money(db)
    found += _days(db, panel, days, gone)
    found += _left_out(db, panel, "" if not gone else first_day(db))
    return found + _state(db, panel)


class Days:
    """Days that were run, and the one that runs."""

    def __init__(self, ran: dict[str, list[int]], running: str) -> None:
        self._ran = ran
        self._running = running

    def booked(self, name: str, due: str) -> str:
        """Return on which day an outcome counts that was due on one."""
        while due < self._running and not self._was_run(name, due):
            due = (date.fromisoformat(due) + timedelta(days=1)).isoformat()
        return due

    def _was_run(self, name: str, day: str) -> bool:
        run_s, latched_s = self._ran.get(day, (0, 0))
        return 2 * (run_s + (latched_s if name == LATCHING else 0)) >= DAY_S


def _series(db: sqlite3.Connection) -> tuple[list[str], str]:
    """Return what is wrong with series, and as JSON which of them judged when."""
    found, terms = [], {}
    for key, name, number, from_ns, text in db.execute(
        "SELECT series_id, filter, number, from_ns, terms FROM series ORDER BY filter, number"
    ):
        if blake2b(text.encode(), digest_size=8).hexdigest() != key:
            found.append(f"series {key} of {name} is not that of its terms")
        delay = json.loads(text)["verdict"]["booking_delay_days"]
        terms[key] = name, from_ns, delay * DAY_S
        others = db.execute(
            "SELECT COUNT(*) FROM series WHERE filter = ? AND number <= ?", (name, number)
        )
        if others.fetchone()[0] != number:
            found.append(f"series {key} is not number {number} of {name}")
    panel: list[tuple[Any, ...]] = []
    spells = db.execute("SELECT filter, from_seq, series_id FROM spell ORDER BY filter, from_seq")
    rows = [tuple(row) for row in spells]
    for at, (name, from_seq, key) in enumerate(rows):
        later = rows[at + 1] if at + 1 < len(rows) else ("", 0, "")
        until_seq = later[1] if later[0] == name else 1 << 62
        if key and (key not in terms or terms[key][0] != name):
            found.append(f"{name} was measured in series {key}, which is none of its own")
        elif key:
            panel.append((name, key, from_seq, until_seq, *terms[key][1:]))
    return found, json.dumps(panel)


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


def _days(db: sqlite3.Connection, panel: str, days: Days, gone: str) -> list[str]:
    expected: dict[Key, Sums] = {}
    for name, series, bot, sample, due, *sums in db.execute(_COUNTED, (panel,)):
        key = name, series, days.booked(name, due), bot, sample
        judged, r, blocked, blocked_r, best, worst = sums
        made = Sums(judged, r, blocked, blocked_r, best, worst)
        expected[key] = made.plus(expected[key]) if key in expected else made
    kept: dict[Key, Sums] = {
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


def _left_out(db: sqlite3.Connection, panel: str, since: str) -> list[str]:
    expected = _counts(db.execute(_LEFT_OUT, (panel,)))
    kept = _counts(
        db.execute("SELECT day, filter, scope, bot, entries FROM rollup WHERE mode = 'left_out'")
    )
    return [
        f"rollup of left_out {'/'.join(key)} counts {kept.get(key, 0)} episodes, "
        f"there are {expected.get(key, 0)}"
        for key in sorted(expected.keys() | kept.keys())
        if kept.get(key, 0) != expected.get(key, 0) and key[0] >= since
    ]


def _counts(rows: Iterable[Any]) -> dict[tuple[str, ...], int]:
    return {(day, name, reason, bot): count for day, name, reason, bot, count in rows}


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


def _gone_to(db: sqlite3.Connection, panel: str) -> str:
    """Return up to which day something may be due of which the signal was deleted."""
    delay_s = max((spell[-1] for spell in json.loads(panel)), default=0)
    last = date.fromisoformat(first_day(db)) + timedelta(seconds=delay_s)
    (late,) = db.execute(
        "SELECT COALESCE(MAX(f.day), '') FROM final_day f JOIN trade t ON t.trade_id = f.trade_id"
        " WHERE NOT EXISTS (SELECT 1 FROM signal s WHERE s.signal_id = t.signal_id)"
    ).fetchone()
    return max(last.isoformat(), str(late))


def _state(db: sqlite3.Connection, panel: str) -> list[str]:
    """Compare what a restart would take up of series with their rows and the open trades."""
    try:
        return _state_lies(db, panel)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return [f"state of series cannot be read: {error!r}"]


def _state_lies(db: sqlite3.Connection, panel: str) -> list[str]:
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
    for trade_id, _, series_id, hit in db.execute(_OPEN, (panel,)):
        judged.setdefault(trade_id, []).append(series_id)
        if hit:
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
