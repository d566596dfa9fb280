"""What just happened? Fills, closes and blocked signals, the newest first."""

from __future__ import annotations

from msgspec import Struct
from rich.text import Text

from daemon.screen.columns import Column, heading, number, table
from daemon.screen.glyphs import Glyphs
from daemon.screen.panels.holdings import price
from daemon.screen.seen import Seen
from daemon.views.trades import ListedTrade, side_held
from shadow.store.query import BlockedSignal
from shadow.store.rows import second_of

QUESTION = "What just happened?"


class Happening(Struct):
    """One thing that happened: when, its sign, who on what, its money, and more in words."""

    ts_ns: int
    sign: str
    bot: str
    coin: str
    usd: Text
    what: Text


def happened(seen: Seen, width: int, height: int) -> list[Text]:
    """Return at most `height` lines: the heading and a row a fill, close or block."""
    lines = [heading(QUESTION, "", width, seen.glyphs.rule)]
    found = happenings(seen)[: max(height - 1, 0)]
    if not found:
        return [*lines, Text("no signal yet", "dim")][:height]
    columns = [
        Column(head="", cells=[Text(second_of(h.ts_ns)[11:16], "dim") for h in found], left=True),
        Column(head="", cells=[Text(h.sign) for h in found], left=True),
        Column(head="", cells=[Text(h.bot) for h in found], left=True),
        Column(head="", cells=[Text(h.coin) for h in found], left=True),
        Column(head="", cells=[h.usd for h in found]),
        Column(head="", cells=[h.what for h in found], words=True, least=12),
    ]
    return [*lines, *table(columns, width)[1:]][:height]


def happenings(seen: Seen) -> list[Happening]:
    """Return what the books know, the newest first."""
    books, glyphs = seen.books, seen.glyphs
    if books is None:
        return []
    found = [_blocked(signal, glyphs) for signal in books.blocked]
    found += [_filled(t, glyphs) for t in books.trades if t.opened_ns]
    found += [_closed(t, glyphs) for t in books.trades if t.closed_ns and t.net_usd is not None]
    return sorted(found, key=lambda h: -h.ts_ns)


def _blocked(s: BlockedSignal, glyphs: Glyphs) -> Happening:
    sign = glyphs.blocked_long if side_held(s.side) == "long" else glyphs.blocked_short
    first, *others = s.failing.split(",")
    more = f" +{len(others)}" if others else ""
    what = Text(f"by {first}{more}", "dim")
    return Happening(s.ts_ns, sign, s.bot, s.coin, Text(), what)


def _filled(t: ListedTrade, glyphs: Glyphs) -> Happening:
    sign = glyphs.long if t.side == "long" else glyphs.short
    usd = Text(f"{number(t.notional_usd, 0)} USD")
    return Happening(t.opened_ns or 0, sign, t.bot, t.coin, usd, Text(f"at {price(t.entry_px)}"))


def _closed(t: ListedTrade, glyphs: Glyphs) -> Happening:
    net = t.net_usd or 0.0
    usd = Text(f"{number(net, sign=True)} USD", "green" if net > 0 else "red" if net < 0 else "")
    what = Text(f"{number(t.r, sign=True)} R, {t.why}")
    return Happening(t.closed_ns or 0, glyphs.closed, t.bot, t.coin, usd, what)
