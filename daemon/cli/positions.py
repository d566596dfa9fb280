"""Command `gnomon positions`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    number,
    pick_state,
    print_json,
    print_table,
    say,
)
from daemon.cli.control import halted_lines, running
from daemon.instance.control import Refused, Request
from daemon.instance.database import reading

if TYPE_CHECKING:
    from daemon.instance.paths import StateDir
    from daemon.views.positions import HeldTrade, Positions


# Its place in `gnomon --help`.
RANK = 3


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(positions)


def positions(
    phantoms: Annotated[bool, typer.Option("--phantoms", help="Open phantoms too.")] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show open trades and the net position per coin, running or not.

    Example: gnomon positions --phantoms
    """
    from daemon.views.positions import at_rest, none

    where = pick_state(state, mode, config)
    if where is None:
        found = none(time.time_ns())
    else:
        answer = _asked(where, phantoms=phantoms)
        if answer is None:
            with reading(where) as db:
                answer = at_rest(db, where.folder, time.time_ns(), phantoms=phantoms)
        found = answer
    if json_:
        print_json(found)
    else:
        _print(found)


def _asked(where: StateDir, *, phantoms: bool) -> Positions | None:
    """Return what a running daemon says, None where nobody answers."""
    from daemon.views.positions import Positions

    try:
        return running(where, Request("positions", phantoms=phantoms), Positions)
    except Refused as refusal:
        # It was started before this command existed.
        say(f"the daemon says: {refusal}; what follows is from its database")
        return None


def _print(found: Positions) -> None:
    if found.mode is None:
        typer.echo("never started; `gnomon run` begins")
        return
    if not found.running:
        typer.echo("from the database, as no daemon answers: marks and open P&L are unknown")
    for who, why in found.halts.items():
        typer.echo(f"HALTED by {who}: {why}")
    for line in halted_lines(found.halted):
        typer.echo(line)
    if found.latched:
        typer.echo(f"LATCHED: {found.latched}")
    if found.pending:
        typer.echo(f"waiting for their entry: {found.pending}")
    if not found.trades:
        typer.echo(f"{found.mode}: nothing is open")
        return
    names = ("trade", "kind", "bot", "coin", "side", "size", "entry", "mark", "P&L USD", "age")
    rows = [_cells(row) for row in found.trades]
    print_table("", (*names, "stop", "target", ""), rows, left=5)
    held = [
        (c.coin, f"{c.size:+.8g}", _px(c.mark_px), number(c.notional_usd, 2, sign=True),
         number(c.pnl_usd, 2, sign=True), c.trades)
        for c in found.coins
    ]  # fmt: skip
    if held:
        print_table("", ("net", "size", "mark", "USD", "P&L USD", "trades"), held)


def _cells(t: HeldTrade) -> tuple[object, ...]:
    leaving = f"leaving by {t.exit_reason}" if t.status == "exiting" else ""
    return (
        t.trade_id,
        t.kind if t.cause != "clamp" else "clamped",
        t.bot,
        t.coin,
        t.side,
        f"{t.size:.8g}",
        _px(t.entry_px),
        _px(t.mark_px),
        number(t.pnl_usd, 2, sign=True),
        _age(t.age_s),
        _px(t.stop_px),
        _px(t.target_px),
        leaving,
    )


def _px(px: float | None) -> str:
    return "–" if px is None else f"{px:.8g}"


def _age(seconds: float) -> str:
    """Return a time in its two largest units, e.g. 2d 03h, 1h 05m, 4m 09s."""
    whole = int(seconds)
    if whole >= 86_400:
        return f"{whole // 86_400}d {whole % 86_400 // 3600:02d}h"
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 60}m {whole % 60:02d}s"
