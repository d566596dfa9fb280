"""What did my limits do? A row a limit with an interval, its verdict and the way to one."""

from __future__ import annotations

from itertools import accumulate
from sqlite3 import Connection

from msgspec import Struct

from daemon.views.standing import DAYS_MIN, is_decided, standing
from daemon.views.trades import why_closed
from market.events import NS_PER_MS
from risk.filter import discover
from shadow.report.by_limit import CONTROL
from shadow.report.report import Report, report
from shadow.report.row import ReportRow
from shadow.store.query import named

NEWEST = 20
VALUES_MAX = 400

_BY_DAY = """
SELECT d.day, SUM(d.with_e6 - d.without_e6) FROM branch_day d JOIN branch b USING (branch_id)
WHERE d.filter = ? AND d.series_id = ? AND b.kind IN ('observed', 'enforced')
GROUP BY d.day ORDER BY d.day
"""

# A phantom whose signal this limit alone refused.
_EPISODES = """
SELECT s.signal_id, s.ts_ns, s.bot, s.coin, s.side, t.net_e6, t.r, t.exit_reason
FROM signal s JOIN trade t ON t.trade_id = s.trade_id AND t.signal_id = s.signal_id
WHERE s.sole = ? AND t.kind = 'phantom' AND t.net_e6 IS NOT NULL
"""


class Bar(Struct):
    """What a limit was worth in USD a day: an estimate, one look, and any day at the α."""

    at: float
    low: float
    high: float
    any_low: float | None
    any_high: float | None


class LimitRow(Struct, kw_only=True):
    """One limit in the order to show; `kind` is decided, undecided, placebo or rule.

    `net_usd` is what the phantoms it alone blocked have made, `value_usd` what the desk made with
    it less what it made without it, over time in `values`. `progress` to a verdict is a share.
    """

    name: str
    kind: str
    mode: str
    asks: str
    blocked: int
    only_this: int
    net_usd: float
    selection_r: float | None
    value_usd: float | None
    value_r: float | None
    bar: Bar | None
    verdict: str
    verdict_kind: str
    standing: str
    sentence: str
    progress: float | None
    days: int
    values: list[tuple[str, float]]


class LimitsPanel(Struct, kw_only=True):
    """Rows with a headline; every bar is on an axis from −`axis_usd` to `axis_usd`."""

    watched: int
    decided: int
    best: str | None
    worst: str | None
    taken_usd: float | None
    blocked_usd: float | None
    axis_usd: float
    rows: list[LimitRow]


class Episode(Struct):
    """A signal that one limit alone blocked, and what its phantom made."""

    signal_id: int
    ts_ms: int
    bot: str
    coin: str
    side: str
    net_usd: float
    r: float | None
    reason: str | None


class LimitDetail(Struct):
    """One limit opened: its row, its newest episodes, the best and the worst of them."""

    row: LimitRow
    episodes: list[Episode]
    best: Episode | None
    worst: Episode | None


def limits_panel(db: Connection, bias_bps_max: float = 2.0) -> LimitsPanel:
    """Return every limit with the placebo last, then the rules."""
    found = report(db, by="filter", bias_bps_max=bias_bps_max)
    asks = {cls.name: cls.asks for cls in discover()}
    rows = [_row(db, found, row, asks) for row in (*found.rows, *found.rules)]
    judged = [row for row in rows if row.kind in ("decided", "undecided")]
    worth = [row for row in judged if row.kind == "decided" and row.value_usd]
    best = max(worth, key=lambda row: row.value_usd or 0.0, default=None)
    worst = min(worth, key=lambda row: row.value_usd or 0.0, default=None)
    return LimitsPanel(
        watched=len(judged),
        decided=sum(row.kind == "decided" for row in judged),
        best=best.name if best is not None and (best.value_usd or 0.0) > 0 else None,
        worst=worst.name if worst is not None and (worst.value_usd or 0.0) < 0 else None,
        taken_usd=found.taken_usd,
        blocked_usd=found.blocked_usd,
        axis_usd=axis_end(rows),
        rows=rows,
    )


