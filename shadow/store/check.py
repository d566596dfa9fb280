"""Integrity check of a database; every broken rule is returned as a line of words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

# Each query returns the rows that break a rule; the words say which rule.
RULES: tuple[tuple[str, str], ...] = (
    (
        "a signal has no check",
        "SELECT signal_id FROM signal s WHERE NOT EXISTS"
        " (SELECT 1 FROM check_result c WHERE c.signal_id = s.signal_id)",
    ),
    (
        "a check belongs to no signal",
        "SELECT DISTINCT signal_id FROM check_result c WHERE NOT EXISTS"
        " (SELECT 1 FROM signal s WHERE s.signal_id = c.signal_id)",
    ),
    (
        "an admitted signal has an enforced check that did not pass, or a blocked one has none",
        "SELECT s.signal_id FROM signal s WHERE (s.verdict = 'blocked') <>"
        " EXISTS (SELECT 1 FROM check_result c WHERE c.signal_id = s.signal_id"
        " AND c.mode = 'enforce' AND c.outcome <> 'pass')",
    ),
    (
        "a signal's failing set is not that of its checks",
        "SELECT s.signal_id FROM signal s WHERE"
        " LENGTH(s.failing) - LENGTH(REPLACE(s.failing, ',', '')) + (s.failing <> '') <>"
        " (SELECT COUNT(*) FROM check_result c WHERE c.signal_id = s.signal_id"
        " AND c.mode = 'enforce' AND c.outcome <> 'pass'"
        " AND INSTR(',' || s.failing || ',', ',' || c.filter || ',') > 0)"
        " OR EXISTS (SELECT 1 FROM check_result c WHERE c.signal_id = s.signal_id"
        " AND c.mode = 'enforce' AND c.outcome <> 'pass'"
        " AND INSTR(',' || s.failing || ',', ',' || c.filter || ',') = 0)",
    ),
    (
        "a signal names a sole blocker that was not, or not the one that was",
        "SELECT s.signal_id FROM signal s WHERE s.sole <> (SELECT CASE WHEN COUNT(*) = 1"
        " AND MIN(c.outcome) = 'fail' THEN MIN(c.filter) ELSE '' END FROM check_result c"
        " WHERE c.signal_id = s.signal_id AND c.mode = 'enforce' AND c.outcome <> 'pass')",
    ),
    (
        "an admitted signal has no real trade, or more than one",
        "SELECT s.signal_id FROM signal s WHERE s.verdict = 'admitted' AND"
        " (SELECT COUNT(*) FROM trade t WHERE t.signal_id = s.signal_id"
        " AND t.kind IN ('paper', 'real')) <> 1",
    ),
    (
        "a blocked signal belongs to no episode, or to one of another key",
        "SELECT s.signal_id FROM signal s LEFT JOIN trade t ON t.trade_id = s.trade_id"
        " WHERE s.verdict = 'blocked' AND (t.kind IS NOT 'phantom'"
        " OR t.cause NOT IN ('block', 'stage')"
        " OR (t.bot, t.coin, t.side) <> (s.bot, s.coin, s.side))"
        # A run without the shadow keeps no episodes; its signals point nowhere.
        " AND (s.trade_id IS NOT NULL OR (SELECT json_extract(config, '$.shadow.enabled')"
        " FROM run WHERE first_seq <= s.seq AND json_valid(config)"
        " ORDER BY run_id DESC LIMIT 1) IS NOT 0)",
    ),
    (
        "a phantom's cause does not fit what blocked it",
        "SELECT t.trade_id FROM trade t JOIN signal s ON s.signal_id = t.signal_id"
        " WHERE t.cause IN ('block', 'stage') AND (t.cause = 'stage') <>"
        " (INSTR(',' || s.failing || ',', ',stage,') > 0)",
    ),
    (
        "a phantom or twin has no signal",
        "SELECT trade_id FROM trade t WHERE t.cause <> 'trial' AND NOT EXISTS"
        " (SELECT 1 FROM signal s WHERE s.signal_id = t.signal_id)",
    ),
    (
        "a trial's phantom is of no trial, or is something else",
        "SELECT trade_id FROM trade t WHERE (t.cause = 'trial') <> (t.trial_id IS NOT NULL)"
        " OR (t.cause = 'trial' AND (t.kind <> 'phantom' OR EXISTS"
        " (SELECT 1 FROM signal s WHERE s.signal_id = t.signal_id)))",
    ),
    (
        "two open trades of one kind share a key",
        "SELECT MIN(trade_id) FROM trade WHERE status <> 'closed'"
        " AND cause IN ('admit', 'block', 'stage', 'trial')"
        " GROUP BY kind, bot, coin, side HAVING COUNT(*) > 1",
    ),
    (
        "net is not gross - fees - funding",
        "SELECT trade_id FROM trade WHERE net_e6 IS NOT gross_e6 - fees_e6 - funding_e6"
        " AND net_e6 IS NOT NULL",
    ),
    (
        "a closed trade lacks its money, or an open or unavailable one has some",
        "SELECT trade_id FROM trade WHERE (net_e6 IS NOT NULL) <>"
        " (status = 'closed' AND exit_reason IS NOT 'UNAVAILABLE')",
    ),
    (
        "a closed trade's days do not add up to its net",
        "SELECT t.trade_id FROM trade t WHERE t.net_e6 IS NOT NULL AND t.net_e6 <>"
        " COALESCE((SELECT SUM(mtm_e6) FROM trade_day d WHERE d.trade_id = t.trade_id), 0)",
    ),
    (
        "a closed trade's fills do not add up to its gross and fees",
        "SELECT t.trade_id FROM trade t WHERE t.net_e6 IS NOT NULL AND"
        " (t.gross_e6, t.fees_e6) IS NOT (SELECT SUM(CASE f.side WHEN 'sell' THEN notional_e6"
        " ELSE -notional_e6 END), SUM(fee_e6) FROM fill f WHERE f.trade_id = t.trade_id)",
    ),
    (
        "a closed trade sold another size than it bought",
        "SELECT t.trade_id FROM trade t WHERE t.net_e6 IS NOT NULL AND 0 IS NOT"
        " (SELECT SUM(CASE f.action WHEN 'entry' THEN lots ELSE -lots END) FROM fill f"
        " WHERE f.trade_id = t.trade_id)",
    ),
    (
        "a twin in paper differs from its trade",
        "SELECT t.trade_id FROM trade t JOIN trade p ON p.signal_id = t.signal_id"
        " AND p.kind = 'paper' WHERE t.kind = 'twin' AND (t.net_e6 IS NOT p.net_e6"
        " OR t.status <> p.status OR t.qty_lots <> p.qty_lots)",
    ),
    (
        "a later trade is not of the phantom's key",
        "SELECT p.trade_id FROM trade p JOIN trade l ON l.trade_id = p.later_trade_id"
        " WHERE (p.bot, p.coin, p.side) <> (l.bot, l.coin, l.side)",
    ),
    (
        "an open trade's state is missing, or a closed one's is left over",
        "SELECT t.trade_id FROM trade t WHERE (t.status <> 'closed') <>"
        " EXISTS (SELECT 1 FROM state WHERE key = 'trade/' || t.trade_id)",
    ),
)

_EQUITY = """
SELECT json_extract(value, '$.cash_e6') - json_extract(value, '$.start_e6')
  - (SELECT COALESCE(SUM(net_e6), 0) FROM trade WHERE kind IN ('paper', 'real'))
