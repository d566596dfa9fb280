"""Why a signal was blocked or admitted, in lines short enough for a phone."""

from __future__ import annotations

from sqlite3 import Connection

from msgspec import Struct

from daemon.views.trades import side_held, why_closed
from daemon.views.why import TradeStory, Why, why
from shadow.store.tables.decisions import PASSED


class WhyPanel(Struct):
    """What the bot saw, what stood in its way, and what has become of it."""

    signal_id: int
    lines: list[str]


def why_panel(db: Connection, signal_id: int) -> WhyPanel | None:
    """Return a signal's story, None where there is no such signal."""
    found = why(db, signal_id)
    return None if found is None else WhyPanel(signal_id, _lines(found))


def _lines(found: Why) -> list[str]:
    s = found.signal
    stopping = [c for c in found.checks if c.outcome != PASSED]
    passed = len(found.checks) - len(stopping)
    lines = [
        f"{s.bot} wanted to go {side_held(s.side)} {s.coin} at {s.mid:.8g}: {s.reason}",
        f"Size {s.notional_e6 / 1e6:,.2f} USD, stop {s.stop_px:.8g}, horizon"
        f" {s.horizon_ns / 60e9:g} min",
    ]
    lines += [f"{c.filter}{' (observing)' * (c.mode == 'observe')}: {c.reason}" for c in stopping]
    if passed:
        lines.append(f"{passed} others let it through")
    if s.sole:
        lines.append(f"Only {s.sole} stopped it, so its phantom counts for that limit")
    elif s.failing:
        lines.append("Several limits stopped it, so none gets the credit")
    lines += [_fate(trade) for trade in found.trades if trade.kind != "twin"]
    return lines


def _fate(trade: TradeStory) -> str:
    what = "Its phantom" if trade.kind == "phantom" else "The trade"
    if trade.net_e6 is None:
        so_far = "" if trade.so_far_e6 is None else f", {trade.so_far_e6 / 1e6:+,.2f} USD so far"
        return f"{what} is {trade.status}{so_far}"
    r = "" if trade.r is None else f" ({trade.r:+.2f} R)"
    return f"{what} made {trade.net_e6 / 1e6:+,.2f} USD{r}: {why_closed(trade.exit_reason or '')}"
