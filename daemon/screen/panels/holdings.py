"""What do I hold? Open trades of the desk, then phantoms, each with its stop's distance."""

from __future__ import annotations

from math import log10

from rich.text import Text

from daemon.screen.columns import Column, heading, number, table
from daemon.screen.panels.strip import age
from daemon.screen.seen import Seen
from daemon.views.positions import HeldTrade
from daemon.views.trades import side_held

QUESTION = "What do I hold?"


def holdings(seen: Seen, width: int, height: int) -> list[Text]:
    """Return at most `height` lines: the heading, a head and a row a trade."""
    trades = [t for t in seen.held if t.kind != "phantom"]
    phantoms = [t for t in seen.held if t.kind == "phantom"]
    open_usd = sum(t.pnl_usd or 0.0 for t in trades)
    status = seen.status
    answer = (
        f"{len(trades)} trade{'s' * (len(trades) != 1)}"
        f" {number(open_usd, sign=True)} USD, {len(phantoms)} phantoms;"
        f" gross {number(status.gross_usd, 0)}, net {number(status.net_usd, 0, sign=True)} USD"
    )
    lines = [heading(QUESTION, answer, width, seen.glyphs.rule)]
    if not seen.held:
        return [*lines, Text("nothing is open", "dim")][:height]
    newest = sorted(trades, key=lambda t: t.age_s) + sorted(phantoms, key=lambda t: t.age_s)
    room = height - 2
    left = len(newest) - room
    shown = newest if left <= 0 else newest[: max(room - 1, 0)]
    lines += table(_columns(shown, seen.glyphs.phantom), width)
    if left > 0:
        lines.append(Text(f"{seen.glyphs.more} {len(newest) - len(shown)} more", "dim"))
    return lines[:height]


def _columns(trades: list[HeldTrade], mark: str) -> list[Column]:
    styles = ["dim" if t.kind == "phantom" else "" for t in trades]

    def cells(texts: list[str]) -> list[Text]:
        return [Text(text, style) for text, style in zip(texts, styles, strict=True)]

    profit = [
        Text(number(t.pnl_usd, sign=True), style or _style(t.pnl_usd))
        for t, style in zip(trades, styles, strict=True)
    ]
    return [
        Column(head="", cells=cells([mark if t.kind == "phantom" else " " for t in trades])),
        Column(head="bot", cells=cells([t.bot for t in trades]), words=True),
        Column(head="coin", cells=cells([t.coin for t in trades]), left=True),
        Column(head="side", cells=cells([side_held(t.side) for t in trades]), left=True, leaves=1),
        Column(head="size USD", cells=cells([_notional(t) for t in trades]), leaves=3),
        Column(head="entry", cells=cells([price(t.entry_px) for t in trades]), leaves=6),
        Column(head="mark", cells=cells([price(t.mark_px) for t in trades]), leaves=5),
        Column(head="P&L USD", cells=profit),
        Column(head="to stop bp", cells=cells([_to_stop(t) for t in trades]), leaves=2),
        Column(head="age", cells=cells([age(t.age_s) for t in trades]), leaves=4),
    ]


def _style(usd: float | None) -> str:
    return "" if not usd else "green" if usd > 0 else "red"


def _notional(t: HeldTrade) -> str:
    return number(t.size * (t.mark_px or t.entry_px), 0)


def _to_stop(t: HeldTrade) -> str:
    if t.mark_px is None:
        return "–"
    return number(abs(t.mark_px - t.stop_px) / t.mark_px * 1e4, 0)


def price(value: float | None) -> str:
    """Return a price with five significant digits, as the venue quotes them."""
    if value is None or value <= 0.0:
        return "–"
    return f"{value:,.{max(0, 4 - int(log10(value)) if value >= 1.0 else 5)}f}"
