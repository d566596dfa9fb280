"""Integrity check of a database; every broken rule is returned as a line of words."""

from __future__ import annotations

import sqlite3

from shadow.store.audit import state_lies
from shadow.store.branch_audit import branch_lies
from shadow.store.limit_audit import limit_lies
from shadow.store.rollup_audit import rollup_lies
from shadow.store.sums_audit import sums_lies

# Signals up to this one may have lost their detail to age or to the limit of size.
DETAILS_GONE = (
    "COALESCE((SELECT CAST(value AS INTEGER) FROM about WHERE key = 'details_gone_to'), -1)"
)
# Of trades decided before this time the signals may have gone to age.
SIGNALS_GONE = (
    "COALESCE((SELECT CAST(value AS INTEGER) FROM about WHERE key = 'pruned_before_ns'), 0)"
)

# What a trade was sold for.
_SOLD = "(entry_notional_e6 + CASE side WHEN 'buy' THEN gross_e6 ELSE -gross_e6 END)"


def _apart(part: str, mid: str, notional: str) -> str:
    """Return the SQL condition that delay and impact of an order do not lead to its notional.

    What its lots were worth at the mid of its decision follows from what they cost and at which
    price; each fill was rounded to the micro-dollar twice.
    """
    lost = f"CASE side WHEN '{'buy' if part == 'entry' else 'sell'}' THEN 1 ELSE -1 END"
    return (
        f"ABS({part}_delay_e6 + {part}_impact_e6 - {lost} * ({notional} - {mid} *"
        " entry_notional_e6 / entry_px)) > 1e-12 * entry_notional_e6 + (SELECT COUNT(*) FROM fill"
        f" f WHERE f.trade_id = trade.trade_id AND f.action = '{part}')"
    )


