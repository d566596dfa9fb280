"""Audit of branches: their lives, their days against one another and against their trades.

What a branch held open is not written down, so its change of equity cannot be made again; what
can be is the desk it stands beside, which all its days name, what one R was worth, how many of its
trades ended, and the branch that toggles nothing, whose trades are the desk's own.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from market.events import MS_PER_DAY, NS_PER_DAY, NS_PER_MS
from shadow.store.rows import day_of

# The number of a branch among all, in its id and in those of its trades.
SIDES = 64
# Trades of branches are kept for 30 days, by a clock that may be ahead of the newest event's.
KEPT_DAYS = 29
# Our stamps may be this far from the venue's clock, by which days end.
SLACK_S = 300
DAY_S = 86_400
# How a fork says that nobody knew where the branches before it had ended.
MISSING = "the state of the branches was missing"

KINDS = "'nothing','observed','data','enforced','open','direction','phase_space','limits','without'"
OF_A_LIMIT = "'observed','data','enforced'"
_DAYS = "FROM branch_day d JOIN branch b ON b.branch_id = d.branch_id"
_DAY_ENDS_NS = f"(unixepoch(d.day) + {DAY_S}) * 1000000000"

# Each query returns the rows that break a rule; the words say which rule.
RULES: tuple[tuple[str, str], ...] = (
    (
        "a branch is of no kind there is, or of a limit that its kind has not",
        f"SELECT branch_id FROM branch WHERE kind NOT IN ({KINDS})"
        f" OR (kind IN ({OF_A_LIMIT})) <> (filter <> '')",
    ),
    (
        "a branch is of another limit's series",
        "SELECT branch_id FROM branch b WHERE series_id <> '' AND NOT EXISTS (SELECT 1"
        " FROM series s WHERE (s.series_id, s.filter) = (b.series_id, b.filter))",
    ),
    (
        "a branch ended before it was forked, or nobody says why",
        "SELECT branch_id FROM branch WHERE ended_ns < forked_ns"
        " OR (ended_ns IS NOT NULL) <> (INSTR(why, ' | ') > 0)",
    ),
    (
        "two branches of one kind and limit lived at once",
        "SELECT branch_id FROM (SELECT branch_id, ended_ns, LEAD(forked_ns) OVER w AS next_ns,"
        " LEAD(why) OVER w AS next_why FROM branch"
        " WINDOW w AS (PARTITION BY kind, filter ORDER BY branch_id)) WHERE next_ns IS NOT NULL"
        " AND COALESCE(ended_ns > next_ns,"
        f" SUBSTR(next_why, 1, {len(MISSING)}) <> '{MISSING}')",
    ),
    (
        "a branch's day belongs to no branch, or lies outside its life",
        "SELECT d.branch_id || ' ' || d.day FROM branch_day d LEFT JOIN branch b"
        " ON b.branch_id = d.branch_id WHERE b.branch_id IS NULL"
        f" OR d.day < date(b.forked_ns / 1000000000 - {SLACK_S}, 'unixepoch')"
        f" OR d.day > date(b.ended_ns / 1000000000 + {SLACK_S}, 'unixepoch')",
    ),
    (
        "a branch's day is of another limit or series than the branch",
        f"SELECT d.branch_id || ' ' || d.day {_DAYS} WHERE d.filter <> b.filter"
        " OR (d.series_id <> b.series_id AND NOT EXISTS (SELECT 1 FROM series s"
        " WHERE (s.series_id, s.filter) = (d.series_id, b.filter)"
        f" AND s.from_ns >= b.forked_ns AND s.from_ns < {_DAY_ENDS_NS}))",
    ),
    (
        "a branch's day holds what cannot be",
        "SELECT branch_id || ' ' || day FROM branch_day WHERE run_fraction < 0.5"
        " OR trades < 0 OR drawdown_e6 < 0 OR latches < 0 OR repaired NOT BETWEEN 0 AND trades",
    ),
    (
        "a branch's day was not run for as long as it says",
        "SELECT d.branch_id || ' ' || d.day FROM branch_day d LEFT JOIN rollup u ON u.day = d.day"
        " AND u.filter = '' AND u.mode = 'run' AND u.scope = 'seconds' WHERE u.day IS NULL OR"
        f" d.run_fraction * {DAY_S} > 1 + u.signals"
        " + CASE d.filter WHEN 'drawdown' THEN u.entries ELSE 0 END",
    ),
    (
        "the branch that toggles nothing is not the desk",
        f"SELECT d.day {_DAYS} WHERE b.kind = 'nothing' AND d.with_e6 <> d.without_e6",
    ),
    (
        "branches disagree about what the desk made of a day",
        "SELECT day FROM (SELECT d.day,"
        f" CASE b.kind WHEN 'enforced' THEN d.without_e6 ELSE d.with_e6 END AS desk_e6 {_DAYS}"
        " WHERE b.kind <> 'observed') GROUP BY day HAVING MIN(desk_e6) <> MAX(desk_e6)",
    ),
    (
        "a limit that observes is not held against the desk where only its answers count",
        f"SELECT d.branch_id || ' ' || d.day {_DAYS} WHERE b.kind = 'observed' AND d.with_e6 IS NOT"
        " (SELECT o.without_e6 FROM branch_day o JOIN branch c ON c.branch_id = o.branch_id"
        " WHERE (o.day, c.filter, c.kind) = (d.day, b.filter, 'data'))",
    ),
    (
        "a branch's day in R is not its money",
        "SELECT d.branch_id || ' ' || d.day FROM branch_day d LEFT JOIN series s"
        " ON s.series_id = d.series_id WHERE (d.with_r IS NULL) <> (d.without_r IS NULL)"
        " OR (d.filter <> '' AND d.with_r IS NOT NULL AND s.money_r_e6 IS NULL)"
        " OR ABS(d.with_r - d.with_e6 * 1.0 / s.money_r_e6) > 1e-9 * (1 + ABS(d.with_r))"
        " OR ABS(d.without_r - d.without_e6 * 1.0 / s.money_r_e6) > 1e-9 * (1 + ABS(d.without_r))"
        " OR ABS(d.with_r * d.without_e6 - d.without_r * d.with_e6)"
        " > 1e-9 * (1 + ABS(d.with_r * d.without_e6))",
    ),
    (
        "a branch's day has no R after one R was known",
        "SELECT d.branch_id || ' ' || d.day FROM branch_day d WHERE d.with_r IS NULL AND EXISTS"
        " (SELECT 1 FROM branch_day e WHERE (e.filter, e.series_id) = (d.filter, d.series_id)"
        " AND e.day < d.day AND e.with_r IS NOT NULL)",
    ),
    (
        "a branch's trade belongs to no branch, or ended after it",
        "SELECT t.trade_id FROM branch_trade t LEFT JOIN branch b ON b.branch_id = t.branch_id"
        f" WHERE b.branch_id IS NULL OR t.trade_id % {SIDES} <> b.branch_id % {SIDES}"
        " OR t.closed_ns > b.ended_ns OR t.closed_ns < t.decided_ns",
    ),
    (
        "a branch's trade does not add up: net = gross - fees - funding, R = net / risk",
        "SELECT trade_id FROM branch_trade WHERE net_e6 <> gross_e6 - fees_e6 - funding_e6"
        " OR ABS(r - COALESCE(net_e6 * 1.0 / NULLIF(risk_e6, 0), 0.0)) > 1e-9 * (1 + ABS(r))",
    ),
)

# What the desk and the branch that toggles nothing have in common of a trade.
_SAME = (
    "bot, division, coin, side, qty_lots, decided_ns, opened_ns, closed_ns, entry_px, exit_px,"
    " entry_notional_e6, gross_e6, fees_e6, funding_e6, net_e6, risk_e6, exit_reason"
)
_WAITS = "INSTR(',' || {}.flags || ',', ',owed,') > 0"


def branch_lies(db: sqlite3.Connection) -> list[str]:
    """Return in words every rule that branches break."""
    found = []
    for words, query in RULES:
        ids = [row_id for (row_id,) in db.execute(query + " LIMIT 4")]
        if ids:
            found.append(f"{words}: {', '.join(map(str, ids[:3]))}{' …' * (len(ids) > 3)}")
    kept_ns = _kept_from_ns(db)
    found += _counts(db, kept_ns)
    found += _nothing(db, kept_ns)
    return found


def _kept_from_ns(db: sqlite3.Connection) -> int:
    """Return from when on no trade of a branch can have been deleted."""
    row = db.execute("SELECT value FROM state WHERE key = 'vitals'").fetchone()
    now_ns = _now_ns(row[0]) if row is not None else 0
    (closed_ns,) = db.execute("SELECT COALESCE(MAX(closed_ns), 0) FROM branch_trade").fetchone()
    return int(max(now_ns, closed_ns) - KEPT_DAYS * NS_PER_DAY)


def _now_ns(text: str) -> int:
    """Return the newest stamp of counters; what else is wrong with them others say."""
    try:
        return int(json.loads(text)["now_ns"])
    except (KeyError, TypeError, ValueError):
        return 0


def _counts(db: sqlite3.Connection, kept_ns: int) -> Iterator[str]:
    """Compare how many trades ended on a day with those written.

    A trade that ended near the turn of a day may be counted on either side of it, one that was
    sold at a fork on the day before, one that ended over a gap on the day after; one that waits
    for its funding is not written yet.
    """
    first = day_of(kept_ns // NS_PER_MS + MS_PER_DAY)
    sure: dict[tuple[int, str], int] = {}
    perhaps: dict[tuple[int, str], int] = {}
    for branch_id, closed_ns, reason, flags in db.execute(
        "SELECT branch_id, closed_ns, exit_reason, flags FROM branch_trade WHERE closed_ns >= ?",
        (kept_ns,),
    ):
        days = {_day(closed_ns, shift_s) for shift_s in (-SLACK_S, 0, SLACK_S)}
        if reason == "fork":
            days.add(_day(closed_ns, -DAY_S))
        if not {"gap", "repaired"}.isdisjoint(flags.split(",")):
            days.add(_day(closed_ns, DAY_S))
        into = sure if len(days) == 1 else perhaps
        for day in days:
            into[branch_id, day] = into.get((branch_id, day), 0) + 1
    waiting = _waiting(db)
    for branch_id, day, trades in db.execute(
        "SELECT branch_id, day, trades FROM branch_day WHERE day >= ?", (first,)
    ):
        least = sure.get((branch_id, day), 0)
        most = least + perhaps.get((branch_id, day), 0) + waiting.get((branch_id % SIDES, day), 0)
        if not least <= trades <= most:
            there = f"{least}" if least == most else f"{least} to {most}"
            yield f"branch {branch_id} counts {trades} trades on {day}, there are {there}"


def _day(ns: int, shift_s: int) -> str:
    return day_of((ns // 10**9 + shift_s) * 1000)


def _waiting(db: sqlite3.Connection) -> dict[tuple[int, str], int]:
    """Return by a branch's number and day how many trades ended and are not written yet."""
    found: dict[tuple[int, str], int] = {}
    for (text,) in db.execute("SELECT value FROM state WHERE key LIKE 'branches/trade/%'"):
        for held in json.loads(text):
            trade, holders = held["trade"], held["holders"]
            if not (trade.get("closed_ns") and trade.get("counted")):
                continue
            for day in {_day(trade["closed_ns"], shift_s) for shift_s in (-SLACK_S, 0, SLACK_S)}:
                for side in range(holders.bit_length()):
                    found[side, day] = found.get((side, day), 0) + (holders >> side & 1)
    return found


