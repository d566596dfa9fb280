"""Commands of `gnomon research`: every file of this folder that registers some."""

from __future__ import annotations

import typer

from daemon.cli.families import families

# Its place in `gnomon --help`.
RANK = 14


def register(parent: typer.Typer) -> None:
    """Add these commands."""
    app = typer.Typer(help="Studies on recorded and synthetic data.", no_args_is_help=True)
    for family in families("daemon.cli.research"):
        family.register(app)
    parent.add_typer(app, name="research")