FROM state WHERE key = 'desk'
"""

# What the rollup should hold of outcomes, from the trades themselves.
_EXPECTED = """
WITH tag AS (
  SELECT p.trade_id, p.trade_id AS day_of, 1 AS sign, c.filter, 'enforce' AS mode,
         CASE WHEN c.outcome = 'no_data' THEN 'fail_closed'
              WHEN s.sole = c.filter THEN 'sole' ELSE 'shared' END AS scope,
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  JOIN check_result c ON c.signal_id = s.signal_id AND c.mode = 'enforce' AND c.outcome <> 'pass'
  LEFT JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND p.flags NOT LIKE '%no_funding%'
    AND COALESCE(l.flags, '') NOT LIKE '%no_funding%'
  UNION ALL
  SELECT p.trade_id, p.trade_id, 1, 'stage', 'stage',
         CASE WHEN s.sole = 'stage' THEN 'sole' ELSE 'shared' END,
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  WHERE p.cause = 'stage' AND p.flags NOT LIKE '%no_funding%'
  UNION ALL
  SELECT p.trade_id, p.trade_id, 1, '', 'score',
         CASE WHEN INSTR(',' || s.failing || ',', ',direction,') > 0 THEN 'direction'
              WHEN INSTR(',' || s.failing || ',', ',phase_space,') > 0 THEN 'phase_space'
              ELSE 'limits' END,
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  LEFT JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND p.flags NOT LIKE '%no_funding%'
    AND COALESCE(l.flags, '') NOT LIKE '%no_funding%'
  UNION ALL
  SELECT p.trade_id, p.later_trade_id, -1, '', 'score',
         CASE WHEN INSTR(',' || s.failing || ',', ',direction,') > 0 THEN 'direction'
              WHEN INSTR(',' || s.failing || ',', ',phase_space,') > 0 THEN 'phase_space'
              ELSE 'limits' END,
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND p.flags NOT LIKE '%no_funding%'
    AND l.flags NOT LIKE '%no_funding%' AND p.entry_notional_e6 > 0
  UNION ALL
  SELECT t.trade_id, t.trade_id, 1, '', 'admit', 'twin', t.bot, t.risk_e6, t.entry_notional_e6
  FROM trade t WHERE t.kind = 'twin' AND t.flags NOT LIKE '%no_funding%'
  UNION ALL
  SELECT t.trade_id, t.trade_id, 1, c.filter, 'observe', 'sole', t.bot, t.risk_e6,
         t.entry_notional_e6
  FROM trade t JOIN check_result c ON c.signal_id = t.signal_id AND c.mode = 'observe'
    AND c.outcome = 'fail'
  WHERE t.kind = 'twin' AND t.flags NOT LIKE '%no_funding%'
  UNION ALL
  SELECT p.trade_id, p.later_trade_id, -1, c.filter, 'enforce',
         CASE WHEN c.outcome = 'no_data' THEN 'fail_closed'
              WHEN s.sole = c.filter THEN 'sole' ELSE 'shared' END,
         p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  JOIN check_result c ON c.signal_id = s.signal_id AND c.mode = 'enforce' AND c.outcome <> 'pass'
  JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND p.flags NOT LIKE '%no_funding%'
    AND l.flags NOT LIKE '%no_funding%' AND p.entry_notional_e6 > 0
)
SELECT g.filter, g.mode, g.scope, g.bot,
       COUNT(DISTINCT CASE WHEN g.sign = 1 THEN g.trade_id END) AS entries,
       SUM(g.sign * d.mtm_e6 * 1.0 / g.risk_e6) AS r, SUM(g.sign * d.mtm_e6) AS net_e6
