"""The shadow report: whether each limit protects the desk or holds it back.

By filter, everything comes from the daily rollup, so ten million trades cost no more than ten.
By division, bot, coin or day it comes from the trades themselves. Effects are in R: net profit
over the risk frozen at decision, marked to market by UTC day. A blocked episode that was later
admitted counts the phantom less that trade. Excluded trades (a funding rate unknown, a price not
believed at once) are in neither.
"""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from quant.clustered import Interval, ratio
from shadow.report.by_filter import by_filter, staged
from shadow.report.by_trades import by_trades
from shadow.report.row import By, ReportRow, finite


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


def report(db: sqlite3.Connection, *, by: By, since: str = "", bias_bps_max: float = 2.0) -> Report:
    """Return the report grouped `by` something, from the UTC day `since` (YYYY-MM-DD) on."""
    bias = twin_bias(db, since, bias_bps_max)
    if by == "filter":
        rows = by_filter(db, since, bias_within=bias.within)
    else:
        rows = by_trades(db, by, since, bias_within=bias.within)
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
    return Bias(pairs, found.mean, finite(found.low), finite(found.high), within)
