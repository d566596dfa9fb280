"""Commands `gnomon db check`, `backup` and `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    load_config,
    pick_state,
    places,
    print_json,
    say,
    usable_folder,
)
from daemon.instance.custody import FILES
from daemon.instance.database import reading
from daemon.instance.paths import StateDir, state_root
from market.errors import InputDamaged, OperatorError, VenueUnreachable

# Its place in `gnomon --help`.
RANK = 13

app = typer.Typer(help="Check, copy and export databases.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add these commands."""
    parent.add_typer(app, name="db")


@app.command()
def check(
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Check the integrity of every database found; exits 65 when one does not.

    Example: gnomon db check
    """
    from daemon.views.soundness import unsound

    if mode is None:
        found = places(state_root(state, load_config(config, system=True).state_dir))
    else:
        one = pick_state(state, mode, config)
        found = [one] if one is not None else []
    results = {}
    for where in found:
        if not where.database.exists():
            if displaced := _displaced(where):
                results[where.folder] = [displaced]
            else:
                say(f"{where.folder}: the daemon is starting and has no database yet")
            continue
        try:
            with reading(where) as db:
                results[where.folder] = unsound(db)
        except InputDamaged as error:
            # One that cannot be read must not hide what is to be said of the others.
            results[where.folder] = [str(error)]
        if displaced := _displaced(where):
            results[where.folder].append(displaced)
    if json_:
        print_json(
            [{"mode": m, "ok": not broken, "broken": broken} for m, broken in results.items()]
        )
    else:
        for folder, broken in results.items():
            typer.echo(
                f"{folder}: {'sound' if not broken else f'{len(broken)} broken integrity rules'}"
            )
            for line in broken:
                typer.echo(f"  {line}")
        if not results:
            typer.echo("no database yet")
    if any(results.values()):
        raise InputDamaged("db check: at least one database breaks its integrity rules (see above)")


def _displaced(where: StateDir) -> str:
    """Return what a daemon that runs here says of files that were moved away from under it."""
    from daemon.instance import control
    from daemon.views.status import RunningStatus

    try:
        answer = control.ask(where.socket, control.Request("status"), RunningStatus)
    except VenueUnreachable:
        return ""
    return answer.halts.get(FILES, "")


def _one(state: Path | None, mode: str | None, config: Path | None) -> StateDir:
    """Return the database to copy; raises OperatorError when there is none."""
    where = pick_state(state, mode, config)
    if where is None:
        raise OperatorError("no database yet, so there is nothing to copy")
    return where


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The copy to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Copy a database while the daemon runs; the copy is checked before it gets its name.

    Example: gnomon db backup /backup/gnomon.db --force
    """
    from shadow.store.backup import back_up

    where = _one(state, mode, config)
    if file.is_dir():
        raise OperatorError(f"{file}: is a folder; name the file to write")
    at = file.resolve()
    if at.parent == where.path.resolve() and at.name.startswith(where.database.name):
        raise OperatorError(f"{file}: is the database itself, or belongs to it")
    if file.exists() and not force:
        raise OperatorError(f"{file}: exists already; --force replaces it")
    usable_folder(file.parent)
    with reading(where) as db:
        about = back_up(db, file)
    size = file.stat().st_size
    if json_:
        print_json({"file": str(file), "bytes": size, **_origin(about)})
    else:
        origin = f"{about.get('mode')} on {about.get('network')}"
        say(f"wrote {file}: {origin}, {size:,} bytes, sound")


def _origin(about: dict[str, str]) -> dict[str, str | None]:
    return {"mode": about.get("mode"), "network": about.get("network")}


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write into.")],
    format_: Annotated[str, typer.Option("--format", help="csv, parquet")] = "csv",
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Only this table or view; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Write every table and view to a file of its own, all of the same instant.

    Example: gnomon db export /tmp/gnomon --format parquet --table trade --table signal
    """
    from daemon.cli import export as files

    if format_ not in files.FORMATS:
        raise typer.BadParameter(
            f"{format_!r}: one of {', '.join(files.FORMATS)}", param_hint="--format"
        )
    where = _one(state, mode, config)
    with reading(where) as db:
        known = files.relations(db)
        unknown = [name for name in table or [] if name not in known]
        if unknown:
            raise typer.BadParameter(
                f"no table or view {', '.join(unknown)}; there are {', '.join(known)}",
                param_hint="--table",
            )
        names = list(dict.fromkeys(table or known))
        there = [p for n in names if (p := folder / f"{n}.{format_}").exists()]
        if there and not force:
            raise OperatorError(f"{there[0]}: exists already; --force replaces it")
        usable_folder(folder)
        written = list(files.export(db, names, folder, format_))
    if json_:
        print_json([{"table": p.stem, "file": str(p), "rows": rows} for p, rows in written])
    else:
        total = sum(rows for _, rows in written)
        say(f"wrote {len(written)} files with {total:,} rows of {where.folder} to {folder}")
