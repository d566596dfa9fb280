"""What just happened? Fills, closes and blocked signals as one feed, the newest first."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Literal

from msgspec import Struct

from daemon.views.trades import side_held, trades
from market.events import NS_PER_MS
from shadow.store.query import blocked_signals

NEWEST = 60


class Happening(Struct, kw_only=True):
    """One thing that happened.

    `usd` is the notional of a fill and the net of a close, `limits` those that blocked, `words`
    what else there is to say in a line.
    """

    ts_ms: int
    kind: Literal["fill", "close", "block"]
    signal_id: int
    bot: str
    coin: str
    side: str
    usd: float | None = None
    px: float | None = None
    r: float | None = None
    limits: list[str]
    words: str


class FeedPanel(Struct):
    """The newest happenings."""

    events: list[Happening]


def feed_panel(db: Connection, limit: int = NEWEST) -> FeedPanel:
    """Return the newest happenings of all three kinds."""
    found = [
        Happening(
            ts_ms=signal.ts_ns // NS_PER_MS,
            kind="block",
            signal_id=signal.signal_id,
            bot=signal.bot,
            coin=signal.coin,
            side=side_held(signal.side),
            limits=signal.failing.split(","),
            words=signal.reason,
        )
        for signal in blocked_signals(db, limit=limit)
    ]
    for trade in trades(db, limit=limit):
        told = {
            "signal_id": trade.signal_id,
            "bot": trade.bot,
            "coin": trade.coin,
            "side": trade.side,
            "limits": [],
        }
        if trade.opened_ns:
            found.append(
                Happening(
                    ts_ms=trade.opened_ns // NS_PER_MS,
                    kind="fill",
                    usd=trade.notional_usd,
                    px=trade.entry_px,
                    words="filled",
                    **told,  # type: ignore[arg-type]
                )
            )
        if trade.closed_ns and trade.net_usd is not None:
            found.append(
                Happening(
                    ts_ms=trade.closed_ns // NS_PER_MS,
                    kind="close",
                    usd=trade.net_usd,
                    px=trade.exit_px,
                    r=trade.r,
                    words=trade.why or "",
                    **told,  # type: ignore[arg-type]
                )
            )
    return FeedPanel(sorted(found, key=lambda one: -one.ts_ms)[:limit])
