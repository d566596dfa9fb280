"""Audit of the rollup: each day's sums, made again from signals, checks, trades and their days.

Where old signals are gone, what is left of a day before is its sum over filters; where old trades
are gone too, days up to the cut are only what the rollup remembers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from shadow.store.history import first_day, whole_signals, whole_trades
from shadow.store.tables.rollups import SCORED_AT
from shadow.store.tables.trades import sound

# What the rollup should hold of outcomes by day, from the trades themselves.
_EXPECTED = f"""
WITH tag AS (
  SELECT p.trade_id, p.trade_id AS day_of, 1 AS sign, c.filter, 'enforce' AS mode,
         CASE WHEN c.outcome = 'no_data' THEN 'fail_closed'
              WHEN s.sole = c.filter THEN 'sole' ELSE 'shared' END AS scope,
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  JOIN check_result c ON c.signal_id = s.signal_id AND c.mode = 'enforce' AND c.outcome <> 'pass'
  LEFT JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND {sound("p")}
    AND {sound("l")}
  UNION ALL
  SELECT p.trade_id, p.trade_id, 1, 'stage', 'stage',
         CASE WHEN s.sole = 'stage' THEN 'sole' ELSE 'shared' END,
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  WHERE p.cause = 'stage' AND {sound("p")}
  UNION ALL
  SELECT p.trade_id, p.trade_id, 1, '', 'score',
         {SCORED_AT},
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  LEFT JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND {sound("p")}
    AND {sound("l")}
  UNION ALL
  SELECT p.trade_id, p.later_trade_id, -1, '', 'score',
         {SCORED_AT},
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND {sound("p")}
    AND {sound("l")} AND p.entry_notional_e6 > 0
  UNION ALL
  SELECT t.trade_id, t.trade_id, 1, '', 'admit', 'twin', t.bot, t.risk_e6, t.entry_notional_e6
  FROM trade t WHERE t.kind = 'twin' AND {sound("t")}
  UNION ALL
  SELECT t.trade_id, t.trade_id, 1, c.filter, 'observe', 'sole', t.bot, t.risk_e6,
         t.entry_notional_e6
  FROM trade t JOIN check_result c ON c.signal_id = t.signal_id AND c.mode = 'observe'
    AND c.outcome = 'fail'
  WHERE t.kind = 'twin' AND {sound("t")}
  UNION ALL
  SELECT t.trade_id, t.trade_id, 1, json_extract(c.value, '$.filter'), 'enforce', 'clamped', t.bot,
         t.risk_e6, t.entry_notional_e6
  FROM trade t JOIN signal s ON s.signal_id = t.signal_id
  JOIN json_each(CASE WHEN json_valid(s.clamps) THEN s.clamps ELSE '[]' END) c
  WHERE t.cause = 'clamp' AND {sound("t")}
  UNION ALL
  SELECT p.trade_id, p.later_trade_id, -1, c.filter, 'enforce',
         CASE WHEN c.outcome = 'no_data' THEN 'fail_closed'
              WHEN s.sole = c.filter THEN 'sole' ELSE 'shared' END,
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  JOIN check_result c ON c.signal_id = s.signal_id AND c.mode = 'enforce' AND c.outcome <> 'pass'
  JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND {sound("p")}
    AND {sound("l")} AND p.entry_notional_e6 > 0
)
SELECT g.filter, g.mode, g.scope, g.bot, d.day,
       SUM(g.sign = 1 AND d.day = (SELECT MIN(day) FROM trade_day f WHERE f.trade_id = g.day_of)),
       SUM(g.sign * d.mtm_e6 * 1.0 / g.risk_e6) AS r, SUM(g.sign * d.mtm_e6) AS net_e6
