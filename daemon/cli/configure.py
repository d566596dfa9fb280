"""Commands `gnomon config check`, `show` and `init`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.common import ConfigOption, JsonOption, load_config, print_json, say, usable_folder
from daemon.instance.birth import unheeded_at
from daemon.instance.database import reading
from daemon.instance.paths import existing, find_config, state_root, user_config
from market.errors import InputDamaged, OperatorError

# Its place in `gnomon --help`.
RANK = 12

app = typer.Typer(help="Check, show and write configurations.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add these commands."""
    parent.add_typer(app, name="config")


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="The file (default: the one in use).")] = None,
    json_: JsonOption = False,
) -> None:
    """Check a configuration; exits 78 with the key and the remedy when it is wrong.

    Example: gnomon config check /etc/gnomon/gnomon.toml
    """
    used = find_config(file, system=True)
    config = load_config(used, system=True)
    config.require_built()
    if json_:
        print_json({"file": str(used) if used else None, "ok": True, "hash": config.hash()})
        return
    typer.echo(f"{used or 'defaults (no file)'}: good, hash {config.hash()}")


@app.command()
def show(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Print the configuration in effect, every default filled in.

    Example: gnomon config show --json
    """
    from daemon.config.text import as_toml

    settings = load_config(config, system=True)
    if json_:
        print_json(settings.resolved())
    else:
        typer.echo(as_toml(settings, comments=False), nl=False)
    with suppress(OperatorError, InputDamaged):
        # What is wrong with a database is not to be said here.
        for where in existing(state_root(None, settings.state_dir)):
            with reading(where) as db:
                for line in unheeded_at(settings, db):
                    say(f"{where.folder}: {line}")


@app.command()
def init(
    file: Annotated[Path | None, typer.Argument(help="File to write.")] = None,
) -> None:
    """Write a configuration with every key, its default and what it means.

    Example: gnomon config init gnomon.toml
    """
    from daemon.config.load import parse
    from daemon.config.text import as_toml

    path = file or user_config()
    usable_folder(path.parent)
    try:
        with path.open("x") as out:
            out.write(as_toml(parse({}, "defaults"), comments=True))
    except FileExistsError:
        raise OperatorError(f"{path}: exists already; it is left as it is") from None
    except OSError as error:
        raise OperatorError(f"{path}: cannot be written ({error.strerror})") from None
    say(f"wrote {path}; `gnomon config check {path}` after every change")
