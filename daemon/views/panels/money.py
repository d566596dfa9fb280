"""Do I make money? Equity over a day, a week and all, and where the profit came from."""

from __future__ import annotations

from sqlite3 import Connection

from msgspec import Struct

from daemon.views.at_rest import kept
from daemon.views.money import Money, equity_line, money
from daemon.views.panels.settings import settings_of
from market.desk import Desk
from market.events import NS_PER_MS

NS_PER_DAY = 86_400 * 10**9
SPANS = {"day": NS_PER_DAY, "week": 7 * NS_PER_DAY, "all": 0}
POINTS = 300


class Line(Struct):
    """Equity in USD at times in ms; `fall_usd` is how far the end is below the stretch's peak."""

    times_ms: list[int]
    equity_usd: list[float]
    peak_usd: float | None
    fall_usd: float | None
    drawdown_usd: float | None


class Loss(Struct):
    """Losses as shares against their limits: of the day, and from the highest equity."""

    day_share: float
    day_share_max: float
    peak_share: float
    peak_share_max: float


class MoneyPanel(Struct, kw_only=True):
    """Money of the desk in USD; None where nothing has closed, or no desk was ever committed.

    `days` is how many days the equity reaches back, `r_usd` what a trade risks: the median of the
    newest 200 that have closed.
    """

    ranges: dict[str, Line]
    today: Money | None
    week: Money | None
    all: Money | None
    days: float
    start_usd: float | None
    day_start_usd: float | None
    peak_usd: float | None
    loss: Loss | None
    r_usd: float | None


def money_panel(db: Connection, now_ns: int) -> MoneyPanel:
    """Return the panel at a time: today is from 00:00 UTC, the week the last seven days."""
    desk = kept(db, "desk", Desk)
    first = db.execute("SELECT MIN(ts_ns) FROM equity").fetchone()[0]

    def whole_of(since_ns: int) -> Money | None:
        return next(iter(money(db, since_ns=since_ns)), None)

    return MoneyPanel(
        ranges={name: _line(db, now_ns - span if span else 0) for name, span in SPANS.items()},
        today=whole_of(now_ns - now_ns % NS_PER_DAY),
        week=whole_of(now_ns - 7 * NS_PER_DAY),
        all=whole_of(0),
        days=0.0 if first is None else max(now_ns - first, 0) / NS_PER_DAY,
        start_usd=None if desk is None else desk.start_e6 / 1e6,
        day_start_usd=None if desk is None else desk.day_start_e6 / 1e6,
        peak_usd=None if desk is None else desk.peak_e6 / 1e6,
        loss=None if desk is None else loss_of(db, desk),
        r_usd=_usual_risk(db),
    )


def loss_of(db: Connection, desk: Desk) -> Loss:
    """Return how much of each loss limit is used up."""
    limits = settings_of(db).gate.drawdown

    def share(from_e6: int) -> float:
        return max((from_e6 - desk.equity_e6) / from_e6, 0.0) if from_e6 > 0 else 0.0

    return Loss(
        share(desk.day_start_e6),
        limits.daily_loss_share_max,
        share(desk.peak_e6),
        limits.peak_loss_share_max,
    )


def _line(db: Connection, since_ns: int) -> Line:
    found = equity_line(db, since_ns=since_ns, points=POINTS)
    times_ms = [ns // NS_PER_MS for ns in found.times_ns]
    return Line(times_ms, found.equity_usd, found.peak_usd, found.fall_usd, found.drawdown_usd)


def _usual_risk(db: Connection) -> float | None:
    """Return the median risk of the newest closed trades, of the newest few thousand rows."""
    risks = sorted(
        risk
        for (risk,) in db.execute(
            "SELECT risk_e6 FROM (SELECT kind, status, risk_e6 FROM trade"
            " ORDER BY trade_id DESC LIMIT 5000)"
            " WHERE kind IN ('paper', 'real') AND status = 'closed' AND risk_e6 > 0 LIMIT 200"
        )
    )
    return risks[len(risks) // 2] / 1e6 if risks else None
