"""The database, as numbered migrations. The names of tables and columns are a contract.

All times are UTC nanoseconds (`_ns`) or UTC dates (`day`, YYYY-MM-DD); money is micro-USDC
(`_e6`); sizes are lots. Every table is STRICT.
"""

from __future__ import annotations

SCHEMA_1 = """
CREATE TABLE about (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  run_id INTEGER PRIMARY KEY,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  ended_why TEXT,
  mode TEXT NOT NULL,
  network TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  policy_hash TEXT NOT NULL,
  code_version TEXT NOT NULL,
  seed INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  frames INTEGER NOT NULL DEFAULT 0,
  events INTEGER NOT NULL DEFAULT 0,
  digest TEXT NOT NULL DEFAULT '',
  config TEXT NOT NULL
) STRICT;

CREATE TABLE signal (
  signal_id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  ts_ns INTEGER NOT NULL,
  bot TEXT NOT NULL,
  division TEXT NOT NULL,
  coin TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  conviction REAL NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('admitted', 'blocked')),
  failing TEXT NOT NULL,
  sole TEXT NOT NULL,
  fail_closed INTEGER NOT NULL,
  trade_id INTEGER,
  requested_lots INTEGER NOT NULL,
  lots INTEGER NOT NULL,
  notional_e6 INTEGER NOT NULL,
  clamps TEXT NOT NULL,
  mid REAL NOT NULL,
  stop_px REAL NOT NULL,
  target_px REAL,
  trail REAL,
  horizon_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  saw TEXT NOT NULL,
  book TEXT NOT NULL,
  ages TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  policy_hash TEXT NOT NULL
) STRICT;
CREATE INDEX signal_by_time ON signal (ts_ns);
CREATE INDEX signal_by_trade ON signal (trade_id);

CREATE TABLE check_result (
  signal_id INTEGER NOT NULL,
  filter TEXT NOT NULL,
  mode TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'no_data')),
  value REAL,
  threshold REAL,
  reason TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (signal_id, filter)
) STRICT, WITHOUT ROWID;

CREATE TABLE trade (
  trade_id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('real', 'paper', 'phantom', 'twin')),
  cause TEXT NOT NULL CHECK (cause IN ('admit', 'block', 'clamp', 'stage', 'trial')),
  status TEXT NOT NULL CHECK (status IN ('pending', 'open', 'exiting', 'closed')),
  signal_id INTEGER NOT NULL,
  later_trade_id INTEGER,
  trial_id INTEGER,
  bot TEXT NOT NULL,
  division TEXT NOT NULL,
  coin TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  asked_lots INTEGER NOT NULL,
  qty_lots INTEGER NOT NULL,
  decided_ns INTEGER NOT NULL,
  opened_ns INTEGER,
  closed_ns INTEGER,
  decision_mid REAL NOT NULL,
  entry_px REAL,
  exit_px REAL,
  entry_notional_e6 INTEGER,
  gross_e6 INTEGER,
  fees_e6 INTEGER,
  funding_e6 INTEGER,
  net_e6 INTEGER,
  risk_e6 INTEGER,
  r REAL,
  bps REAL,
  mae_bps REAL,
  mfe_bps REAL,
  exit_reason TEXT,
  repeats INTEGER NOT NULL,
  flags TEXT NOT NULL
) STRICT;
CREATE INDEX trade_by_signal ON trade (signal_id);
CREATE INDEX trade_not_closed ON trade (kind, coin) WHERE status <> 'closed';

CREATE TABLE fill (
  trade_id INTEGER NOT NULL,
  ts_ns INTEGER NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('entry', 'exit')),
  side TEXT NOT NULL,
  px REAL NOT NULL,
  lots INTEGER NOT NULL,
  notional_e6 INTEGER NOT NULL,
  fee_e6 INTEGER NOT NULL,
  levels INTEGER NOT NULL
) STRICT;
CREATE INDEX fill_by_trade ON fill (trade_id);

CREATE TABLE order_event (
  trade_id INTEGER NOT NULL,
  ts_ns INTEGER NOT NULL,
  event TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX order_event_by_trade ON order_event (trade_id);

CREATE TABLE trade_day (
  trade_id INTEGER NOT NULL,
  day TEXT NOT NULL,
  mtm_e6 INTEGER NOT NULL,
  PRIMARY KEY (trade_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE equity (
  ts_ns INTEGER PRIMARY KEY,
  equity_e6 INTEGER NOT NULL,
  cash_e6 INTEGER NOT NULL,
  open_e6 INTEGER NOT NULL,
  gross_e6 INTEGER NOT NULL,
  net_e6 INTEGER NOT NULL,
  open_trades INTEGER NOT NULL,
  open_phantoms INTEGER NOT NULL
) STRICT;

CREATE TABLE weight (
  day TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('division', 'bot')),
  name TEXT NOT NULL,
  weight REAL NOT NULL,
  sharpe REAL,
  reason TEXT NOT NULL,
  PRIMARY KEY (day, scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lens (
  ts_ns INTEGER NOT NULL,
  coin TEXT NOT NULL,
  lens TEXT NOT NULL,
  value REAL,
  null_rank REAL,
  n INTEGER NOT NULL,
  params TEXT NOT NULL,
  flags TEXT NOT NULL,
  PRIMARY KEY (ts_ns, coin, lens)
) STRICT, WITHOUT ROWID;

CREATE TABLE experiment (
  trial_id INTEGER PRIMARY KEY,
  bot TEXT NOT NULL,
  change TEXT NOT NULL,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  control_hash TEXT NOT NULL,
  challenger_hash TEXT NOT NULL,
  decision TEXT,
  naive_decision TEXT,
  detail TEXT NOT NULL
) STRICT;

CREATE TABLE alarm (
  ts_ns INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX alarm_by_time ON alarm (ts_ns);

CREATE TABLE state (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup (
  day TEXT NOT NULL,
  filter TEXT NOT NULL,
  mode TEXT NOT NULL,
  scope TEXT NOT NULL,
  bot TEXT NOT NULL,
  signals INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  r REAL NOT NULL,
  bps REAL NOT NULL,
  net_e6 INTEGER NOT NULL,
  PRIMARY KEY (day, filter, mode, scope, bot)
) STRICT, WITHOUT ROWID;

CREATE VIEW blocked AS
SELECT s.signal_id, s.ts_ns, s.bot, s.division, s.coin, s.side, s.failing, s.sole, s.fail_closed,
       s.reason, s.trade_id, t.status, t.exit_reason, t.net_e6, t.r, t.bps, t.mae_bps, t.mfe_bps,
       t.repeats, t.later_trade_id, t.flags
FROM signal s LEFT JOIN trade t ON t.trade_id = s.trade_id
WHERE s.verdict = 'blocked';

CREATE VIEW shadow_open AS
SELECT trade_id, signal_id, bot, division, coin, side, status, qty_lots, decided_ns, opened_ns,
       entry_px, repeats, later_trade_id, flags
FROM trade WHERE kind = 'phantom' AND status <> 'closed';

CREATE VIEW shadow_by_day AS
SELECT day, filter, mode, scope, SUM(signals) AS signals, SUM(entries) AS entries,
       SUM(r) AS r, SUM(bps) AS bps, SUM(net_e6) AS net_e6
FROM rollup GROUP BY day, filter, mode, scope;

CREATE VIEW shadow_report AS
SELECT filter, mode,
       SUM(CASE WHEN scope IN ('sole', 'shared') THEN signals ELSE 0 END) AS blocked,
       SUM(CASE WHEN scope = 'sole' THEN signals ELSE 0 END) AS sole_blocked,
       SUM(CASE WHEN scope = 'sole' THEN entries ELSE 0 END) AS episodes,
       COUNT(DISTINCT CASE WHEN scope = 'sole' AND (entries <> 0 OR r <> 0) THEN day END) AS days,
       SUM(CASE WHEN scope = 'sole' THEN bps ELSE 0 END)
         / NULLIF(SUM(CASE WHEN scope = 'sole' THEN entries END), 0) AS mean_bps,
       SUM(CASE WHEN scope = 'sole' THEN r ELSE 0 END)
         / NULLIF(SUM(CASE WHEN scope = 'sole' THEN entries END), 0) AS mean_r,
       SUM(CASE WHEN scope = 'sole' THEN net_e6 ELSE 0 END) AS net_e6,
       SUM(CASE WHEN scope = 'fail_closed' THEN signals ELSE 0 END) AS fail_closed,
       SUM(CASE WHEN scope = 'clamped' THEN net_e6 ELSE 0 END) AS clamped_e6
FROM rollup WHERE filter <> '' GROUP BY filter, mode;
"""

