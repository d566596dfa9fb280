"""Report by division, bot, coin or day, from the trades themselves."""

from __future__ import annotations

import sqlite3

from shadow.report.row import NO_SIGNALS, By, Days, ReportRow, make_row, merged
from shadow.report.verdict import judge
from shadow.store.tables.trades import sound

# Effects by trade and day, the later trade's days taken off in units of the phantom's risk.
_EFFECTS = """
WITH episode AS (
  SELECT p.trade_id, p.later_trade_id, {group} AS name, p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  LEFT JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND p.risk_e6 > 0 AND NOT s.fail_closed
    AND {sound_p} AND {sound_l}
)
SELECT e.trade_id, e.name, e.bot, e.risk_e6, e.entry_notional_e6, d.day, d.mtm_e6
FROM episode e JOIN trade_day d ON d.trade_id = e.trade_id
UNION ALL
SELECT e.trade_id, e.name, e.bot, e.risk_e6, e.entry_notional_e6, d.day, -d.mtm_e6
FROM episode e JOIN trade_day d ON d.trade_id = e.later_trade_id
ORDER BY 1, 6
"""

_TWINS = f"""
SELECT t.trade_id, t.bot, t.risk_e6, d.day, d.mtm_e6
FROM trade t JOIN trade_day d ON d.trade_id = t.trade_id
WHERE t.kind = 'twin' AND t.risk_e6 > 0 AND {sound("t")}
ORDER BY t.trade_id, d.day
"""

_GROUP = {
    "division": "p.division",
    "bot": "p.bot",
    "coin": "p.coin",
    "day": "date(p.decided_ns / 1000000000, 'unixepoch')",
}


def by_trades(db: sqlite3.Connection, by: By, since: str, *, bias_within: bool) -> list[ReportRow]:
    """Group every blocked episode but the fail-closed ones, whichever filters refused it."""
    effects: dict[str, Days] = {}
    bots: dict[str, set[str]] = {}
    bps: dict[str, float] = {}
    money: dict[str, int] = {}
    # An entry counts on its first day alone, which may lie before `since`, as in the rollup.
    counted: set[int] = set()
    for trade_id, name, bot, risk, notional, day, mtm in db.execute(
        _EFFECTS.format(group=_GROUP[by], sound_p=sound("p"), sound_l=sound("l"))
    ):
        entries = 0 if trade_id in counted else 1
        counted.add(trade_id)
        if day < since or (by == "day" and name < since):
            continue
        effects.setdefault(name, Days()).add(day, entries, mtm / risk)
        bots.setdefault(name, set()).add(bot)
        bps[name] = bps.get(name, 0.0) + mtm / notional * 1e4
        money[name] = money.get(name, 0) + mtm
    twins: dict[str, Days] = {}
    for trade_id, bot, risk, day, mtm in db.execute(_TWINS):
        entries = 0 if trade_id in counted else 1
        counted.add(trade_id)
        if day >= since:
            twins.setdefault(bot, Days()).add(day, entries, mtm / risk)
    counts = _signal_counts(db, by, since)
    clamped = _clamped(db, by, since)
    rows = []
    for name in sorted({*counts, *effects, *clamped}):
        base = merged(twins[bot] for bot in sorted(bots.get(name, ())) if bot in twins)
        finding = judge(effects.get(name, Days()), base, bias_within=bias_within)
        rows.append(
            make_row(
                by,
                name,
                "enforce",
                counts.get(name, NO_SIGNALS),
                finding,
                bps=bps.get(name, 0.0),
                net_e6=money.get(name, 0),
                clamped_e6=clamped.get(name, 0),
            )
        )
    return rows


def _signal_counts(db: sqlite3.Connection, by: By, since: str) -> dict[str, dict[str, int]]:
    group = _GROUP[by].replace("p.decided_ns", "p.ts_ns")
    return {
        name: {"sole": sole, "shared": shared, "fail_closed": closed}
        for name, sole, shared, closed in db.execute(
            f"SELECT {group} AS name, SUM(p.sole <> ''), SUM(p.sole = '' AND NOT p.fail_closed),"
            " SUM(p.fail_closed) FROM signal p WHERE p.verdict = 'blocked'"
            " AND INSTR(',' || p.failing || ',', ',stage,') = 0"
            " AND date(p.ts_ns / 1000000000, 'unixepoch') >= ? GROUP BY name",
            (since,),
        )
    }


def _clamped(db: sqlite3.Connection, by: By, since: str) -> dict[str, int]:
    """Return what caps cut off would have earned, by group and marked by day as in the rollup."""
    cursor = db.execute(
        f"SELECT {_GROUP[by]} AS name, SUM(d.mtm_e6) FROM trade p"
        " JOIN trade_day d ON d.trade_id = p.trade_id"
        f" WHERE p.cause = 'clamp' AND {sound('p')} AND d.day >= :since"
        " GROUP BY name HAVING :by <> 'day' OR name >= :since",
        {"since": since, "by": by},
    )
    return dict(cursor.fetchall())
