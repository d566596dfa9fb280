"""Command `gnomon trades`."""

from __future__ import annotations

from difflib import get_close_matches
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
)
from daemon.cli.pnl import held, usd
from daemon.instance.database import reading

if TYPE_CHECKING:
    import sqlite3

    from daemon.views.trades import ListedTrade


# Its place in `gnomon --help`.
RANK = 5
INTEGER_MAX = 2**63 - 1


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(trades)


def trades(
    open_: Annotated[bool, typer.Option("--open", help="Only open ones.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Only closed ones.")] = False,
    bot: Annotated[str | None, typer.Option(help="Only this bot.")] = None,
    coin: Annotated[str | None, typer.Option(help="Only this coin.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows shown, newest first.")] = 20,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List the trades that were taken, newest first, with what each made and why it closed.

    Example: gnomon trades --closed --bot donchian
    """
    from daemon.views.trades import trades as listed

    if open_ and closed:
        raise typer.BadParameter("--open and --closed leave nothing; without both, all are shown")
    where = pick_state(state, mode, config)
    rows: list[ListedTrade] = []
    none = "no trades yet; `gnomon run` makes some"
    if where is not None:
        with reading(where) as db:
            wanted = True if open_ else False if closed else None
            rows = listed(db, open_=wanted, bot=bot, coin=coin, limit=min(limit, INTEGER_MAX))
            if not rows:
                none = _nothing(db, open_=open_, bot=bot, coin=coin)
    if json_:
        print_json(rows)
    elif not rows:
        typer.echo(none)
    else:
        size = ("size USD", "entry", "exit", "net USD", "price", "fees", "funding")
        names = (
            "trade",
            "decided, UTC",
            "bot",
            "coin",
            "side",
            *size,
            "R",
            "held",
            "why it closed",
        )
        spare = (0, 11, 10, 9, 7, 6, 5, 13, 1)
        print_table("", names, [_cells(row) for row in rows], left=5, words=1, spare=spare)


def _nothing(db: sqlite3.Connection, *, open_: bool, bot: str | None, coin: str | None) -> str:
    """Return words for an empty list; raises BadParameter for a name that never traded."""
    from daemon.views.trades import traded

    for value, column in ((bot, "bot"), (coin, "coin")):
        known = traded(db, column)  # type: ignore[arg-type]
        if value is not None and value not in known:
            near = get_close_matches(value, known, n=3, cutoff=0.4) or known
            said = f"; did you mean {', '.join(near)}?" if near else ""
            raise typer.BadParameter(f"no trade of {value!r}{said}", param_hint=f"--{column}")
    named = " and ".join(value for value in (bot, coin) if value)
    which = "no trade is open" if open_ else "no trade has closed yet"
    return f"{which} of {named}" if named else which


def _cells(t: ListedTrade) -> tuple[object, ...]:
    from shadow.store.rows import second_of

    waits = "waits for a funding rate" if t.closed_ns else t.status
    return (
        t.trade_id,
        second_of(t.decided_ns)[5:19].replace("T", " "),
        t.bot,
        t.coin,
        t.side,
        "–" if t.notional_usd is None else f"{t.notional_usd:,.0f}",
        price(t.entry_px),
        price(t.exit_px),
        usd(t.net_usd),
        usd(t.price_usd),
        usd(t.fees_usd),
        usd(t.funding_usd),
        number(t.r, 2, sign=True),
        held(t.hold_s),
        t.why or waits,
    )


def price(px: float | None) -> str:
    """Return a price as the venue would quote it."""
    return "–" if px is None else f"{px:.8g}"
