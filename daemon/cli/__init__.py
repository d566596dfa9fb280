"""Command line. Each command imports what it needs only when it runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer

from daemon.cli.families import families


def _version(wanted: bool) -> None:
    if wanted:
        from daemon.version import code_version

        typer.echo(f"gnomon {code_version()}")
        raise typer.Exit


app = typer.Typer(
    name="gnomon",
    help="A trading daemon for Hyperliquid perpetuals that learns what its limits are worth "
    "from the trades it did not take.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Hold what stands before any command."""


for family in families(__name__):
    family.register(app)


@cache
def command() -> Callable[..., Any]:
    """Return the command line, made ready: that takes longer than most commands do."""
    return typer.main.get_command(app)
