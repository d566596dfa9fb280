"""Command `gnomon glossary`."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from daemon.cli.common import JsonOption, print_json

# Its place in `gnomon --help`.
RANK = 16
WIDTH = 100


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(glossary)


def glossary(
    word: Annotated[str | None, typer.Argument(help="A word of the screen or the report.")] = None,
    json_: JsonOption = False,
) -> None:
    """Say what the words of screen, page and report mean.

    Example: gnomon glossary phantom
    """
    from daemon.views.glossary import TERMS, found

    terms = list(TERMS) if word is None else found(word)
    if not terms:
        raise typer.BadParameter(f"no word {word!r}; `gnomon glossary` lists them all")
    if json_:
        print_json(terms)
        return
    width = max(len(term.word) for term in terms) + 2
    for term in terms:
        other = f" (also: {', '.join(term.other)})" if term.other else ""
        for line in textwrap.wrap(
            f"{term.word:<{width}}{term.means}{other}", WIDTH, subsequent_indent=" " * width
        ):
            typer.echo(line)
