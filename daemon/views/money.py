"""Money of the trades that were taken, beside that of the phantoms of those that were blocked.

A trade counts once its money is final, on the time it closed. Net is price less fees less funding,
to the micro-dollar: the parts are summed up apart and the net is made of them.
"""

from __future__ import annotations

import sqlite3
from typing import Literal, cast

from msgspec import Struct

from shadow.store.tables.shortfalls import is_paid

By = Literal["day", "bot", "division", "coin", "exit"]
Kind = Literal["taken", "phantom"]

LATEST_NS = 2**63 - 1
# Of an episode that was admitted after all, its phantom counts all the same: it was blocked once.
_TAKEN = is_paid("t")
_PHANTOM = (
    "t.kind = 'phantom' AND t.cause = 'block' AND t.status = 'closed' AND t.net_e6 IS NOT NULL"
)
_NAME = {
    "": "''",
    "day": "date(t.closed_ns / 1000000000, 'unixepoch')",
    "bot": "t.bot",
    "division": "t.division",
    "coin": "t.coin",
    "exit": "t.exit_reason",
}


class Money(Struct, kw_only=True):
    """Profit and loss of closed trades of one kind, in USD; `name` is "" for all of them.

    `net_usd` = `price_usd` + `fees_usd` + `funding_usd`: what was paid has a minus. Null where
    there is nothing to divide by: `win_rate` and `fees_share` are shares, `fees_share` of the
    price profit, null when that is not above zero; `hold_s` and `mean_r` are means a trade.
    `drawdown_usd` is the deepest fall of the summed net, trade after trade.
    """

    name: str
    kind: Kind
    trades: int = 0
    net_usd: float = 0.0
    price_usd: float = 0.0
    fees_usd: float = 0.0
    funding_usd: float = 0.0
    win_rate: float | None = None
    mean_r: float | None = None
    hold_s: float | None = None
    fees_share: float | None = None
    drawdown_usd: float = 0.0


def money(
    db: sqlite3.Connection,
    *,
    by: By | Literal[""] = "",
    kind: Kind = "taken",
    since_ns: int = 0,
    until_ns: int | None = None,
) -> list[Money]:
    """Return the slices of what closed in [since, until), by name; of all of it one or none."""
    which = _TAKEN if kind == "taken" else _PHANTOM
    window = "t.closed_ns >= :since AND t.closed_ns < :until"
    where = f"FROM trade t WHERE {which} AND {window}"
    values = {"since": since_ns, "until": LATEST_NS if until_ns is None else until_ns}
    falls = _drawdowns(
        db.execute(f"SELECT {_NAME[by]}, t.net_e6 {where} ORDER BY t.closed_ns, t.trade_id", values)
    )
    rows = db.execute(
        f"SELECT {_NAME[by]} AS name, COUNT(*), SUM(t.gross_e6), SUM(t.fees_e6), SUM(t.funding_e6),"
        f" AVG(t.net_e6 > 0), AVG(t.r), AVG(t.closed_ns - t.opened_ns) {where}"
        + (" GROUP BY name ORDER BY name" if by else ""),
        values,
    )
    return [_money(kind, row, falls) for row in rows if row[1]]


def _drawdowns(rows: sqlite3.Cursor) -> dict[str, int]:
    """Return, by name, how far the running sum of nets fell below its highest, in micro-USDC."""
    sums: dict[str, tuple[int, int, int]] = {}
    for name, net in rows:
        running, peak, fall = sums.get(name, (0, 0, 0))
        running += net
        peak = max(peak, running)
        sums[name] = (running, peak, max(fall, peak - running))
    return {name: fall for name, (_, _, fall) in sums.items()}


def _money(kind: Kind, row: tuple[object, ...], falls: dict[str, int]) -> Money:
    name, trades, gross, fees, funding, won, r, held_ns = row
    gross, fees, funding = cast("int", gross), cast("int", fees), cast("int", funding)
    held_ns = cast("float | None", held_ns)
    return Money(
        name=str(name),
        kind=kind,
        trades=cast("int", trades),
        net_usd=(gross - fees - funding) / 1e6,
        price_usd=gross / 1e6,
        fees_usd=-fees / 1e6,
        funding_usd=-funding / 1e6,
        win_rate=cast("float | None", won),
        mean_r=cast("float | None", r),
        hold_s=None if held_ns is None else held_ns / 1e9,
        fees_share=fees / gross if gross > 0 else None,
        drawdown_usd=falls[str(name)] / 1e6,
    )


class EquityLine(Struct):
    """Equity in USD over a stretch, at most so many points, and what it fell on the way.

    `times_ns` are ends of minutes. `peak_usd` is the highest equity of the stretch, `fall_usd` how
    far the last one is below it, `drawdown_usd` the deepest fall from a peak; each minute counts.
    """

    times_ns: list[int]
    equity_usd: list[float]
    peak_usd: float | None
    fall_usd: float | None
    drawdown_usd: float | None


def equity_line(
    db: sqlite3.Connection, *, since_ns: int = 0, until_ns: int | None = None, points: int = 300
) -> EquityLine:
    """Return the desk's equity from a time on, as it stood at the end of each share of it."""
    values = {"since": since_ns, "until": LATEST_NS if until_ns is None else until_ns}
    times: list[int] = []
    equity: list[int] = []
    peak = fall = 0
    for ts_ns, equity_e6 in db.execute(
        "SELECT ts_ns, equity_e6 FROM equity WHERE ts_ns >= :since AND ts_ns < :until"
        " ORDER BY ts_ns",
        values,
    ):
        times.append(ts_ns)
        equity.append(equity_e6)
        peak = equity_e6 if len(equity) == 1 else max(peak, equity_e6)
        fall = max(fall, peak - equity_e6)
    if not equity:
        return EquityLine([], [], None, None, None)
    shown = min(points, len(equity))
    picked = [(at + 1) * len(equity) // shown - 1 for at in range(shown)]
    return EquityLine(
        [times[at] for at in picked],
        [equity[at] / 1e6 for at in picked],
        peak / 1e6,
        (peak - equity[-1]) / 1e6,
        fall / 1e6,
    )