# What the report's head shows is kept in the rollup too, in rows that no filter owns; else it would
# scan every trade there ever was, and forget what was pruned. `head` has a row for each closed
# pair of a twin and its trade (a side that never filled earned nothing), each phantom that found
# no book and each that lacks a fact.
SCHEMA_2 = """
CREATE VIEW head AS
SELECT t.signal_id, 'bias' AS scope, date(t.closed_ns / 1000000000, 'unixepoch') AS day, t.bot,
       COALESCE(t.bps, 0.0) - COALESCE(r.bps, 0.0) AS bps
FROM trade t JOIN trade r ON r.signal_id = t.signal_id AND r.kind IN ('real', 'paper')
WHERE t.kind = 'twin' AND t.status = 'closed' AND r.status = 'closed'
  AND COALESCE(t.bps, r.bps) IS NOT NULL
UNION ALL
SELECT signal_id, 'unavailable', date(decided_ns / 1000000000, 'unixepoch'), bot, 0.0
FROM trade WHERE cause = 'block' AND exit_reason = 'UNAVAILABLE'
UNION ALL
SELECT signal_id, 'excluded', date(decided_ns / 1000000000, 'unixepoch'), bot, 0.0
FROM trade WHERE cause = 'block' AND flags LIKE '%no_funding%';

CREATE TRIGGER pair_closed AFTER UPDATE OF status ON trade
WHEN NEW.status = 'closed' AND OLD.status <> 'closed' AND NEW.kind IN ('twin', 'real', 'paper')
BEGIN
  INSERT INTO rollup SELECT day, '', 'head', scope, bot, 1, 0, 0.0, bps, 0
  FROM head WHERE signal_id = NEW.signal_id AND scope = 'bias'
  ON CONFLICT DO UPDATE SET signals = signals + 1, bps = bps + excluded.bps; END;

CREATE TRIGGER phantom_unavailable AFTER UPDATE OF exit_reason ON trade
WHEN NEW.exit_reason = 'UNAVAILABLE' AND OLD.exit_reason IS NOT 'UNAVAILABLE'
BEGIN
  INSERT INTO rollup SELECT day, '', 'head', scope, bot, 1, 0, 0.0, 0.0, 0
  FROM head WHERE signal_id = NEW.signal_id AND scope = 'unavailable'
  ON CONFLICT DO UPDATE SET signals = signals + 1; END;

CREATE TRIGGER phantom_excluded AFTER UPDATE OF flags ON trade
WHEN NEW.flags LIKE '%no_funding%' AND OLD.flags NOT LIKE '%no_funding%' AND NEW.cause = 'block'
BEGIN
  INSERT INTO rollup SELECT day, '', 'head', scope, bot, 1, 0, 0.0, 0.0, 0
  FROM head WHERE signal_id = NEW.signal_id AND scope = 'excluded'
  ON CONFLICT DO UPDATE SET signals = signals + 1; END;

INSERT INTO rollup
SELECT day, '', 'head', scope, bot, COUNT(*), 0, 0.0, SUM(bps), 0 FROM head
GROUP BY day, scope, bot;
"""