def _nothing(db: sqlite3.Connection, kept_ns: int) -> Iterator[str]:
    """Compare the trades of the branch that toggles nothing with the desk's own, one for one."""
    if db.execute("SELECT 1 FROM trade WHERE kind = 'real' LIMIT 1").fetchone() is not None:
        return
    alike = (
        "SELECT p.trade_id FROM trade p WHERE p.signal_id = n.signal_id AND p.kind = 'paper'"
        f" AND ({_WAITS.format('p')} OR ({_prefixed('p')}) = ({_prefixed('n')}))"
    )
    unlike = [
        trade_id
        for (trade_id,) in db.execute(
            "SELECT n.trade_id FROM branch_trade n JOIN branch b ON b.branch_id = n.branch_id"
            f" WHERE b.kind = 'nothing' AND NOT {_WAITS.format('n')} AND NOT EXISTS ({alike})"
            " LIMIT 4"
        )
    ]
    if unlike:
        yield _listed("a trade of the branch that toggles nothing is none of the desk's", unlike)
    lacking: list[int] = []
    for from_ns, until_ns in _spells(db):
        lacking += [
            trade_id
            for (trade_id,) in db.execute(
                "SELECT trade_id FROM trade p WHERE kind = 'paper' AND status = 'closed'"
                " AND opened_ns IS NOT NULL AND net_e6 IS NOT NULL"
                f" AND closed_ns > ? AND closed_ns < ? AND NOT {_WAITS.format('p')}"
                " AND signal_id NOT IN (SELECT n.signal_id FROM branch_trade n JOIN branch b"
                " ON b.branch_id = n.branch_id WHERE b.kind = 'nothing'"
                " AND n.signal_id IS NOT NULL) LIMIT 4",
                (max(from_ns, kept_ns), until_ns),
            )
        ]
    if lacking:
        yield _listed("a trade of the desk is not on the branch that toggles nothing", lacking)


def _prefixed(table: str) -> str:
    return ", ".join(f"{table}.{column.strip()}" for column in _SAME.split(","))


def _listed(words: str, ids: list[int]) -> str:
    return f"{words}: {', '.join(map(str, ids[:3]))}{' …' * (len(ids) > 3)}"


def _spells(db: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return from when until when the branch that toggles nothing is known to have lived."""
    alive = db.execute("SELECT 1 FROM state WHERE key = 'branches'").fetchone() is not None
    rows = db.execute(
        "SELECT forked_ns, ended_ns FROM branch WHERE kind = 'nothing' ORDER BY branch_id"
    ).fetchall()
    spells = [(forked_ns, ended_ns) for forked_ns, ended_ns in rows[:-1] if ended_ns is not None]
    for forked_ns, ended_ns in rows[-1:]:
        if ended_ns is not None or alive:
            spells.append((forked_ns, ended_ns or 1 << 62))
    return spells
