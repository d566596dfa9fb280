"""Command `gnomon report`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.common import ConfigOption, ModeOption, StateOption, pick_state, say
from daemon.instance.database import reading
from market.errors import OperatorError

# Its place in `gnomon --help`.
RANK = 18


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(report)


def report(
    week: Annotated[bool, typer.Option("--week", help="The last whole week, Monday on.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; else printed.")] = None,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the report as one HTML file: money, limits, bots, to be mailed, printed or kept.

    Example: gnomon report --week --out week.html
    """
    from daemon.cli.progress import waiting
    from daemon.page.report import everything, last_week, page

    where = pick_state(state, mode, config)
    if where is None:
        raise OperatorError("no daemon has run here; `gnomon run` starts one")
    now_ns = time.time_ns()
    span = last_week(now_ns) if week else everything(now_ns)
    with waiting("reading the database"), reading(where) as db:
        text = page(db, span, where.folder)
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text)
    except OSError as error:
        raise OperatorError(f"{out}: cannot be written ({error.strerror})") from None
    say(f"{span.title}: {out}")