# `head` learns R, and the rollup the stage that each refusal is put down to in the score (rows
# that no filter owns, mode `score`). Weights rest on `return_day`: what a bot earned on a day, in
# millionths of R, as known from the step of the day `known` on; sums over `known` are what
# `trade_day` makes.
SCHEMA_3 = """
ALTER TABLE weight ADD COLUMN days INTEGER NOT NULL DEFAULT 0;

ALTER TABLE weight ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE return_day (
  day TEXT NOT NULL,
  known TEXT NOT NULL,
  bot TEXT NOT NULL,
  division TEXT NOT NULL,
  r_e6 INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  PRIMARY KEY (day, known, bot)
) STRICT, WITHOUT ROWID;

ALTER TABLE signal ADD COLUMN sizing TEXT NOT NULL DEFAULT '{}';

ALTER TABLE signal ADD COLUMN vote TEXT NOT NULL DEFAULT '{}';

DROP TRIGGER pair_closed;

DROP VIEW head;

CREATE VIEW head AS
SELECT t.signal_id, 'bias' AS scope, date(t.closed_ns / 1000000000, 'unixepoch') AS day, t.bot,
       COALESCE(t.bps, 0.0) - COALESCE(r.bps, 0.0) AS bps,
       COALESCE(t.r, 0.0) - COALESCE(r.r, 0.0) AS r
FROM trade t JOIN trade r ON r.signal_id = t.signal_id AND r.kind IN ('real', 'paper')
WHERE t.kind = 'twin' AND t.status = 'closed' AND r.status = 'closed'
  AND COALESCE(t.bps, r.bps) IS NOT NULL
UNION ALL
SELECT signal_id, 'unavailable', date(decided_ns / 1000000000, 'unixepoch'), bot, 0.0, 0.0
FROM trade WHERE cause = 'block' AND exit_reason = 'UNAVAILABLE'
UNION ALL
SELECT signal_id, 'excluded', date(decided_ns / 1000000000, 'unixepoch'), bot, 0.0, 0.0
FROM trade WHERE cause = 'block' AND flags LIKE '%no_funding%';

CREATE TRIGGER pair_closed AFTER UPDATE OF status ON trade
WHEN NEW.status = 'closed' AND OLD.status <> 'closed' AND NEW.kind IN ('twin', 'real', 'paper')
BEGIN
  INSERT INTO rollup SELECT day, '', 'head', scope, bot, 1, 0, r, bps, 0
  FROM head WHERE signal_id = NEW.signal_id AND scope = 'bias'
  ON CONFLICT DO UPDATE SET signals = signals + 1, bps = bps + excluded.bps,
    r = r + excluded.r; END;

UPDATE rollup SET r = COALESCE((SELECT SUM(h.r) FROM head h WHERE h.scope = 'bias'
  AND h.day = rollup.day AND h.bot = rollup.bot), 0.0) WHERE mode = 'head' AND scope = 'bias';

CREATE TEMP TABLE refused AS
SELECT signal_id, bot, date(ts_ns / 1000000000, 'unixepoch') AS day,
       CASE WHEN INSTR(',' || failing || ',', ',direction,') > 0 THEN 'direction'
            WHEN INSTR(',' || failing || ',', ',phase_space,') > 0 THEN 'phase_space'
            ELSE 'limits' END AS stage
FROM signal WHERE verdict = 'blocked' AND INSTR(',' || failing || ',', ',stage,') = 0;

INSERT INTO rollup SELECT day, '', 'score', stage, bot, COUNT(*), 0, 0.0, 0.0, 0 FROM refused
GROUP BY day, stage, bot;

INSERT INTO rollup
SELECT d.day, '', 'score', f.stage, f.bot, 0,
       SUM(d.trade_id = p.trade_id AND d.day =
           (SELECT MIN(x.day) FROM trade_day x WHERE x.trade_id = p.trade_id)),
       SUM(CASE d.trade_id WHEN p.trade_id THEN 1.0 ELSE -1.0 END * d.mtm_e6 / p.risk_e6),
       SUM(CASE d.trade_id WHEN p.trade_id THEN 1.0 ELSE -1.0 END * d.mtm_e6
           / p.entry_notional_e6 * 1e4),
       SUM(CASE d.trade_id WHEN p.trade_id THEN 1 ELSE -1 END * d.mtm_e6)
FROM refused f JOIN trade p ON p.signal_id = f.signal_id AND p.cause = 'block'
LEFT JOIN trade l ON l.trade_id = p.later_trade_id
JOIN trade_day d ON d.trade_id IN (p.trade_id, p.later_trade_id)
WHERE p.risk_e6 > 0 AND p.flags NOT LIKE '%no_funding%'
  AND COALESCE(l.flags, '') NOT LIKE '%no_funding%'
GROUP BY d.day, f.stage, f.bot
ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, r = r + excluded.r,
  bps = bps + excluded.bps, net_e6 = net_e6 + excluded.net_e6;

DROP TABLE refused;
"""

