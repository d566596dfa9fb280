"""Views for reading the database by hand."""

from __future__ import annotations

BLOCKED = """\
CREATE VIEW blocked AS
SELECT s.signal_id, s.ts_ns, s.bot, s.division, s.coin, s.side, s.failing, s.sole, s.fail_closed,
       s.reason, s.trade_id, t.status, t.exit_reason, t.net_e6, t.r, t.bps, t.mae_bps, t.mfe_bps,
       t.repeats, t.later_trade_id, t.flags
FROM signal s LEFT JOIN trade t ON t.trade_id = s.trade_id
WHERE s.verdict = 'blocked';

"""

VIEWS_1 = (
    BLOCKED
    + """\
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
)

# What series of limits leave out, and how long a day was run, are sums of another kind.
VIEWS_9 = """\
DROP VIEW shadow_by_day;

DROP VIEW shadow_report;

CREATE VIEW shadow_by_day AS
SELECT day, filter, mode, scope, SUM(signals) AS signals, SUM(entries) AS entries,
       SUM(r) AS r, SUM(bps) AS bps, SUM(net_e6) AS net_e6
FROM rollup WHERE mode NOT IN ('left_out', 'run') GROUP BY day, filter, mode, scope;

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
FROM rollup WHERE filter <> '' AND mode <> 'left_out' GROUP BY filter, mode;

"""
