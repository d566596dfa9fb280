"""A coin: where trades began and ended, where signals were blocked, and how that ended."""

from __future__ import annotations

from sqlite3 import Connection

from msgspec import Struct

from daemon.views.coin import CoinChart
from daemon.views.trades import side_held
from market.events import NS_PER_MS

MARKS_MAX = 60

_MARKS = """
SELECT t.kind, t.side, t.bot, t.opened_ns, t.entry_px, t.closed_ns, t.exit_px, t.r, s.failing
FROM trade t LEFT JOIN signal s ON s.signal_id = t.signal_id
WHERE t.coin = ? AND t.opened_ns >= ? AND t.entry_px IS NOT NULL
  AND (t.kind IN ('paper', 'real') OR (t.kind = 'phantom' AND t.cause = 'block'))
ORDER BY t.trade_id DESC LIMIT ?
"""


class Mark(Struct, kw_only=True):
    """One trade or phantom on the chart; its end is null while it is open."""

    kind: str
    side: str
    bot: str
    from_ms: int
    from_px: float
    to_ms: int | None
    to_px: float | None
    r: float | None
    limits: list[str]


class CoinPanel(Struct, kw_only=True):
    """Candles `[start_ms, open, high, low, close]` with marks, lenses and the shape of returns.

    Without a running daemon there are no candles: they are not in the database.
    """

    coin: str
    coins: list[str]
    live: bool
    timeframe: str
    candles: list[tuple[int, float, float, float, float]]
    marks: list[Mark]
    lenses: list[tuple[str, float | None, float | None]]
    attractor: list[float]


def coin_panel(db: Connection, coin: str, coins: list[str], chart: CoinChart | None) -> CoinPanel:
    """Return the panel of a coin; `chart` is what a running daemon says of it."""
    since_ms = chart.candles[0][0] if chart is not None and chart.candles else 0
    return CoinPanel(
        coin=coin,
        coins=coins,
        live=chart is not None,
        timeframe="" if chart is None else chart.timeframe,
        candles=[] if chart is None else chart.candles,
        marks=[] if chart is None else _marks(db, coin, since_ms),
        lenses=_lenses(db, coin),
        attractor=[] if chart is None else chart.returns,
    )


def _marks(db: Connection, coin: str, since_ms: int) -> list[Mark]:
    found = db.execute(_MARKS, (coin, since_ms * NS_PER_MS, MARKS_MAX))
    return [
        Mark(
            kind="blocked" if kind == "phantom" else "taken",
            side=side_held(side),
            bot=bot,
            from_ms=opened // NS_PER_MS,
            from_px=entry_px,
            to_ms=None if closed is None else closed // NS_PER_MS,
            to_px=exit_px,
            r=r,
            limits=failing.split(",") if failing else [],
        )
        for kind, side, bot, opened, entry_px, closed, exit_px, r, failing in found
    ]


def _lenses(db: Connection, coin: str) -> list[tuple[str, float | None, float | None]]:
    newest = db.execute(
        "SELECT lens, value, null_rank, MAX(ts_ns) FROM lens WHERE coin = ? GROUP BY lens"
        " ORDER BY lens",
        (coin,),
    )
    return [(lens, value, rank) for lens, value, rank, _ in newest if lens != "surge"]
