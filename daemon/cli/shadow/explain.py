"""Command `gnomon explain`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    load_config,
    offer,
    one_of,
    pick_state,
    print_json,
)
from daemon.cli.shadow.window import GROUPS, since_day
from daemon.instance.database import reading
from market.errors import InvariantBroken

if TYPE_CHECKING:
    from daemon.config.sections import Config
    from daemon.views.report import ReportLine


def explain(
    figure: Annotated[
        list[str],
        typer.Argument(
            metavar="NUMBER", help="A row and a column of the report: direction.value_usd."
        ),
    ],
    by: Annotated[
        str,
        typer.Option(
            help="As of the report: filter, division, bot, …", autocompletion=offer(GROUPS)
        ),
    ] = "filter",
    since: Annotated[str | None, typer.Option(help="As of the report: only days within.")] = None,
    day: Annotated[str, typer.Option(help="Show the trades behind one of its days.")] = "",
    trade: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Show a trade's fills and books.")
    ] = None,
    tape: Annotated[Path | None, typer.Option(help="Tape folder; default: the state's.")] = None,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Make a figure of the report again from day rows, trades, fills and the tape.

    By code that shares nothing with what made it; exits 70 when it does not add up.

    Example: gnomon explain direction.value_usd --day 2026-11-30
    """
    from daemon.cli.shadow.explain_text import print_explanation
    from research.explain.explain import Asked, Unknown, split
    from research.explain.explain import explain as make_again

    one_of(by, GROUPS, "--by")
    from_day = since_day(since)
    where = pick_state(state, mode, config)
    if where is None:
        if json_:
            print_json(None)
        else:
            typer.echo("no figures yet; `gnomon run` makes some")
        return
    with reading(where) as db:
        # The report and what is made again must be of the same moment.
        db.execute("BEGIN")
        rows = _rows(db, load_config(config, system=True), by, from_day)
        try:
            name, column = split(figure, list(rows), by)
            found = make_again(
                db,
                Asked(name, column, by, from_day, day),
                _says(rows[name], column),
                trade_id=trade,
                tape=tape or where.tape,
            )
        except Unknown as error:
            raise typer.BadParameter(str(error), param_hint="NUMBER") from None
    if json_:
        print_json(found)
    else:
        print_explanation(found)
    if not found.adds_up:
        raise InvariantBroken(
            f"{found.number} does not add up: {len(found.differs)} of "
            f"{sum(found.checked.values())} links differ (see above)"
        )


def _rows(db: sqlite3.Connection, config: Config, by: str, since: str) -> dict[str, ReportLine]:
    """Return the lines of the report by their names; of shadow-only bots `stage.` stands before."""
    from daemon.views.report import report_lines
    from shadow.report.report import report

    found: Any = report(db, by=by, since=since, bias_bps_max=config.shadow.bias_bps_max)  # type: ignore[arg-type]
    lines = reversed(report_lines(found))
    return {f"stage.{x.name}" if x.mode == "stage" else x.name: x for x in lines}


def _says(line: ReportLine, column: str) -> Any:
    """Return what the report says; of a reason that nothing was left out for, nothing."""
    name, _, reason = column.partition(".")
    says = getattr(line, name)
    return says.get(reason) if reason else says
