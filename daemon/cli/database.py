"""gnomon db check."""

from __future__ import annotations

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    load_config,
    pick_state,
    print_json,
    reading,
)
from daemon.paths import existing, state_root
from market.errors import InputDamaged

app = typer.Typer(help="Look after databases.", no_args_is_help=True)


@app.command()
def check(
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Check that every database found keeps its promises; exits 65 when one does not.

    Example: gnomon db check
    """
    from shadow.check import broken_promises

    if mode is None:
        found = existing(state_root(state, load_config(config, system=True).state_dir))
    else:
        one = pick_state(state, mode, config)
        found = [one] if one is not None else []
    results = {}
    for where in found:
        try:
            with reading(where) as db:
                results[where.folder] = broken_promises(db)
        except InputDamaged as error:
            # One that cannot be read must not hide what is to be said of the others.
            results[where.folder] = [str(error)]
    if json_:
        print_json(
            [{"mode": m, "ok": not broken, "broken": broken} for m, broken in results.items()]
        )
    else:
        for folder, broken in results.items():
            typer.echo(f"{folder}: {'sound' if not broken else f'{len(broken)} promises broken'}")
            for line in broken:
                typer.echo(f"  {line}")
        if not results:
            typer.echo("no database yet")
    if any(results.values()):
        raise InputDamaged("db check: at least one database breaks its promises (see above)")
