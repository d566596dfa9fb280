"""Command `gnomon pnl`."""

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
    offer,
    one_of,
    parse_span,
    pick_state,
    print_json,
    print_table,
)
from daemon.instance.database import reading

if TYPE_CHECKING:
    from daemon.views.money import Kind, Money


# Its place in `gnomon --help`.
RANK = 4
GROUPS = ("day", "bot", "division", "coin", "exit")
# On a narrow terminal these go first, by their places.
SPARE = (11, 9, 8, 10, 4, 5)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(pnl)


def pnl(
    by: Annotated[
        str,
        typer.Option(
            help="day, bot, division, coin or exit (why it closed).", autocompletion=offer(GROUPS)
        ),
    ] = "day",
    since: Annotated[str | None, typer.Option(help="Closed within this time, e.g. 7d.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Phantoms beside them.")] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Say what the trades that were taken made: price, fees, funding, and how they went.

    Example: gnomon pnl --by bot --since 7d
    """
    from daemon.cli.progress import waiting
    from daemon.views.money import money

    one_of(by, GROUPS, "--by")
    since_ns = 0 if since is None else time.time_ns() - int(parse_span(since) * 1e9)
    kinds: tuple[Kind, ...] = ("taken", "phantom") if shadow else ("taken",)
    where = pick_state(state, mode, config)
    rows: list[Money] = []
    totals: list[Money] = []
    if where is not None:
        with waiting("adding up the trades"), reading(where) as db:
            for kind in kinds:
                rows += money(db, by=by, kind=kind, since_ns=since_ns)  # type: ignore[arg-type]
                totals += money(db, kind=kind, since_ns=since_ns)
    if json_:
        print_json(rows)
    elif not rows:
        typer.echo(_nothing(where is None, since))
    else:
        _print(by, rows, totals, shadow=shadow)


def _nothing(fresh: bool, since: str | None) -> str:
    if fresh:
        return "no trades yet; `gnomon run` makes some"
    return "no trade has closed yet" if since is None else f"no trade has closed within {since}"


def _print(by: str, rows: list[Money], totals: list[Money], *, shadow: bool) -> None:
    """Print the slices, newest day or largest net first, and what they come to."""
    order = sorted(rows, key=lambda m: m.name if by == "day" else m.net_usd, reverse=True)
    head = ("why it closed" if by == "exit" else by, *(("trades of",) if shadow else ()))
    money_names = ("net USD", "price", "fees", "funding", "trades", "won")
    names = (*head, *money_names, "mean R", "held", "fees of gross", "drawdown")
    cells = [_cells(m, by, shadow) for m in [*order, *totals]]
    spare = [place + shadow - 1 for place in SPARE]
    print_table("", names, cells, left=len(head), spare=spare)


def _cells(m: Money, by: str, shadow: bool) -> tuple[object, ...]:
    from daemon.views.trades import why_closed

    name = "all" if not m.name else why_closed(m.name) if by == "exit" else m.name
    return (
        name,
        *((("taken" if m.kind == "taken" else "phantoms"),) if shadow else ()),
        usd(m.net_usd),
        usd(m.price_usd),
        usd(m.fees_usd),
        usd(m.funding_usd),
        m.trades,
        share(m.win_rate),
        number(m.mean_r, 2, sign=True),
        held(m.hold_s),
        share(m.fees_share) if m.fees_share is not None else "no gross",
        f"{m.drawdown_usd:,.2f}",
    )


def usd(value: float | None) -> str:
    """Return a change of money with its sign; nothing has none."""
    if value is None:
        return "–"
    text = f"{value:+,.2f}"
    return text[1:] if not text.strip("+-0.,") else text


def share(value: float | None) -> str:
    """Return a share as whole per cent."""
    return "–" if value is None else f"{100 * value:.0f} %"


def held(seconds: float | None) -> str:
    """Return how long a trade was held, in one unit."""
    if seconds is None:
        return "–"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}" if size > 60 else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
