"""Commands `gnomon shadow report`, `shadow list` and `why`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    load_config,
    number,
    offer,
    one_of,
    pick_state,
    print_json,
    print_table,
)
from daemon.cli.shadow.explain import explain
from daemon.cli.shadow.idle import explain_idle
from daemon.cli.shadow.window import GROUPS, since_day
from daemon.instance.database import reading, reading_file

if TYPE_CHECKING:
    from daemon.instance.paths import StateDir
    from shadow.report.report import Report
    from shadow.store.query import BlockedSignal

app = typer.Typer(help="What the gate's refusals would have earned.", no_args_is_help=True)

FORMATS = ("table", "json", "csv", "parquet", "html")
SERIES = ("current", "all")
# The largest number SQLite can be asked about.
INTEGER_MAX = 2**63 - 1


def register(parent: typer.Typer) -> None:
    """Add these commands, and `why` and `explain` beside them."""
    parent.add_typer(app, name="shadow")
    parent.command()(why)
    parent.command()(explain)


@app.command()
def report(
    by: Annotated[
        str, typer.Option(help=", ".join(GROUPS), autocompletion=offer(GROUPS))
    ] = "filter",
    since: Annotated[str | None, typer.Option(help="Only days within this time, e.g. 7d.")] = None,
    series: Annotated[
        str,
        typer.Option(
            help="current, or all: a limit's older series too.", autocompletion=offer(SERIES)
        ),
    ] = "current",
    wide: Annotated[bool, typer.Option("--wide", help="Tails and comparisons too.")] = False,
    db: Annotated[
        list[Path] | None,
        typer.Option("--db", help="A database file; several are read together, each by itself."),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help=", ".join(FORMATS), autocompletion=offer(FORMATS)),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to a file (parquet needs it).")] = None,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Say of each limit whether it protects or restricts, with what would have shown it.

    Example: gnomon shadow report --by filter --since 30d
    """
    from daemon.cli.progress import waiting
    from daemon.cli.shadow.report_files import Titled, write
    from shadow.report.report import empty
    from shadow.report.report import report as make_report

    chosen = "json" if json_ else format_ or "table"
    one_of(by, GROUPS, "--by")
    one_of(chosen, FORMATS, "--format")
    one_of(series, SERIES, "--series")
    from_day = since_day(since)
    limit = load_config(config, system=True).shadow.bias_bps_max

    def of(found: sqlite3.Connection) -> Report:
        return make_report(
            found,
            by=by,  # type: ignore[arg-type]
            since=from_day,
            bias_bps_max=limit,
            everything=series == "all",
        )

    reports = []
    if db:
        for path, server in zip(db, _servers(db), strict=True):
            with reading_file(path) as found, waiting(f"reading {path.name}"):
                reports.append(Titled(of(found), f"{server}: {path}", server))
    elif (where := pick_state(state, mode, config)) is None:
        reports.append(Titled(empty(by, from_day), "no database yet"))  # type: ignore[arg-type]
    else:
        with reading(where) as found, waiting("reading the database"):
            reports.append(Titled(of(found), f"{where.folder}: {where.database}", where.folder))
    write(reports, chosen, out, wide=wide)


def _servers(paths: list[Path]) -> list[str]:
    """Return a name for each database: the shortest end of its folder that no other has."""
    parts = [path.resolve().parent.parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _nothing(db: sqlite3.Connection, filter_: str | None, coin: str | None) -> str:
    """Return words for an empty list; raises BadParameter for a filter that never was."""
    from market.decision import STAGE
    from risk.filter import filter_names
    from shadow.store.query import coins_seen, filters_seen

    if filter_ is not None and filter_ not in (known := filters_seen(db)):
        one_of(filter_, tuple(sorted({*known, *filter_names(), STAGE})), "--filter")
    if coin is None:
        return "no blocked signals"
    others = ", ".join(coins_seen(db))
    return f"no blocked signals of {coin}" + (f"; there are signals of {others}" if others else "")


@app.command("list")
def list_(
    open_: Annotated[bool, typer.Option("--open", help="Only open phantoms.")] = False,
    filter_: Annotated[str | None, typer.Option("--filter", help="Blocked by this filter.")] = None,
    coin: Annotated[str | None, typer.Option(help="Only this coin.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows shown, newest first.")] = 50,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List blocked signals with what their phantoms have earned.

    Example: gnomon shadow list --open --filter direction
    """
    from shadow.store.query import blocked_signals
    from shadow.store.rows import second_of

    where = pick_state(state, mode, config)
    rows: list[BlockedSignal] = []
    none = "no blocked signals"
    if where is not None:
        with reading(where) as db:
            rows = blocked_signals(
                db,
                only_open=open_,
                filter_=filter_,
                coin=coin,
                limit=min(limit, INTEGER_MAX),
            )
            if not rows:
                none = _nothing(db, filter_, coin)
    if json_:
        print_json(rows)
        return
    if not rows:
        typer.echo(none)
        return
    cells = [
        (
            r.signal_id,
            second_of(r.ts_ns),
            r.bot,
            r.coin,
            r.side,
            r.failing,
            r.status or "–",
            r.exit_reason or "–",
            number(r.net_e6 / 1e6 if r.net_e6 is not None else None, 2, sign=True),
            number(r.r, 2, sign=True),
            r.repeats if r.repeats is not None else "–",
        )
        for r in rows
    ]
    names = ("signal", "when", "bot", "coin", "side", "blocked by", "phantom", "exit", "net USD")
    print_table("", (*names, "R", "repeats"), cells, left=8, spare=(10, 7, 1, 6, 4))


def why(
    what: Annotated[
        str | None, typer.Argument(metavar="[SIGNAL_ID]", help="A signal's number; a bot's name.")
    ] = None,
    idle: Annotated[
        bool, typer.Option("--idle", help="Why nothing trades: of all bots, or of the one named.")
    ] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Explain one signal: what the bot saw, every check, and what has become of it.

    With --idle it says why nothing trades, as a ladder from the feed to the fills.

    Example: gnomon why 1325568
    """
    where = pick_state(state, mode, config)
    if idle:
        explain_idle(where, what or "", json_=json_)
    elif what is None or not what.lstrip("-").isdecimal():
        raise typer.BadParameter(
            "a signal's number, as `gnomon shadow list` shows them; of a bot that does not trade "
            "`gnomon why --idle BOT`",
            param_hint="SIGNAL_ID",
        )
    else:
        _explain(where, int(what), json_=json_)


def _explain(where: StateDir | None, signal_id: int, *, json_: bool) -> None:
    from daemon.cli.shadow.why_text import print_why
    from daemon.views.why import why as story_of

    if where is None:
        if json_:
            print_json(None)
        else:
            typer.echo("no signals yet; `gnomon run` makes some")
        return
    with reading(where) as db:
        found = story_of(db, signal_id) if 0 <= signal_id <= INTEGER_MAX else None
    if found is None:
        raise typer.BadParameter(
            f"no signal {signal_id}; `gnomon shadow list` shows their numbers",
            param_hint="SIGNAL_ID",
        )
    if json_:
        print_json(found)
    else:
        print_why(found)