FROM tag g JOIN trade_day d ON d.trade_id = g.day_of
GROUP BY g.filter, g.mode, g.scope, g.bot, d.day
"""

_KEPT = """
SELECT filter, mode, scope, bot, day, entries, r, net_e6 FROM rollup
WHERE mode NOT IN ('head', 'left_out', 'regime', 'run')
"""

# How many signals each statistic should have counted.
_COUNTED = f"""
SELECT filter, mode, scope, bot, date(ts_ns / 1000000000, 'unixepoch') AS day, COUNT(*) FROM (
  SELECT c.filter, 'enforce' AS mode, CASE WHEN c.outcome = 'no_data' THEN 'fail_closed'
           WHEN s.sole = c.filter THEN 'sole' ELSE 'shared' END AS scope, s.bot, s.ts_ns
  FROM signal s JOIN check_result c ON c.signal_id = s.signal_id
  WHERE s.verdict = 'blocked' AND c.mode = 'enforce' AND c.outcome <> 'pass'
    AND INSTR(',' || s.failing || ',', ',stage,') = 0
  UNION ALL
  SELECT '', 'score', {SCORED_AT}, bot, ts_ns
  FROM signal s WHERE verdict = 'blocked' AND INSTR(',' || failing || ',', ',stage,') = 0
  UNION ALL
  SELECT 'stage', 'stage', CASE WHEN sole = 'stage' THEN 'sole' ELSE 'shared' END, bot, ts_ns
  FROM signal WHERE INSTR(',' || failing || ',', ',stage,') > 0
  UNION ALL
  SELECT c.filter, 'observe', 'sole', s.bot, s.ts_ns
  FROM signal s JOIN check_result c ON c.signal_id = s.signal_id
  WHERE s.verdict = 'admitted' AND c.mode = 'observe' AND c.outcome = 'fail'
  UNION ALL
  SELECT json_extract(c.value, '$.filter'), 'enforce', 'clamped', s.bot, s.ts_ns
  FROM signal s JOIN json_each(CASE WHEN json_valid(s.clamps) THEN s.clamps ELSE '[]' END) c
  WHERE s.verdict = 'admitted'
) GROUP BY filter, mode, scope, bot, day
"""

# Outcomes by day over all filters: that much is known from the trades alone.
_TOTALS = f"""
WITH tag AS (
  SELECT trade_id AS day_of, 1 AS sign, 'admit' AS mode, bot FROM trade t
  WHERE kind = 'twin' AND {sound("t")}
  UNION ALL
  SELECT p.trade_id, 1, CASE p.cause WHEN 'block' THEN 'score' ELSE 'stage' END, p.bot
  FROM trade p LEFT JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause IN ('block', 'stage')
    AND {sound("p")} AND {sound("l")}
  UNION ALL
  SELECT p.later_trade_id, -1, 'score', p.bot
  FROM trade p JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND {sound("p")}
    AND {sound("l")} AND p.entry_notional_e6 > 0
)
SELECT g.mode, g.bot, d.day, SUM(g.sign * d.mtm_e6)
FROM tag g JOIN trade_day d ON d.trade_id = g.day_of GROUP BY g.mode, g.bot, d.day
"""

_KEPT_TOTALS = """
SELECT mode, bot, day, SUM(net_e6) FROM rollup WHERE mode IN ('admit', 'score', 'stage')
GROUP BY mode, bot, day
"""

# The same for the report's head, by scope.
_HEAD = """
SELECT scope, SUM(n), SUM(bps), SUM(kept_n), SUM(kept_bps), SUM(r), SUM(kept_r) FROM (
  SELECT scope, 1 AS n, bps, 0 AS kept_n, 0.0 AS kept_bps, r, 0.0 AS kept_r FROM head
  UNION ALL SELECT scope, 0, 0.0, signals, bps, 0.0, r FROM rollup WHERE mode = 'head')
GROUP BY scope ORDER BY scope
"""

Sums = tuple[int, float, int]
NOTHING: Sums = (0, 0.0, 0)


def rollup_lies(db: sqlite3.Connection) -> list[str]:
    """Return in words every sum that what it was made of contradicts."""
    signals, trades = whole_signals(db), whole_trades(db)
    since = first_day(db)
    found = _outcomes(db, "" if signals and trades else since)
    found += _counts(db, "" if signals else since)
    if not signals:
        found += _totals(db, "" if trades else since)
    if trades:
        found += _head(db)
    return found


def _outcomes(db: sqlite3.Connection, since: str) -> list[str]:
    found = []
    expected, kept = _keyed(db.execute(_EXPECTED)), _keyed(db.execute(_KEPT))
    for key in sorted(expected.keys() | kept.keys()):
        want, have = expected.get(key, NOTHING), kept.get(key, NOTHING)
        same = (want[0], want[2]) == (have[0], have[2])
        if key[4] >= since and not (same and abs(want[1] - have[1]) <= 1e-6 * (1 + abs(want[1]))):
            found.append(f"rollup of {'/'.join(key)} holds {have}, its trades make {want}")
    return found


def _counts(db: sqlite3.Connection, since: str) -> list[str]:
    expected = {tuple(key): n for *key, n in db.execute(_COUNTED)}
    kept = {
        tuple(key): n
        for *key, n in db.execute(
            "SELECT filter, mode, scope, bot, day, signals FROM rollup"
            " WHERE mode NOT IN ('head', 'left_out', 'regime', 'run') AND signals <> 0"
        )
    }
    return [
        f"rollup of {'/'.join(key)} counts {kept.get(key, 0)} signals, "
        f"there are {expected.get(key, 0)}"
        for key in sorted(expected.keys() | kept.keys())
        if key[4] >= since and kept.get(key, 0) != expected.get(key, 0)
    ]


def _totals(db: sqlite3.Connection, since: str) -> list[str]:
    expected = {tuple(key): n for *key, n in db.execute(_TOTALS)}
    kept = {tuple(key): n for *key, n in db.execute(_KEPT_TOTALS)}
    return [
        f"rollup of {'/'.join(key)} holds {kept.get(key, 0)}, its trades make "
        f"{expected.get(key, 0)}"
        for key in sorted(expected.keys() | kept.keys())
        if key[2] >= since and kept.get(key, 0) != expected.get(key, 0)
    ]


def _head(db: sqlite3.Connection) -> list[str]:
    found = []
    for scope, count, bps, kept_count, kept_bps, r, kept_r in db.execute(_HEAD):
        off = abs(bps - kept_bps) > 1e-6 * max(1.0, abs(bps)) or abs(r - kept_r) > 1e-6
        if count != kept_count or off:
            found.append(
                f"rollup of {scope} holds ({kept_count}, {kept_bps}, {kept_r}), "
                f"its trades make ({count}, {bps}, {r})"
            )
    return found


def _keyed(
    rows: Iterable[tuple[str, str, str, str, str, int, float, int]],
) -> dict[tuple[str, ...], Sums]:
    return {tuple(key): (n, r or 0.0, net) for *key, n, r, net in rows}
