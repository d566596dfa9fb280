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
    pick_state,
    print_json,
)
from daemon.instance.database import reading
from market.errors import InvariantBroken

if TYPE_CHECKING:
    from daemon.config.sections import Config
    from shadow.report.row import ReportRow


def explain(
    figure: Annotated[
        list[str],
        typer.Argument(
            metavar="NUMBER", help="A row and a column of the report: direction.value_usd."
        ),
    ],
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
    from research.explain.explain import Unknown, split
    from research.explain.explain import explain as make_again

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
        rows = _rows(db, load_config(config, system=True))
        try:
            name, column = split(figure, list(rows))
            found = make_again(
                db,
                name,
                column,
                getattr(rows[name], column),
                day=day,
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


def _rows(db: sqlite3.Connection, config: Config) -> dict[str, ReportRow]:
    """Return the rows of the report by their names."""
    from shadow.report.report import report

    found: Any = report(db, by="filter", bias_bps_max=config.shadow.bias_bps_max)
    return {row.name: row for row in reversed([*found.rows, *found.rules])}
