"""Tables rollup_day, slice_day and shortfall_day: sums so small that years are read at once.

All are kept by the file itself, in the transaction of the rows they sum up.
"""

from __future__ import annotations

from shadow.ledger.trade import EXCLUDING


def _counts(t: str) -> str:
    """Return the SQL condition that a trade has an outcome to count in slices."""
    flags = " AND ".join(f"{t}.flags NOT LIKE '%{name}%'" for name in EXCLUDING)
    return (
        f"{t}.status = 'closed' AND {t}.net_e6 IS NOT NULL AND {t}.risk_e6 > 0"
        f" AND ({t}.kind = 'twin' OR {t}.cause IN ('block', 'clamp')) AND {flags}"
    )


def _scope(t: str) -> str:
    return f"CASE WHEN {t}.kind = 'twin' THEN 'twin' WHEN {t}.cause = 'clamp' THEN 'clamped'" + (
        f" WHEN COALESCE((SELECT s.fail_closed FROM signal s WHERE s.signal_id = {t}.signal_id), 0)"
        " THEN 'fail_closed' ELSE 'blocked' END"
    )


def _groups(t: str) -> str:
    return (
        f"(SELECT 'division' AS by, {t}.division AS name UNION ALL SELECT 'bot', {t}.bot"
        f" UNION ALL SELECT 'coin', {t}.coin) g"
    )


_ADDS = """ON CONFLICT DO UPDATE SET signals = signals + excluded.signals,
  entries = entries + excluded.entries, r = r + excluded.r, bps = bps + excluded.bps,
  net_e6 = net_e6 + excluded.net_e6"""


def _outcome(t: str, sign: str) -> str:
    """Return the statement that adds a trade's outcome to its slices, or takes it off."""
    return f"""INSERT INTO slice_day
  SELECT g.by, date({t}.closed_ns / 1000000000, 'unixepoch'), g.name, {_scope(t)},
    0, {sign}1, {sign}{t}.net_e6 * 1.0 / {t}.risk_e6,
    {sign}{t}.net_e6 * 1e4 / {t}.entry_notional_e6, {sign}{t}.net_e6
  FROM {_groups(t)} WHERE {_counts(t)}
  {_ADDS};"""


def _paid(t: str, sign: str) -> str:
    """Return the columns of what a trade of the desk decided on and paid, or of that taken back."""
    entry = (
        f"CASE {t}.side WHEN 'buy' THEN 1 ELSE -1 END * CAST(ROUND({t}.entry_notional_e6"
        f" * (1.0 - {t}.decision_mid / {t}.entry_px)) AS INTEGER)"
    )
    return f"{sign}({entry})" + "".join(
        f", {sign}{t}.{name}" for name in ("gross_e6", "fees_e6", "funding_e6", "net_e6")
    )


def _is_paid(t: str) -> str:
    return (
        f"{t}.kind IN ('paper', 'real') AND {t}.status = 'closed' AND {t}.net_e6 IS NOT NULL"
        f" AND {t}.entry_px > 0"
    )


_MORE = """ON CONFLICT DO UPDATE SET trades = trades + excluded.trades,
  entry_e6 = entry_e6 + excluded.entry_e6, gross_e6 = gross_e6 + excluded.gross_e6,
  fees_e6 = fees_e6 + excluded.fees_e6, funding_e6 = funding_e6 + excluded.funding_e6,
  net_e6 = net_e6 + excluded.net_e6"""


def _shortfall(t: str, sign: str) -> str:
    return f"""INSERT INTO shortfall_day
  SELECT date({t}.closed_ns / 1000000000, 'unixepoch'), {sign}1, {_paid(t, sign)}
  WHERE {_is_paid(t)} {_MORE};""".replace("\n", " ")


_REFUSED = "{s}.verdict = 'blocked' AND INSTR(',' || {s}.failing || ',', ',stage,') = 0"
_AS = (
    "CASE WHEN {s}.fail_closed THEN 'fail_closed' WHEN {s}.sole <> '' THEN 'sole' ELSE 'shared' END"
)

