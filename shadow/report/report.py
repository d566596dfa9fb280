"""The question asked every week: is each of my limits protecting me or holding me back?

By filter, everything comes from the daily rollup, so ten million trades cost no more than ten.
By division, bot, coin or day it comes from the trades themselves. Effects are in R: net profit
over the risk frozen at decision, marked to market by UTC day. A blocked episode that was later
admitted counts the phantom less that trade. Excluded trades (a funding rate unknown) are in
neither.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from math import isfinite
from typing import Literal

from msgspec import Struct

from quant.clustered import Interval, ratio
from shadow.report.verdict import Finding, judge

By = Literal["filter", "division", "bot", "coin", "day"]


class ReportRow(Struct):
    """One group. Effects in R unless said otherwise; None where nothing can be said.

    `blocked` counts signals the group's filter refused (alone or with others), `sole_blocked`
    those it alone refused; `episodes` those of them with a known outcome. `fail_closed` counts
    refusals for want of data and `clamped_usd` what caps cut off would have earned; neither is
    in any other figure. `ci_*` bounds `mean_r`, `delta_*` bounds `delta_r`, both 95 % clustered
    on days; `anytime_*` is the interval for those who look every day.
    """

    group: str
    name: str
    mode: str
    blocked: int
    sole_blocked: int
    shared_blocked: int
    fail_closed: int
    episodes: int
    days: int
    mean_bps: float | None
    mean_r: float | None
    ci_low: float | None
    ci_high: float | None
    anytime_low: float | None
    anytime_high: float | None
    delta_r: float | None
    delta_low: float | None
    delta_high: float | None
    net_usd: float
    clamped_usd: float
    verdict: str
    reason: str
    days_more: int | None


class Bias(Struct):
    """Twin minus real in bps of notional, over `pairs` of closed trades; the simulator's bias.

    In paper it is exactly zero, because both come from the same simulation.
    """

    pairs: int
    mean_bps: float | None
    low: float | None
    high: float | None
    within: bool


class Report(Struct):
    """Rows and what they rest on.

    `staged` has a row for each bot in the shadow stage: what its signals would have earned, in no
    figure of `rows` and in no verdict. There `sole_blocked` counts those that no filter blocked.
    """

    by: str
    since: str
    rows: list[ReportRow]
    staged: list[ReportRow]
    bias: Bias
    unavailable: int
    excluded: int
    open_phantoms: int


class _Days(dict[str, tuple[int, float]]):
    """Entries and effects by day."""

    def add(self, day: str, entries: int, effect: float) -> None:
        n, total = self.get(day, (0, 0.0))
        self[day] = (n + entries, total + effect)


def report(db: sqlite3.Connection, *, by: By, since: str = "", bias_bps_max: float = 2.0) -> Report:
    """Return the report grouped `by` something, from the UTC day `since` (YYYY-MM-DD) on."""
    bias = twin_bias(db, since, bias_bps_max)
    rows = _by_filter(db, since, bias) if by == "filter" else _by_trades(db, by, since, bias)
    counts = dict(
        db.execute(
            "SELECT scope, SUM(signals) FROM rollup WHERE mode = 'head' AND day >= ?"
            " GROUP BY scope",
            (since,),
        ).fetchall()
    )
    opened = db.execute(
        "SELECT COUNT(*) FROM trade WHERE kind = 'phantom' AND cause = 'block'"
        " AND status <> 'closed'"
    ).fetchone()[0]
    unavailable, excluded = counts.get("unavailable", 0), counts.get("excluded", 0)
    return Report(by, since, rows, staged(db, since), bias, unavailable, excluded, opened)


def empty(by: By, since: str) -> Report:
    """Return the report of a state in which nothing has happened yet."""
    return Report(by, since, [], [], Bias(0, None, None, None, within=False), 0, 0, 0)


def staged(db: sqlite3.Connection, since: str) -> list[ReportRow]:
    """Return what shadow-only bots would have earned where no filter stood in the way."""
    effects: dict[str, _Days] = {}
    counts: dict[str, dict[str, int]] = {}
    bps: dict[str, float] = {}
    money: dict[str, int] = {}
    cursor = db.execute(
        "SELECT day, scope, bot, signals, entries, r, bps, net_e6 FROM rollup"
        " WHERE mode = 'stage' AND day >= ? ORDER BY day, bot, scope",
        (since,),
    )
    for day, scope, bot, signals, entries, r, in_bps, net_e6 in cursor:
        found = counts.setdefault(bot, dict(_NO_SIGNALS))
        found[scope] += signals
        if scope == "sole":
            effects.setdefault(bot, _Days()).add(day, entries, r)
            bps[bot] = bps.get(bot, 0.0) + in_bps
            money[bot] = money.get(bot, 0) + net_e6
    rows = []
    for bot in sorted(counts):
        finding = judge(effects.get(bot, _Days()), _Days(), bias_within=False)
        row = _row(
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


def twin_bias(db: sqlite3.Connection, since: str, bias_bps_max: float) -> Bias:
    """Return the simulator's bias over closed pairs, clustered on the day of closing."""
    cursor = db.execute(
        "SELECT day, SUM(signals), SUM(bps) FROM rollup WHERE mode = 'head' AND scope = 'bias'"
        " AND day >= ? GROUP BY day ORDER BY day",
        (since,),
    )
    days = [(count, total) for _, count, total in cursor]
    pairs = sum(count for count, _ in days)
    if not pairs:
        return Bias(0, None, None, None, within=False)
    found = ratio([total for _, total in days], [count for count, _ in days])
    assert found is not None
    if all(total == 0.0 for _, total in days):
        found = Interval(0.0, 0.0, 0.0)
    within = -bias_bps_max <= found.low and found.high <= bias_bps_max
    return Bias(pairs, found.mean, _finite(found.low), _finite(found.high), within)


