"""Report by filter, and of shadow-only bots, from the daily rollup alone."""

from __future__ import annotations

import sqlite3

from shadow.report.row import NO_SIGNALS, Days, ReportRow, make_row, merged
from shadow.report.verdict import judge


def by_filter(db: sqlite3.Connection, since: str, *, bias_within: bool) -> list[ReportRow]:
    """Return a row for each filter and mode, judged against the twins of the same bots."""
    effects: dict[tuple[str, str], Days] = {}
    bots: dict[tuple[str, str], set[str]] = {}
    signals: dict[tuple[str, str, str], int] = {}
    bps: dict[tuple[str, str], float] = {}
    money: dict[tuple[str, str, str], int] = {}
    twins: dict[str, Days] = {}
    cursor = db.execute(
        "SELECT day, filter, mode, scope, bot, signals, entries, r, bps, net_e6 FROM rollup"
        " WHERE day >= ? AND mode NOT IN ('stage', 'left_out', 'run')"
        " ORDER BY day, filter, mode, scope, bot",
        (since,),
    )
    for day, name, mode, scope, bot, count, entries, r, in_bps, net_e6 in cursor:
        if not name:
            if scope == "twin":
                twins.setdefault(bot, Days()).add(day, entries, r)
            continue
        key = (name, mode)
        effects.setdefault(key, Days())
        bots.setdefault(key, set())
        signals[(*key, scope)] = signals.get((*key, scope), 0) + count
        money[(*key, scope)] = money.get((*key, scope), 0) + net_e6
        if scope == "sole":
            effects[key].add(day, entries, r)
            bots[key].add(bot)
            bps[key] = bps.get(key, 0.0) + in_bps
    rows = []
    for key, days in effects.items():
        base = merged(twins[bot] for bot in sorted(bots[key]) if bot in twins)
        finding = judge(days, base, bias_within=bias_within)
        counts = {s: signals.get((*key, s), 0) for s in ("sole", "shared", "fail_closed")}
        rows.append(
            make_row(
                "filter",
                *key,
                counts,
                finding,
                bps=bps.get(key, 0.0),
                net_e6=money.get((*key, "sole"), 0),
                clamped_e6=money.get((*key, "clamped"), 0),
            )
        )
    return rows


def staged(db: sqlite3.Connection, since: str) -> list[ReportRow]:
    """Return what shadow-only bots would have earned where no filter stood in the way."""
    effects: dict[str, Days] = {}
    counts: dict[str, dict[str, int]] = {}
    bps: dict[str, float] = {}
    money: dict[str, int] = {}
    cursor = db.execute(
        "SELECT day, scope, bot, signals, entries, r, bps, net_e6 FROM rollup"
        " WHERE mode = 'stage' AND day >= ? ORDER BY day, bot, scope",
        (since,),
    )
    for day, scope, bot, signals, entries, r, in_bps, net_e6 in cursor:
        found = counts.setdefault(bot, dict(NO_SIGNALS))
        found[scope] += signals
        if scope == "sole":
            effects.setdefault(bot, Days()).add(day, entries, r)
            bps[bot] = bps.get(bot, 0.0) + in_bps
            money[bot] = money.get(bot, 0) + net_e6
    rows = []
    for bot in sorted(counts):
        finding = judge(effects.get(bot, Days()), Days(), bias_within=False)
        row = make_row(
            "bot",
            bot,
            "stage",
            counts[bot],
            finding,
            bps=bps.get(bot, 0.0),
            net_e6=money.get(bot, 0),
            clamped_e6=0,
        )
        row.verdict, row.reason, row.days_more = "NONE", "a shadow-only bot is in no verdict", None
        rows.append(row)
    return rows
