"""Command `gnomon research counterfactual`: what each limit was worth on a tape."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.common import JsonOption, print_json

# Its place in `gnomon research --help`.
RANK = 5


def register(app: typer.Typer) -> None:
    """Add the command to the group of studies."""
    app.command()(counterfactual)


def counterfactual(
    tape: Annotated[Path, typer.Argument(help="Tape folder, or one segment.")],
    json_: JsonOption = False,
) -> None:
    """Say what the desk of a tape is worth with and without each of its limits, in one pass.

    Beside the desk a desk without each limit trades from where the tape begins, on the same
    signals with the weights as recorded. The second table says where the two differ.

    Example: gnomon research counterfactual ~/.local/state/gnomon/local/tape
    """
    from daemon.backtest import counterfactual as study
    from daemon.cli.progress import progress
    from daemon.cli.research.counterfactual_text import print_counterfactual
    from venue.tape.continuity import require_whole

    with progress("reading the tape") as told:
        found = study.counterfactual(tape, progress=told)
    if json_:
        print_json(found)
    else:
        print_counterfactual(found)
    require_whole(found.damage)