SUMS_10 = f"""\
CREATE TABLE rollup_day (
  filter TEXT NOT NULL,
  mode TEXT NOT NULL,
  scope TEXT NOT NULL,
  day TEXT NOT NULL,
  signals INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  r REAL NOT NULL,
  bps REAL NOT NULL,
  net_e6 INTEGER NOT NULL,
  PRIMARY KEY (filter, mode, scope, day)
) STRICT, WITHOUT ROWID;

INSERT INTO rollup_day
SELECT filter, mode, scope, day, SUM(signals), SUM(entries), SUM(r), SUM(bps), SUM(net_e6)
FROM rollup GROUP BY filter, mode, scope, day;

CREATE TRIGGER rollup_added AFTER INSERT ON rollup
BEGIN
  INSERT INTO rollup_day VALUES (NEW.filter, NEW.mode, NEW.scope, NEW.day, NEW.signals,
    NEW.entries, NEW.r, NEW.bps, NEW.net_e6)
  {_ADDS}; END;

CREATE TRIGGER rollup_changed AFTER UPDATE ON rollup
BEGIN
  INSERT INTO rollup_day VALUES (NEW.filter, NEW.mode, NEW.scope, NEW.day,
    NEW.signals - OLD.signals, NEW.entries - OLD.entries, NEW.r - OLD.r, NEW.bps - OLD.bps,
    NEW.net_e6 - OLD.net_e6)
  {_ADDS}; END;

CREATE TABLE slice_day (
  by TEXT NOT NULL CHECK (by IN ('division', 'bot', 'coin')),
  day TEXT NOT NULL,
  name TEXT NOT NULL,
  scope TEXT NOT NULL,
  signals INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  r REAL NOT NULL,
  bps REAL NOT NULL,
  net_e6 INTEGER NOT NULL,
  PRIMARY KEY (by, day, name, scope)
) STRICT, WITHOUT ROWID;

INSERT INTO slice_day
SELECT g.by, date(s.ts_ns / 1000000000, 'unixepoch'), CASE g.by WHEN 'division' THEN s.division
  WHEN 'bot' THEN s.bot ELSE s.coin END AS name, {_AS.format(s="s")} AS scope,
  COUNT(*), 0, 0.0, 0.0, 0
FROM signal s JOIN (SELECT 'division' AS by UNION ALL SELECT 'bot' UNION ALL SELECT 'coin') g
WHERE {_REFUSED.format(s="s")} GROUP BY 1, 2, 3, 4;

INSERT INTO slice_day
SELECT g.by, date(t.closed_ns / 1000000000, 'unixepoch'), CASE g.by WHEN 'division' THEN t.division
  WHEN 'bot' THEN t.bot ELSE t.coin END AS name, {_scope("t")} AS scope,
  0, COUNT(*), SUM(t.net_e6 * 1.0 / t.risk_e6), SUM(t.net_e6 * 1e4 / t.entry_notional_e6),
  SUM(t.net_e6)
FROM trade t JOIN (SELECT 'division' AS by UNION ALL SELECT 'bot' UNION ALL SELECT 'coin') g
WHERE {_counts("t")} GROUP BY 1, 2, 3, 4
{_ADDS};

CREATE TRIGGER refusal_sliced AFTER INSERT ON signal
WHEN {_REFUSED.format(s="NEW")}
BEGIN
  INSERT INTO slice_day
  SELECT g.by, date(NEW.ts_ns / 1000000000, 'unixepoch'), g.name, {_AS.format(s="NEW")},
    1, 0, 0.0, 0.0, 0 FROM {_groups("NEW")} WHERE true
  {_ADDS}; END;

CREATE TRIGGER outcome_sliced AFTER UPDATE OF status, net_e6, flags ON trade
WHEN (NEW.status = 'closed' OR OLD.status = 'closed')
  AND (OLD.status, OLD.net_e6, OLD.flags) IS NOT (NEW.status, NEW.net_e6, NEW.flags)
BEGIN
  {_outcome("OLD", "-").replace(chr(10), " ")} {_outcome("NEW", "").replace(chr(10), " ")} END;

CREATE TABLE shortfall_day (
  day TEXT PRIMARY KEY,
  trades INTEGER NOT NULL,
  entry_e6 INTEGER NOT NULL,
  gross_e6 INTEGER NOT NULL,
  fees_e6 INTEGER NOT NULL,
  funding_e6 INTEGER NOT NULL,
  net_e6 INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO shortfall_day
SELECT date(t.closed_ns / 1000000000, 'unixepoch'), 1, {_paid("t", "")}
FROM trade t WHERE {_is_paid("t")}
{_MORE};

CREATE TRIGGER shortfall_summed AFTER UPDATE OF status, net_e6, flags ON trade
WHEN NEW.kind IN ('paper', 'real') AND (NEW.status = 'closed' OR OLD.status = 'closed')
BEGIN
  {_shortfall("OLD", "-")} {_shortfall("NEW", "")} END;
"""
