"""Do I make money? Equity and its line, today's profit and loss, and what took its part."""

from __future__ import annotations

from rich.text import Text

from daemon.screen.columns import fit, number
from daemon.screen.glyphs import sparkline
from daemon.screen.seen import Seen
from daemon.views.money import Money

DAY_NS = 86_400 * 10**9


def money(seen: Seen, width: int, *, tall: bool) -> list[Text]:
    """Return the figures, the line of a day, and on a tall screen where today came from."""
    status, books = seen.status, seen.books
    change = status.equity_usd - status.day_start_usd
    cells = [
        Text(f"{number(status.equity_usd)} USD", "bold"),
        _signed("today", change),
    ]
    if books is not None:
        week = books.week
        cells.append(_signed("7 days, closed", week.net_usd if week else None))
        fall = books.equity.fall_usd
        if fall is not None and books.equity.peak_usd:
            share = number(-100 * fall / books.equity.peak_usd, sign=True)
            cells.append(Text(f"from the day's peak {share} %"))
        made = books.phantoms
        if made is not None:
            blocked = number(made.net_usd, sign=True)
            cells.append(Text(f"phantoms {blocked} USD", "dim"))
    lines = [_joined(cells, width)]
    if books is not None:
        lines += _line(seen, width)
        if tall:
            lines.append(fit(_parts(books.today), width))
    return lines


def _joined(cells: list[Text], width: int) -> Text:
    """Return as many cells as fit whole, the first ones first."""
    kept = list(cells)
    while len(kept) > 1 and sum(c.cell_len for c in kept) + 3 * (len(kept) - 1) >= width:
        kept.pop()
    return Text.assemble(" ", Text("   ").join(kept), no_wrap=True)


def _line(seen: Seen, width: int) -> list[Text]:
    assert seen.books is not None
    equity = seen.books.equity
    if not equity.times_ns:
        return [Text(" equity: its first point is a minute away", "dim")]
    spanned = (equity.times_ns[-1] - equity.times_ns[0]) / DAY_NS
    said = "24 h, USD" if spanned > 0.9 else f"{max(round(spanned * 1440), 1)} min, USD"
    drawn = sparkline(equity.equity_usd, width - len(said) - 4, seen.glyphs.bars)
    return [Text.assemble(" ", (drawn, "blue"), "  ", (said, "dim"), no_wrap=True)]


def _parts(today: Money | None) -> Text:
    if today is None:
        return Text(" today: no trade has closed yet", "dim")
    won = f"{100 * (today.win_rate or 0.0):.0f} % won"
    said = (
        f" today: price {number(today.price_usd, sign=True)}   fees"
        f" {number(today.fees_usd, sign=True)}   funding {number(today.funding_usd, sign=True)}"
        f"   {today.trades} closed, {won}"
    )
    gross = today.fees_share
    return Text(f"{said}   fees {100 * gross:.0f} % of gross" if gross is not None else said, "dim")


def _signed(name: str, usd: float | None) -> Text:
    style = "" if not usd else "green" if usd > 0 else "red"
    return Text.assemble(f"{name} ", (number(usd, sign=True), style))