# The register of trials only grows: a row begins undecided, one at a time; its decision is written
# once, and nothing else of it ever again.
SCHEMA_4 = """
ALTER TABLE experiment ADD COLUMN result TEXT;

CREATE TRIGGER experiment_begins BEFORE INSERT ON experiment
WHEN NEW.decision IS NOT NULL OR NEW.ended_ns IS NOT NULL OR NEW.result IS NOT NULL
  OR EXISTS (SELECT 1 FROM experiment WHERE trial_id >= NEW.trial_id OR decision IS NULL)
BEGIN SELECT RAISE(ABORT, 'trials begin undecided, one at a time, in order'); END;

CREATE TRIGGER experiment_ends BEFORE UPDATE ON experiment
WHEN OLD.decision IS NOT NULL OR NEW.decision IS NULL OR NEW.decision NOT IN ('keep', 'revert')
  OR NEW.ended_ns IS NULL OR (NEW.trial_id, NEW.bot, NEW.change, NEW.started_ns, NEW.control_hash,
    NEW.challenger_hash, NEW.detail) IS NOT (OLD.trial_id, OLD.bot, OLD.change, OLD.started_ns,
    OLD.control_hash, OLD.challenger_hash, OLD.detail)
BEGIN SELECT RAISE(ABORT, 'a trial is decided once and its past is not rewritten'); END;

CREATE TRIGGER experiment_stays BEFORE DELETE ON experiment
BEGIN SELECT RAISE(ABORT, 'the register of trials forgets nothing'); END;
"""

MIGRATIONS: tuple[str, ...] = (SCHEMA_1, SCHEMA_2, SCHEMA_3, SCHEMA_4)
SCHEMA_VERSION = len(MIGRATIONS)
