"""Command `gnomon schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.cli.common import print_json

# Its place in `gnomon --help`.
RANK = 10


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(schema)


def schema(
    name: Annotated[str, typer.Argument(help="A view: status, positions, lens, why, …")],
) -> None:
    """Print the JSON schema of what a command prints with --json.

    Example: gnomon schema status
    """
    from daemon.views import schemas

    if name not in schemas.VIEWS:
        raise typer.BadParameter(
            f"no view {name!r}; there are {', '.join(schemas.VIEWS)}", param_hint="NAME"
        )
    print_json(schemas.schema(name))
