"""Commands `gnomon db check`, `backup`, `restore` and `export`."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

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
from daemon.instance.database import reading, reading_file
from daemon.instance.lock import alone
from daemon.instance.paths import MODE_FOLDERS, StateDir, state_root
from market.errors import InputDamaged, OperatorError, VenueUnreachable
from shadow.store.backup import stamp

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
    file: Annotated[Path, typer.Argument(help="The copy to write; with --keep, a folder.")],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", min=1, help="Write a copy of every mode into a folder, and keep that many."
        ),
    ] = None,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Copy a database while the daemon runs; the copy is checked before it gets its name.

    Example: gnomon db backup /backup/gnomon.db --force
    """
    from shadow.store.backup import back_up

    if keep is not None:
        if force:
            raise typer.BadParameter("is for one FILE; --keep never replaces", param_hint="--force")
        _backup_all(file, keep, state, mode, config, json_=json_)
        return
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


def _backup_all(
    folder: Path,
    keep: int,
    state: Path | None,
    mode: str | None,
    config: Path | None,
    *,
    json_: bool,
) -> None:
    """Copy every database there is, or a mode's, by date; then let go of the oldest copies."""
    from daemon.views.soundness import unsound
    from shadow.store.backup import back_up, dated, let_go, require_room

    if mode is None:
        root = state_root(state, load_config(config, system=True).state_dir)
        found = [where for where in places(root) if where.database.exists()]
    else:
        found = [_one(state, mode, config)]
    if not found:
        raise OperatorError("no database yet, so there is nothing to copy")
    usable_folder(folder)
    written: list[dict[str, Any]] = []
    for where in found:
        file = dated(folder, where.folder, time.time())
        require_room(where.database, folder)
        with reading(where) as db:
            about = back_up(db, file)
        with reading_file(file) as copy:
            broken = unsound(copy, pages=False)
        if broken:
            file.unlink()
            raise InputDamaged(f"{where.folder}: not sound ({broken[0]}); older copies were kept")
        gone = let_go(folder, where.folder, keep)
        size = file.stat().st_size
        written.append(
            {"file": str(file), "bytes": size, **_origin(about), "let_go": [str(f) for f in gone]}
        )
        if not json_:
            say(f"wrote {file}: {size:,} bytes, sound; {len(gone)} older let go of")
    if json_:
        print_json(written)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The copy to go back to.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be lost.")
    ] = False,
    if_migrated: Annotated[
        bool,
        typer.Option(
            "--if-migrated", help="Only if another version has changed the database's schema since."
        ),
    ] = False,
    state: StateOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Go back to a copy of the database and say what is lost; the daemon must be stopped.

    Example: gnomon db restore /backup/gnomon.db --dry-run
    """
    from shadow.store.restore import Loss, loss, put_back, stand_of

    copy = stand_of(file)
    if copy.mode not in MODE_FOLDERS:
        raise OperatorError(f"{file}: of mode {copy.mode}, which there is not")
    where = StateDir(state_root(state, load_config(config, system=True).state_dir), copy.mode)
    where.create()
    with nullcontext() if dry_run else alone(where):
        there = where.database.exists()
        now = stand_of(where.database) if there else None
        lost = loss(now, copy) if now is not None else Loss(copy.now_ns, 0, 0, 0)
        needed = not (if_migrated and now is not None and now.schema == copy.schema)
        aside = where.database.with_name(f"replaced-{stamp(time.time())}.db")
        done = needed and not dry_run
        if done:
            put_back(file, where.database, aside)
    since = stamp(lost.since_ns / 1e9)
    if json_:
        print_json({
            "file": str(file), "mode": copy.mode, "restored": done, "needed": needed,
            "since": since, "signals": lost.signals, "trades": lost.trades, "closed": lost.closed,
            "aside": str(aside) if done and there else None,
        })  # fmt: skip
        return
    if not needed:
        say(f"{copy.mode}: the schema is the copy's, so the database stays; nothing is lost")
        return
    told = "lost" if done else "would be lost"
    say(
        f"{copy.mode}: {told}: everything since {since}: {lost.signals:,} signals, "
        f"{lost.trades:,} trades and phantoms begun, {lost.closed:,} closed"
    )
    if done and there:
        say(f"what was there is kept as {aside}; delete it when you do not miss it")


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
