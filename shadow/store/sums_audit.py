"""Audit of the sums that reports over years read: made again from what they sum up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from shadow.store.history import first_day, whole_trades
from shadow.store.tables.trades import sound

_DAYS = """
SELECT filter, mode, scope, day, SUM(signals), SUM(entries), SUM(net_e6), SUM(r), SUM(bps)
FROM rollup GROUP BY filter, mode, scope, day
"""

_KEPT_DAYS = """
SELECT filter, mode, scope, day, signals, entries, net_e6, r, bps FROM rollup_day
"""

_SLICES = f"""
WITH one AS (
  SELECT division, bot, coin, ts_ns AS at_ns, 1 AS signals, 0 AS entries, 0 AS net_e6, 0.0 AS r,
         0.0 AS bps,
         CASE WHEN fail_closed THEN 'fail_closed' WHEN sole <> '' THEN 'sole' ELSE 'shared'
         END AS scope
  FROM signal WHERE verdict = 'blocked' AND INSTR(',' || failing || ',', ',stage,') = 0
  UNION ALL
  SELECT t.division, t.bot, t.coin, t.closed_ns, 0, 1, t.net_e6, t.r, t.bps,
         CASE WHEN t.kind = 'twin' THEN 'twin' WHEN t.cause = 'clamp' THEN 'clamped'
              WHEN s.fail_closed THEN 'fail_closed' ELSE 'blocked' END
  FROM trade t LEFT JOIN signal s ON s.signal_id = t.signal_id
  WHERE t.status = 'closed' AND t.net_e6 IS NOT NULL AND t.risk_e6 > 0 AND {sound("t")}
    AND (t.kind = 'twin' OR t.cause IN ('block', 'clamp'))
)
SELECT g.by, CASE g.by WHEN 'division' THEN division WHEN 'bot' THEN bot ELSE coin END AS name,
       scope, date(at_ns / 1000000000, 'unixepoch') AS day, SUM(signals), SUM(entries),
       SUM(net_e6), SUM(r), SUM(bps)
FROM one JOIN (SELECT 'division' AS by UNION ALL SELECT 'bot' UNION ALL SELECT 'coin') g
GROUP BY 1, 2, 3, 4
"""

_KEPT_SLICES = """
SELECT by, name, scope, day, signals, entries, net_e6, r, bps FROM slice_day
"""

# Of trades whose fills all met a book the costs are known; others are summed apart, without.
_KNOWN = "entry_delay_e6 IS NOT NULL AND exit_delay_e6 IS NOT NULL"
_PAID = f"""
SELECT 'desk', CASE WHEN {_KNOWN} THEN 'split' ELSE 'not split' END AS part, '',
       date(closed_ns / 1000000000, 'unixepoch') AS day, COUNT(*),
       SUM(CASE WHEN {_KNOWN} THEN entry_notional_e6 END),
       SUM(CASE WHEN {_KNOWN} THEN entry_delay_e6 END),
       SUM(CASE WHEN {_KNOWN} THEN entry_impact_e6 END),
       SUM(CASE WHEN {_KNOWN} THEN exit_delay_e6 END),
       SUM(CASE WHEN {_KNOWN} THEN exit_impact_e6 END),
       SUM(gross_e6), SUM(fees_e6), SUM(funding_e6), SUM(net_e6)
FROM trade WHERE kind IN ('paper', 'real') AND status = 'closed' AND net_e6 IS NOT NULL
GROUP BY day, part
"""

_KEPT_PAID = """
SELECT 'desk', CASE WHEN split THEN 'split' ELSE 'not split' END, '', day, trades, notional_e6,
       entry_delay_e6, entry_impact_e6, exit_delay_e6, exit_impact_e6,
       gross_e6, fees_e6, funding_e6, net_e6
FROM shortfall_day
"""

Made = dict[tuple[str, ...], tuple[float | None, ...]]


def sums_lies(db: sqlite3.Connection) -> list[str]:
    """Return in words every sum over years that its rows contradict."""
    found = _differing("a day's rollup", db.execute(_DAYS), db.execute(_KEPT_DAYS), "")
    since = "" if whole_trades(db) else first_day(db)
    found += _differing("a day's shortfall", db.execute(_PAID), db.execute(_KEPT_PAID), since)
    # Of a signal that was deleted nobody knows any more whether it was refused for want of data.
    slices = db.execute(_SLICES), db.execute(_KEPT_SLICES)
    return found + _differing("a day's slice", *slices, first_day(db))


def _differing(words: str, made: Iterable[Any], kept: Iterable[Any], since: str) -> list[str]:
    want, have = _by_key(made), _by_key(kept)
    nothing: tuple[float | None, ...] = ()
    return [
        f"{words} of {'/'.join(key)} holds {have.get(key, nothing)}, its rows make "
        f"{want.get(key, nothing)}"
        for key in sorted(want.keys() | have.keys())
        if key[3] >= since and not _same(want.get(key, nothing), have.get(key, nothing))
    ]


def _by_key(rows: Iterable[Any]) -> Made:
    return {tuple(row[:4]): tuple(row[4:]) for row in rows}


def _same(want: tuple[float | None, ...], have: tuple[float | None, ...]) -> bool:
    """Say whether sums are the same, whole numbers exactly; none is the same as nothing."""
    for a, b in zip_longest(want, have):
        one, other = a or 0, b or 0
        slack = 1e-6 * (1.0 + abs(one)) if isinstance(a, float) or isinstance(b, float) else 0
        if abs(one - other) > slack:
            return False
    return True
