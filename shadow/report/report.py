"""The shadow report: whether each limit protects the desk or holds it back.

By filter it shows a row a limit, with the verdict on the series that runs. By division, bot, coin,
regime or day it shows what was blocked there, without verdict. Everything comes from sums by day,
so ten million trades cost no more than ten. Effects are in R: net profit over the risk frozen at
decision.
"""

from __future__ import annotations

import sqlite3

from msgspec import Struct, field

from quant.inference.clustered import Interval, ratio
from shadow.report.by_limit import by_limit
from shadow.report.by_slice import by_slice, staged
from shadow.report.instruments import Dead, dead_instruments
from shadow.report.row import By, ReportRow, finite
from shadow.report.shortfall import Shortfall, shortfall


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

    `rules` are filters in force on every desk, which have no verdict. `staged` has a row for each
    bot in the shadow stage: what its signals would have earned, in no figure of `rows`. There
    `sole_blocked` counts those that no filter blocked. `instruments` are those that seem dead:
    what rests on them is not to be believed. `shortfall` is of the desk's own trades that closed in
    the window.

    `from_day` and `to_day` are the first and the last UTC day with anything in it, "" where there
    is none. `blocked_usd` is what the episodes that were blocked and closed would have made, each
    once; `r_usd` what one R is worth, by series.
    """

    by: str
    since: str
    rows: list[ReportRow]
    staged: list[ReportRow]
    bias: Bias
    unavailable: int
    excluded: int
    open_phantoms: int
    rules: list[ReportRow] = field(default_factory=list)
    instruments: list[Dead] = field(default_factory=list)
    shortfall: Shortfall = field(default_factory=Shortfall)
    from_day: str = ""
    to_day: str = ""
    blocked_usd: float | None = None
    r_usd: dict[str, float] = field(default_factory=dict)

    @property
    def taken_usd(self) -> float | None:
        """Return what the desk's trades that closed have made, None where none has."""
        paid, apart = self.shortfall, self.shortfall.not_split
        return paid.net_usd + apart.net_usd if paid.trades + apart.trades else None


def report(
    db: sqlite3.Connection,
    *,
    by: By,
    since: str = "",
    bias_bps_max: float = 2.0,
    everything: bool = False,
) -> Report:
    """Return the report grouped `by` something, from the UTC day `since` (YYYY-MM-DD) on.

    `everything` shows the older series of limits too.
    """
    # A verdict is of the whole series, whatever window is looked at.
    bias = twin_bias(db, "", bias_bps_max)
    rules: list[ReportRow] = []
    if by == "filter":
        limits = by_limit(db, since, bias_within=bias.within, everything=everything)
        rows, rules = limits.rows, limits.rules
    else:
        rows = by_slice(db, by, since)
    counts = dict(
        db.execute(
            "SELECT scope, SUM(signals) FROM rollup_day"
            " WHERE (filter, mode) = ('', 'head') AND day >= ? GROUP BY scope",
            (since,),
        ).fetchall()
    )
    opened = db.execute(
        "SELECT COUNT(*) FROM trade WHERE kind = 'phantom' AND cause = 'block'"
        " AND status <> 'closed'"
    ).fetchone()[0]
    unavailable, excluded = counts.get("unavailable", 0), counts.get("excluded", 0)
    blocked_e6 = db.execute(
        "SELECT SUM(net_e6) FROM slice_day WHERE (by, scope) = ('division', 'blocked')"
        " AND entries > 0 AND day >= ?",
        (since,),
    ).fetchone()[0]
    from_day, to_day = db.execute(
        "SELECT MIN(day), MAX(day) FROM rollup_day WHERE day >= ?", (since,)
    ).fetchone()
    money_r = db.execute("SELECT series_id, money_r_e6 FROM series WHERE money_r_e6 > 0")
    return Report(
        *(by, since, rows, staged(db, since), bias, unavailable, excluded, opened),
        rules=rules,
        instruments=dead_instruments(db),
        shortfall=shortfall(db, since=since),
        from_day=from_day or "",
        to_day=to_day or "",
        blocked_usd=None if blocked_e6 is None else blocked_e6 / 1e6,
        r_usd={series: e6 / 1e6 for series, e6 in money_r},
    )


def empty(by: By, since: str) -> Report:
    """Return the report of a state in which nothing has happened yet."""
    return Report(by, since, [], [], Bias(0, None, None, None, within=False), 0, 0, 0)


def twin_bias(db: sqlite3.Connection, since: str, bias_bps_max: float) -> Bias:
    """Return the simulator's bias over closed pairs, clustered on the day of closing."""
    cursor = db.execute(
        "SELECT day, signals, bps FROM rollup_day"
        " WHERE (filter, mode, scope) = ('', 'head', 'bias') AND day >= ? ORDER BY day",
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
    return Bias(pairs, found.mean, finite(found.low), finite(found.high), within)
