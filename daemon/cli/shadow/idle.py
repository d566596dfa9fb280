"""The ladder of `gnomon why --idle`, asked of a running daemon and of the database."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from daemon.cli.common import print_json
from daemon.cli.control import running
from daemon.instance.control import Request
from daemon.instance.database import reading

if TYPE_CHECKING:
    from daemon.instance.paths import StateDir

SIGNS = {"ok": "ok     ", "finding": "FINDING", "unknown": "unknown"}


def explain_idle(where: StateDir | None, bot: str, *, json_: bool) -> None:
    """Say why nothing trades; raises BadParameter for a bot there never was."""
    from daemon.views.idle import idle
    from daemon.views.status import RunningStatus
    from divisions.roster import discover

    known = [cls.name for cls in discover()]
    if bot and bot not in known:
        raise typer.BadParameter(f"no bot {bot!r}; there are {', '.join(known)}", param_hint="BOT")
    status = None if where is None else running(where, Request("status"), RunningStatus)
    with ExitStack() as undo:
        there = where is not None and where.database.exists()
        db = undo.enter_context(reading(where)) if where is not None and there else None
        found = idle(db, status, bot, time.time_ns() if status is None else status.now_ns)
    if json_:
        print_json(found)
        return
    typer.echo(f"{bot}: {found.answer}" if bot else f"Why does nothing trade? {found.answer}")
    width = max(len(rung.question) for rung in found.rungs)
    for rung in found.rungs:
        typer.echo(f"  {SIGNS[rung.state]}  {rung.question:<{width}}  {rung.words}")