FROM tag g JOIN trade_day d ON d.trade_id = g.day_of
GROUP BY g.filter, g.mode, g.scope, g.bot
"""

_KEPT = """
SELECT filter, mode, scope, bot, SUM(entries), SUM(r), SUM(net_e6) FROM rollup
WHERE scope <> 'clamped' AND mode <> 'head' GROUP BY filter, mode, scope, bot
"""

# The same for the report's head, by scope.
_HEAD = """
SELECT scope, SUM(n), SUM(bps), SUM(kept_n), SUM(kept_bps), SUM(r), SUM(kept_r) FROM (
  SELECT scope, 1 AS n, bps, 0 AS kept_n, 0.0 AS kept_bps, r, 0.0 AS kept_r FROM head
  UNION ALL SELECT scope, 0, 0.0, signals, bps, 0.0, r FROM rollup WHERE mode = 'head')
GROUP BY scope ORDER BY scope
"""


def broken_promises(db: sqlite3.Connection) -> list[str]:
    """Return every rule the database breaks, with examples; empty when it is sound."""
    try:
        return _broken(db)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        # A page may be beyond what even the integrity check can walk.
        return [f"the file is damaged: {error}"]


def _broken(db: sqlite3.Connection) -> list[str]:
    found = []
    damage = [line for (line,) in db.execute("PRAGMA integrity_check(5)")]
    if damage != ["ok"]:
        return [f"the file is damaged: {'; '.join(damage)}"]
    for words, query in RULES:
        ids = [row_id for (row_id,) in db.execute(query + " LIMIT 4")]
        if ids:
            found.append(f"{words}: {', '.join(map(str, ids[:3]))}{' …' * (len(ids) > 3)}")
    pruned = db.execute("SELECT 1 FROM about WHERE key = 'pruned_before_ns'").fetchone()
    if pruned is None:
        found += _sums(db)
    return found


def _sums(db: sqlite3.Connection) -> list[str]:
    """Compare sums over the whole history; they cannot be remade once old rows are gone."""
    found = []
    for (drift_e6,) in db.execute(_EQUITY):
        if drift_e6:
            found.append(f"cash moved by {drift_e6} micro-dollars that no closed trade explains")
    expected = _keyed(db.execute(_EXPECTED))
    kept = _keyed(db.execute(_KEPT))
    for key in sorted(expected.keys() | kept.keys()):
        want, have = expected.get(key, (0, 0.0, 0)), kept.get(key, (0, 0.0, 0))
        (count, r, net_e6), (kept_count, kept_r, kept_e6) = want, have
        same = (count, net_e6) == (kept_count, kept_e6)
        if not same or abs(r - kept_r) > 1e-6 * max(1.0, abs(r)):
            found.append(f"rollup of {'/'.join(key)} holds {have}, its trades make {want}")
    for scope, count, bps, kept_count, kept_bps, r, kept_r in db.execute(_HEAD):
        off = abs(bps - kept_bps) > 1e-6 * max(1.0, abs(bps)) or abs(r - kept_r) > 1e-6
        if count != kept_count or off:
            found.append(
                f"rollup of {scope} holds ({kept_count}, {kept_bps}, {kept_r}), "
                f"its trades make ({count}, {bps}, {r})"
            )
    return found


def _keyed(
    rows: Iterable[tuple[str, str, str, str, int, float, int]],
) -> dict[tuple[str, str, str, str], tuple[int, float, int]]:
    return {(f, m, s, b): (n, r or 0.0, net) for f, m, s, b, n, r, net in rows}