def _by_filter(db: sqlite3.Connection, since: str, bias: Bias) -> list[ReportRow]:
    effects: dict[tuple[str, str], _Days] = {}
    bots: dict[tuple[str, str], set[str]] = {}
    signals: dict[tuple[str, str, str], int] = {}
    bps: dict[tuple[str, str], float] = {}
    money: dict[tuple[str, str, str], int] = {}
    twins: dict[str, _Days] = {}
    cursor = db.execute(
        "SELECT day, filter, mode, scope, bot, signals, entries, r, bps, net_e6 FROM rollup"
        " WHERE day >= ? AND mode <> 'stage' ORDER BY day, filter, mode, scope, bot",
        (since,),
    )
    for day, name, mode, scope, bot, count, entries, r, in_bps, net_e6 in cursor:
        if not name:
            if scope == "twin":
                twins.setdefault(bot, _Days()).add(day, entries, r)
            continue
        key = (name, mode)
        effects.setdefault(key, _Days())
        bots.setdefault(key, set())
        signals[(*key, scope)] = signals.get((*key, scope), 0) + count
        money[(*key, scope)] = money.get((*key, scope), 0) + net_e6
        if scope == "sole":
            effects[key].add(day, entries, r)
            bots[key].add(bot)
            bps[key] = bps.get(key, 0.0) + in_bps
    rows = []
    for key, days in effects.items():
        base = _merged(twins[bot] for bot in sorted(bots[key]) if bot in twins)
        finding = judge(days, base, bias_within=bias.within)
        counts = {s: signals.get((*key, s), 0) for s in ("sole", "shared", "fail_closed")}
        rows.append(
            _row(
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


def _merged(parts: Iterable[_Days]) -> _Days:
    out = _Days()
    for part in parts:
        for day, (n, effect) in part.items():
            out.add(day, n, effect)
    return out


# Effects by trade and day, the later trade's days taken off in units of the phantom's risk.
_EFFECTS = """
WITH episode AS (
  SELECT p.trade_id, p.later_trade_id, {group} AS name, p.bot, p.risk_e6, p.entry_notional_e6
  FROM trade p JOIN signal s ON s.signal_id = p.signal_id
  LEFT JOIN trade l ON l.trade_id = p.later_trade_id
  WHERE p.kind = 'phantom' AND p.cause = 'block' AND p.risk_e6 > 0 AND NOT s.fail_closed
    AND p.flags NOT LIKE '%no_funding%' AND COALESCE(l.flags, '') NOT LIKE '%no_funding%'
)
SELECT e.trade_id, e.name, e.bot, e.risk_e6, e.entry_notional_e6, d.day, d.mtm_e6
FROM episode e JOIN trade_day d ON d.trade_id = e.trade_id
UNION ALL
SELECT e.trade_id, e.name, e.bot, e.risk_e6, e.entry_notional_e6, d.day, -d.mtm_e6
FROM episode e JOIN trade_day d ON d.trade_id = e.later_trade_id
ORDER BY 1, 6
"""

_TWINS = """
SELECT t.trade_id, t.bot, t.risk_e6, d.day, d.mtm_e6
FROM trade t JOIN trade_day d ON d.trade_id = t.trade_id
WHERE t.kind = 'twin' AND t.risk_e6 > 0 AND t.flags NOT LIKE '%no_funding%'
ORDER BY t.trade_id, d.day
"""

_GROUP = {
    "division": "p.division",
    "bot": "p.bot",
    "coin": "p.coin",
    "day": "date(p.decided_ns / 1000000000, 'unixepoch')",
}


def _by_trades(db: sqlite3.Connection, by: By, since: str, bias: Bias) -> list[ReportRow]:
    """Group every blocked episode but the fail-closed ones, whichever filters refused it."""
    effects: dict[str, _Days] = {}
    bots: dict[str, set[str]] = {}
    bps: dict[str, float] = {}
    money: dict[str, int] = {}
    # An entry counts on its first day alone, which may lie before `since`, as in the rollup.
    counted: set[int] = set()
    for trade_id, name, bot, risk, notional, day, mtm in db.execute(
        _EFFECTS.format(group=_GROUP[by])
    ):
        entries = 0 if trade_id in counted else 1
        counted.add(trade_id)
        if day < since or (by == "day" and name < since):
            continue
        effects.setdefault(name, _Days()).add(day, entries, mtm / risk)
        bots.setdefault(name, set()).add(bot)
        bps[name] = bps.get(name, 0.0) + mtm / notional * 1e4
        money[name] = money.get(name, 0) + mtm
    twins: dict[str, _Days] = {}
    for trade_id, bot, risk, day, mtm in db.execute(_TWINS):
        entries = 0 if trade_id in counted else 1
        counted.add(trade_id)
        if day >= since:
            twins.setdefault(bot, _Days()).add(day, entries, mtm / risk)
    counts = _signal_counts(db, by, since)
    clamped = _clamped(db, by, since)
    rows = []
    for name in sorted({*counts, *effects, *clamped}):
        base = _merged(twins[bot] for bot in sorted(bots.get(name, ())) if bot in twins)
        finding = judge(effects.get(name, _Days()), base, bias_within=bias.within)
        rows.append(
            _row(
                by,
                name,
                "enforce",
                counts.get(name, _NO_SIGNALS),
                finding,
                bps=bps.get(name, 0.0),
                net_e6=money.get(name, 0),
                clamped_e6=clamped.get(name, 0),
            )
        )
    return rows


_NO_SIGNALS = {"sole": 0, "shared": 0, "fail_closed": 0}


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
        " WHERE p.cause = 'clamp' AND p.flags NOT LIKE '%no_funding%' AND d.day >= :since"
        " GROUP BY name HAVING :by <> 'day' OR name >= :since",
        {"since": since, "by": by},
    )
    return dict(cursor.fetchall())


def _row(
    group: str,
    name: str,
    mode: str,
    counts: dict[str, int],
    finding: Finding,
    *,
    bps: float,
    net_e6: int,
    clamped_e6: int,
) -> ReportRow:
    theta, delta, wide = finding.theta, finding.delta, finding.theta_anytime
    return ReportRow(
        group=group,
        name=name,
        mode=mode,
        blocked=counts["sole"] + counts["shared"],
        sole_blocked=counts["sole"],
        shared_blocked=counts["shared"],
        fail_closed=counts["fail_closed"],
        episodes=finding.episodes,
        days=finding.days,
        mean_bps=bps / finding.episodes if finding.episodes else None,
        mean_r=theta.mean if theta else None,
        ci_low=_finite(theta.low) if theta else None,
        ci_high=_finite(theta.high) if theta else None,
        anytime_low=_finite(wide.low) if wide else None,
        anytime_high=_finite(wide.high) if wide else None,
        delta_r=delta.mean if delta else None,
        delta_low=_finite(delta.low) if delta else None,
        delta_high=_finite(delta.high) if delta else None,
        net_usd=net_e6 / 1e6,
        clamped_usd=clamped_e6 / 1e6,
        verdict=finding.verdict,
        reason=finding.reason,
        days_more=finding.days_more,
    )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
