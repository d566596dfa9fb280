"""Which bots pay? The best and the worst by what their trades made, and whose fees exceed gross."""

from __future__ import annotations

from rich.text import Text

from daemon.screen.columns import Column, heading, number, table
from daemon.screen.seen import Seen
from daemon.views.money import Money

QUESTION = "Which bots pay?"


def bots(seen: Seen, width: int, height: int) -> list[Text]:
    """Return at most `height` lines: those that pay from above, those that do not from below."""
    glyphs = seen.glyphs
    rows = sorted(seen.books.bots if seen.books else [], key=lambda m: -m.net_usd)
    paying = sum(m.net_usd > 0 for m in rows)
    silent = len(seen.status.bots) - len(rows)
    answer = f"{paying} of {len(rows)}; {silent} have closed nothing" if rows else ""
    lines = [heading(QUESTION, answer, width, glyphs.rule)]
    if not rows:
        return [*lines, Text("no trade has closed yet", "dim")][:height]
    room = height - 2
    if len(rows) <= room:
        return [*lines, *table(_columns(rows, glyphs.warn), width)][:height]
    below = (room - 1) // 2
    above = max(room - 1 - below, 0)
    shown = rows[:above] + rows[len(rows) - below :]
    head, *body = table(_columns(shown, glyphs.warn), width)
    gap = Text(f"{glyphs.more} {len(rows) - len(shown)} more", "dim")
    return [*lines, head, *body[:above], gap, *body[above:]][:height]


def _columns(rows: list[Money], mark: str) -> list[Column]:
    return [
        Column(head="bot", cells=[Text(m.name) for m in rows], left=True),
        Column(head="trades", cells=[Text(number(m.trades, 0)) for m in rows], leaves=2),
        Column(head="net USD", cells=[_net(m.net_usd) for m in rows]),
        Column(
            head="fees USD", cells=[Text(number(m.fees_usd, sign=True)) for m in rows], leaves=4
        ),
        Column(head="mean R", cells=[Text(number(m.mean_r, sign=True)) for m in rows], leaves=3),
        Column(head="fees/gross", cells=[_share(m, mark) for m in rows], leaves=1),
    ]


def _net(usd: float) -> Text:
    return Text(number(usd, sign=True), "green" if usd > 0 else "red" if usd < 0 else "")


def _share(m: Money, mark: str) -> Text:
    """Return the share of fees in gross, marked where they eat all of it."""
    if m.fees_share is None:
        return Text(f"no gross {mark}", "yellow")
    if m.fees_share > 1.0:
        return Text(f"{m.fees_share:.1f}× {mark}", "yellow")
    return Text(f"{100 * m.fees_share:.0f} %  ")
