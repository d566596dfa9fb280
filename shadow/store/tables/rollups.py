"""Table rollup: daily sums by filter, and those that the report's head rests on."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row

Key = tuple[str, str, str, str, str]
# The mode of rows that no filter owns, one a day: their scope is the division that stood out.
REGIME = "regime"


class RollupRow(Row, frozen=True):
    """Amounts to add to the sums of a day, filter, mode, scope and bot."""

    table: ClassVar[str] = "rollup"
    clash: ClassVar[str] = """ON CONFLICT DO UPDATE SET signals = signals + excluded.signals,
  entries = entries + excluded.entries, r = r + excluded.r, bps = bps + excluded.bps,
  net_e6 = net_e6 + excluded.net_e6"""

    day: str
    filter: str
    mode: str
    scope: str
    bot: str
    signals: int
    entries: int
    r: float
    bps: float
    net_e6: int

    @property
    def key(self) -> Key:
        """Return what the row is a sum of."""
        return (self.day, self.filter, self.mode, self.scope, self.bot)

    def plus(self, other: RollupRow) -> RollupRow:
        """Return this row with another of the same key added."""
        return RollupRow(
            *self.key,
            self.signals + other.signals,
            self.entries + other.entries,
            self.r + other.r,
            self.bps + other.bps,
            self.net_e6 + other.net_e6,
        )


ROLLUPS_1 = """\
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

"""

# What the report's head shows is kept in the rollup too, in rows that no filter owns; else it would
# scan every trade there ever was, and forget what was pruned. `head` has a row for each closed
# pair of a twin and its trade (a side that never filled earned nothing), each phantom that found
# no book and each that lacks a fact.
ROLLUPS_2 = """
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
# that no filter owns, mode `score`).
ROLLUPS_3 = """\
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

# A trade may lack a price to believe, or an end of its own, as well as a funding rate.
ROLLUPS_5 = """\
DROP TRIGGER phantom_excluded;

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
FROM trade WHERE cause = 'block'
  AND (flags LIKE '%no_funding%' OR flags LIKE '%suspect_price%'
    OR flags LIKE '%wound_down%');

CREATE TRIGGER phantom_excluded AFTER UPDATE OF flags ON trade
WHEN (NEW.flags LIKE '%no_funding%' OR NEW.flags LIKE '%suspect_price%'
    OR NEW.flags LIKE '%wound_down%') AND NEW.cause = 'block'
  AND OLD.flags NOT LIKE '%no_funding%' AND OLD.flags NOT LIKE '%suspect_price%'
  AND OLD.flags NOT LIKE '%wound_down%'
BEGIN
  INSERT INTO rollup SELECT day, '', 'head', scope, bot, 1, 0, 0.0, 0.0, 0
  FROM head WHERE signal_id = NEW.signal_id AND scope = 'excluded'
  ON CONFLICT DO UPDATE SET signals = signals + 1; END;
"""

# The stage of the score that a signal `s` is put down to: the first that failed it, `no_data` where
# all that refused it lacked data.
SCORED_AT = """COALESCE((
    SELECT CASE MIN(CASE c.filter WHEN 'direction' THEN 0 WHEN 'phase_space' THEN 1 ELSE 2 END)
           WHEN 0 THEN 'direction' WHEN 1 THEN 'phase_space' WHEN 2 THEN 'limits' END
    FROM check_result c
    WHERE c.signal_id = s.signal_id AND c.mode = 'enforce' AND c.outcome = 'fail'), 'no_data')"""

# Refusals for want of data leave the stages of the score: its rows are made again, but for days of
# which something was deleted.
ROLLUPS_7 = f"""\
CREATE TEMP TABLE whole AS SELECT COALESCE((SELECT date(CAST(value AS INTEGER) / 1000000000 + 86400,
  'unixepoch') FROM about WHERE key = 'pruned_before_ns'), '') AS since;

CREATE TEMP TABLE refused AS
SELECT signal_id, bot, date(ts_ns / 1000000000, 'unixepoch') AS day, {SCORED_AT} AS stage
FROM signal s WHERE verdict = 'blocked' AND INSTR(',' || failing || ',', ',stage,') = 0;

DELETE FROM rollup WHERE mode = 'score' AND day >= (SELECT since FROM whole);

INSERT INTO rollup SELECT day, '', 'score', stage, bot, COUNT(*), 0, 0.0, 0.0, 0 FROM refused
WHERE day >= (SELECT since FROM whole) GROUP BY day, stage, bot;

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
WHERE p.risk_e6 > 0 AND p.flags || COALESCE(l.flags, '') NOT LIKE '%no_funding%'
  AND p.flags || COALESCE(l.flags, '') NOT LIKE '%suspect_price%'
  AND p.flags || COALESCE(l.flags, '') NOT LIKE '%wound_down%'
  AND d.day >= (SELECT since FROM whole)
GROUP BY d.day, f.stage, f.bot
ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, r = r + excluded.r,
  bps = bps + excluded.bps, net_e6 = net_e6 + excluded.net_e6;

DROP TABLE refused;

DROP TABLE whole;
"""