def limit_detail(db: Connection, name: str) -> LimitDetail | None:
    """Return one limit opened, None where there is none of that name."""
    row = next((row for row in limits_panel(db).rows if row.name == name), None)
    if row is None:
        return None

    def episodes(order: str, limit: int) -> list[Episode]:
        cursor = db.execute(f"{_EPISODES} ORDER BY {order} LIMIT ?", (name, limit))
        return [
            Episode(
                found["signal_id"],
                found["ts_ns"] // NS_PER_MS,
                found["bot"],
                found["coin"],
                "long" if found["side"] == "buy" else "short",
                found["net_e6"] / 1e6,
                found["r"],
                why_closed(found["exit_reason"]) if found["exit_reason"] else None,
            )
            for found in named(cursor)
        ]

    best, worst = episodes("t.r DESC", 1), episodes("t.r", 1)
    newest = episodes("s.signal_id DESC", NEWEST)
    return LimitDetail(row, newest, best[0] if best else None, worst[0] if worst else None)


def axis_end(rows: list[LimitRow]) -> float:
    """Return where the axis of all bars ends: what is decided fits, or all where nothing is."""
    drawn = [row for row in rows if row.bar is not None]
    decided = [row for row in drawn if row.kind == "decided"]
    reach = max((_reach(row.bar) for row in decided or drawn if row.bar), default=1.0)
    power = 1.0
    while power * 10 < reach:
        power *= 10
    while power > reach:
        power /= 10
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= reach)


def _reach(bar: Bar) -> float:
    ends = (bar.at, bar.low, bar.high, bar.any_low, bar.any_high)
    return max(1e-6, *(abs(end) for end in ends if end is not None))


def _row(db: Connection, found: Report, row: ReportRow, asks: dict[str, str]) -> LimitRow:
    values = [(day, e6 / 1e6) for day, e6 in db.execute(_BY_DAY, (row.name, row.series))]
    summed = list(accumulate(usd for _, usd in values))
    days = [day for day, _ in values]
    r_usd = found.r_usd.get(row.series)
    rule = row.verdict == "NONE"
    decided = is_decided(row)
    return LimitRow(
        name=row.name,
        kind="rule"
        if rule
        else "placebo"
        if row.name == CONTROL
        else "decided"
        if decided
        else "undecided",
        mode=row.mode,
        asks=asks.get(row.name, ""),
        blocked=row.blocked,
        only_this=row.sole_blocked,
        net_usd=row.net_usd,
        selection_r=row.selection_r,
        value_usd=row.value_usd,
        value_r=None if r_usd is None or row.value_usd is None else row.value_usd / r_usd,
        bar=_bar(row, r_usd),
        verdict=row.verdict,
        verdict_kind=row.kind,
        standing=standing(row),
        sentence=row.sentence,
        progress=None if decided or rule else _progress(row),
        days=row.days,
        values=list(zip(days, summed, strict=True))[-VALUES_MAX:],
    )


def _bar(row: ReportRow, r_usd: float | None) -> Bar | None:
    """Return what a limit was worth in USD a day, None until that is shown."""
    if r_usd is None or row.value_r_per_day is None:
        return None
    if row.value_low is None or row.value_high is None:
        return None

    def usd(r: float | None) -> float | None:
        return None if r is None else r * r_usd

    return Bar(
        row.value_r_per_day * r_usd,
        row.value_low * r_usd,
        row.value_high * r_usd,
        usd(row.value_any_low),
        usd(row.value_any_high),
    )


def _progress(row: ReportRow) -> float:
    """Return how far a limit is to its verdict: to the days it takes, then at its pace."""
    if row.selection_low is None:
        return min((row.n_eff or 0.0) / DAYS_MIN, 1.0)
    if row.days_to_go is None:
        return 0.0
    return row.days / (row.days + row.days_to_go) if row.days else 0.0
