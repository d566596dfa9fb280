"""Drawing of a running daemon's status on the terminal, until it is gone."""

from __future__ import annotations

import os
import select
import sys
import time

import msgspec
from rich.console import Console, ConsoleDimensions, Group
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from daemon.instance import control
from daemon.instance.paths import StateDir
from daemon.screen.terminal import for_drawing
from daemon.views.status import STREAMS, RunningStatus
from market.errors import VenueUnreachable
from market.text import visible_within
from shadow.store.rows import second_of

REFRESH_S = 0.5
STALE_MS = 2_000
# A terminal smaller than this gets fewer columns and fewer signals.
WIDE, TALL = 130, 36


def draw_until_gone(state: StateDir, *, follow_parent: bool) -> None:
    """Draw twice a second; end when the daemon does, or when the parent closes our input."""
    console = Console(file=for_drawing())
    with Live(
        Text("waiting for the daemon…"), console=console, screen=True, auto_refresh=False
    ) as live:
        misses = 0
        while True:
            try:
                status = control.ask(state.socket, control.Request("status"), RunningStatus)
                misses = 0
                live.update(screen(status, console.size), refresh=True)
            except VenueUnreachable:
                misses += 1
                if misses > 20 or (misses > 3 and not follow_parent):
                    return
            if _told_to_leave(follow_parent):
                return


def _told_to_leave(follow_parent: bool) -> bool:
    if not follow_parent:
        time.sleep(REFRESH_S)
        return False
    readable, _, _ = select.select([sys.stdin], [], [], REFRESH_S)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1)


def screen(status: RunningStatus, size: ConsoleDimensions) -> Layout:
    """Return the whole screen of a status, as much of it as fits."""
    # Reasons and names come from outside, and the terminal obeys what is drawn.
    status = msgspec.convert(visible_within(msgspec.to_builtins(status)), RunningStatus)
    wide, tall = size.width >= WIDE, size.height >= TALL
    newest = 8 if tall else 3
    layout = Layout()
    layout.split_column(
        Layout(_head(status), size=5),
        Layout(name="body"),
        Layout(_recent(status, newest), size=newest + 2),
        Layout(_foot(status), size=3),
    )
    layout["body"].split_row(
        Layout(_feeds(status, STREAMS if wide else STREAMS[:1]), ratio=5),
        Layout(_gate(status, wide), ratio=3),
        Layout(_trades(status, wide), ratio=4),
    )
    return layout


def _head(s: RunningStatus) -> Panel:
    change = s.equity_usd - s.start_usd
    style = "green" if change >= 0 else "red"
    state = Text.assemble(
        ("READY" if s.ready else "WARMING UP", "bold green" if s.ready else "bold yellow"),
        f"  {s.mode}  up {_span(s.uptime_s)}  {second_of(s.now_ns)}  ",
        ("feed up" if s.connected else "FEED DOWN", "green" if s.connected else "bold red"),
    )
    for who, why in s.halts.items():
        state.append(f"  HALTED by {who}: {why}", "bold red")
    if s.latched:
        state.append(f"  LATCHED: {s.latched}", "bold red")
    money = Text.assemble(
        "equity ",
        (f"{s.equity_usd:,.2f} USD", "bold"),
        (f" ({change:+,.2f})", style),
        f"   exposure gross {s.gross_usd:,.0f} net {s.net_usd:+,.0f}",
    )
    counts = Text.assemble(
        f"{s.seq:,} events   signals {s.signals}   ",
        (f"{s.admitted} admitted", "green"),
        "   ",
        (f"{s.blocked} blocked", "yellow"),
        f"   phantoms {s.open_phantoms} open of {s.phantoms}   alarms {s.alarms}",
    )
    return Panel(Group(state, money, counts), title="gnomon", title_align="left")


def _feeds(s: RunningStatus, ages: tuple[str, ...]) -> Panel:
    table = Table(box=None, expand=True, pad_edge=False)
    table.add_column("coin")
    wide = ages == STREAMS
    for name in ("bid", "ask", "bps", *ages) if wide else ("bid", "bps", *ages):
        table.add_column(name, justify="right")
    for feed in s.feeds:
        late = [
            Text("dead", "red") if name in feed.dead else _age(feed.ages_ms.get(name), name)
            for name in ages
        ]
        spread = "–" if feed.spread_bps is None else f"{feed.spread_bps:.1f}"
        coin = Text(feed.coin, "bold" if feed.ok else "red")
        prices = [f"{getattr(feed, side):g}" for side in (("bid", "ask") if wide else ("bid",))]
        table.add_row(coin, *prices, spread, *late)
    return Panel(table, title="feeds: age of each stream", title_align="left")


def _age(ms: int | None, stream: str) -> Text:
    if ms is None:
        return Text("–", "dim")
    late = ms > (3 * STALE_MS if stream in ("slow", "trades", "bbo") else STALE_MS)
    return Text(f"{ms / 1000:.1f}s", "yellow" if late else "green")


def _gate(s: RunningStatus, wide: bool) -> Panel:
    table = Table(box=None, expand=True, pad_edge=False)
    table.add_column("filter")
    if wide:
        table.add_column("mode")
    table.add_column("blocked", justify="right")
    for name, mode in s.filters.items():
        count = s.blocked_by.get(name, 0)
        blocked = Text(str(count), "yellow" if count else "dim")
        table.add_row(*((name, mode) if wide else (name,)), blocked)
    return Panel(table, title="gate", title_align="left")


def _trades(s: RunningStatus, wide: bool) -> Panel:
    table = Table(box=None, expand=True, pad_edge=False)
    table.add_column("bot", no_wrap=True)
    for name in ("coin", "side") if wide else ("coin",):
        table.add_column(name, no_wrap=True, min_width=4)
    table.add_column("mark", justify="right", no_wrap=True, min_width=6)
    for trade in s.open_trades[:20]:
        mark = trade.mark_usd
        style = "green" if mark >= 0 else "red"
        deal = (trade.bot, trade.coin, trade.side)
        table.add_row(*(deal if wide else deal[:2]), Text(f"{mark:+.2f}", style))
    open_, phantoms = len(s.open_trades), s.open_phantoms
    title = f"open trades ({open_}), phantoms ({phantoms})" if wide else f"open trades ({open_})"
    return Panel(table, title=title, title_align="left")


def _recent(s: RunningStatus, newest: int) -> Panel:
    lines = []
    for signal in s.recent[-newest:]:
        blocked = signal.verdict == "blocked"
        lines.append(
            Text.assemble(
                (second_of(signal.ts_ns)[11:19] + " ", "dim"),
                (f"{signal.verdict:<9}", "yellow" if blocked else "green"),
                f"{signal.bot:<18}{signal.coin:<6}{signal.side:<5}",
                (f"{signal.failing}  " if blocked else "", "yellow"),
                (signal.reason, "dim"),
                overflow="ellipsis",
                no_wrap=True,
            )
        )
    return Panel(Group(*lines), title="newest signals", title_align="left")


def _foot(s: RunningStatus) -> Panel:
    idle = f"   idle bots: {', '.join(s.idle_bots)}" if s.idle_bots else ""
    faulted = [name for name, bot in s.bots.items() if bot.fault]
    broken = f"   FAULTED: {', '.join(faulted)}" if faulted else ""
    text = Text(f"database {s.database}{idle}{broken}   Ctrl-C stops", no_wrap=True)
    return Panel(text)


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