# Each query returns the rows that break a rule; the words say which rule.
RULES: tuple[tuple[str, str], ...] = (
    (
        "a signal lacks its detail",
        "SELECT signal_id FROM signal s WHERE NOT EXISTS"
        " (SELECT 1 FROM signal_detail d WHERE d.signal_id = s.signal_id)"
        f" AND s.signal_id > {DETAILS_GONE}",
    ),
    (
        "a detail belongs to no signal",
        "SELECT signal_id FROM signal_detail d WHERE NOT EXISTS"
        " (SELECT 1 FROM signal s WHERE s.signal_id = d.signal_id)",
    ),
    (
        "a check that passed and cut nothing stands among those that did not",
        "SELECT DISTINCT signal_id FROM check_result WHERE outcome = 'pass'"
        " AND NOT (mode = 'enforce' AND COALESCE(value >= threshold, 0))",
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
        " (SELECT 1 FROM signal s WHERE s.signal_id = t.signal_id)"
        f" AND t.decided_ns >= {SIGNALS_GONE}",
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
        " AND NOT (status = 'exiting' AND closed_ns IS NOT NULL)"
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
        "a trade waits for its funding and owes none, or is no trade that has ended",
        "SELECT trade_id FROM trade WHERE status <> 'closed' AND closed_ns IS NOT NULL"
        " AND (status <> 'exiting' OR ',' || flags || ',' NOT LIKE '%,owed,%')"
        " OR status = 'closed' AND ',' || flags || ',' LIKE '%,owed,%'",
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
        "a trade's R or bps are not what its money makes",
        "SELECT trade_id FROM trade WHERE net_e6 IS NOT NULL AND ("
        "ABS(COALESCE(r, 0.0) - COALESCE(net_e6 * 1.0 / NULLIF(risk_e6, 0), 0.0)) > 1e-9"
        " * (1.0 + ABS(COALESCE(r, 0.0))) OR ABS(COALESCE(bps, 0.0) - COALESCE(net_e6 * 1e4"
        " / NULLIF(entry_notional_e6, 0), 0.0)) > 1e-9 * (1.0 + ABS(COALESCE(bps, 0.0))))",
    ),
    (
        "a trade's entry is not what its fills make",
        "SELECT t.trade_id FROM trade t WHERE t.opened_ns IS NOT NULL AND"
        " (t.qty_lots, t.entry_notional_e6) IS NOT (SELECT SUM(lots), SUM(notional_e6) FROM fill f"
        " WHERE f.trade_id = t.trade_id AND f.action = 'entry')",
    ),
    (
        "a trade's costs are of no fill, or of none that met a book",
        "SELECT trade_id FROM trade WHERE (entry_delay_e6 IS NULL) <> (entry_impact_e6 IS NULL)"
        " OR (exit_delay_e6 IS NULL) <> (exit_impact_e6 IS NULL)"
        " OR entry_delay_e6 IS NOT NULL AND opened_ns IS NULL"
        " OR exit_delay_e6 IS NOT NULL AND (net_e6 IS NULL OR exit_decision_mid IS NULL)"
        " OR kind <> 'real' AND (entry_impact_e6 < 0 OR exit_impact_e6 < 0)",
    ),
    (
        "a trade's costs are not what lies between its decisions' mids and its fills",
        f"SELECT trade_id FROM trade WHERE {_apart('entry', 'decision_mid', 'entry_notional_e6')}"
        f" OR {_apart('exit', 'exit_decision_mid', _SOLD)}",
    ),
    (
        "the plain limit beside a limit judged what that did not",
        "SELECT m.filter || ' ' || m.day || ' ' || m.bot FROM matched_day m LEFT JOIN limit_day d"
        " ON (d.filter, d.series_id, d.day, d.bot, d.sample)"
        " = (m.filter, m.series_id, m.day, m.bot, m.sample)"
        " WHERE d.judged IS NULL OR m.judged > d.judged OR m.blocked > m.judged"
        " OR m.best_r > d.best_r OR m.worst_r < d.worst_r",
    ),
    (
        "a fold is not of the rows it stands for",
        "SELECT f.filter || ' ' || f.sample FROM limit_fold f"
        " WHERE f.sample <> 'matched' AND CASE WHEN NOT json_valid(f.fold) THEN 1 ELSE (SELECT"
        " COALESCE(SUM(judged), 0) <> json_extract(f.fold, '$.booked.judged')"
        " OR COALESCE(SUM(blocked), 0) <> json_extract(f.fold, '$.booked.blocked')"
        " OR ABS(COALESCE(SUM(blocked_r), 0.0) - json_extract(f.fold, '$.booked.blocked_r')) > 1e-6"
        " FROM limit_day d"
        " WHERE (d.filter, d.series_id) = (f.filter, f.series_id) AND d.day <= f.day"
        " AND (f.sample = 'all' OR d.sample = 'clean')) END",
    ),
    (
        "a trade has a day outside its life",
        "SELECT d.trade_id FROM trade_day d JOIN trade t ON t.trade_id = d.trade_id WHERE"
        " d.day < date(t.decided_ns / 1000000000, 'unixepoch')"
        " OR d.day > date(t.closed_ns / 1000000000, 'unixepoch')",
    ),
    (
        "a twin's days differ from its trade's",
        "SELECT t.trade_id FROM trade t JOIN trade p ON p.signal_id = t.signal_id"
        " AND p.kind = 'paper' WHERE t.kind = 'twin' AND (EXISTS (SELECT day, mtm_e6"
        " FROM trade_day WHERE trade_id = t.trade_id EXCEPT SELECT day, mtm_e6 FROM trade_day"
        " WHERE trade_id = p.trade_id) OR EXISTS (SELECT day, mtm_e6 FROM trade_day WHERE"
        " trade_id = p.trade_id EXCEPT SELECT day, mtm_e6 FROM trade_day"
        " WHERE trade_id = t.trade_id))",
    ),
    (
        "a twin in paper differs from its trade",
        "SELECT t.trade_id FROM trade t JOIN trade p ON p.signal_id = t.signal_id"
        " AND p.kind = 'paper' WHERE t.kind = 'twin' AND (t.net_e6 IS NOT p.net_e6"
        " OR t.status <> p.status OR t.qty_lots <> p.qty_lots OR (t.entry_delay_e6,"
        " t.entry_impact_e6, t.exit_delay_e6, t.exit_impact_e6) IS NOT"
        " (p.entry_delay_e6, p.entry_impact_e6, p.exit_delay_e6, p.exit_impact_e6))",
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


def broken_promises(db: sqlite3.Connection, *, pages: bool = True) -> list[str]:
    """Return every rule the database breaks, with examples; empty when it is sound.

    Without `pages` the file itself is taken to be whole.
    """
    try:
        return (damaged(db) if pages else []) or _broken(db)
    except sqlite3.OperationalError as error:
        if hasattr(error, "sqlite_errorname"):
            raise
        # Python's own words for a text that is none.
        return [f"a cell is damaged: {error}"]
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        return [f"a cell is damaged: {error!r}"]
    except sqlite3.DatabaseError as error:
        # A page may be beyond what even the integrity check can walk.
        return [f"the file is damaged: {error}"]


def damaged(db: sqlite3.Connection, table: str | None = None) -> list[str]:
    """Return what is wrong with the pages of a table, or of all."""
    asked = "5" if table is None else f"'{table}'"
    found = [line for (line,) in db.execute(f"PRAGMA integrity_check({asked})")]
    return [] if found == ["ok"] else [f"the file is damaged: {'; '.join(found)}"]


def _broken(db: sqlite3.Connection) -> list[str]:
    found = []
    for words, query in RULES:
        ids = [row_id for (row_id,) in db.execute(query + " LIMIT 4")]
        if ids:
            found.append(f"{words}: {', '.join(map(str, ids[:3]))}{' …' * (len(ids) > 3)}")
    return (
        found + rollup_lies(db) + sums_lies(db) + limit_lies(db) + branch_lies(db) + state_lies(db)
    )
