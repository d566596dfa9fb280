"""Command `gnomon doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from daemon.cli.common import ConfigOption, JsonOption, ModeOption, StateOption, print_json
from daemon.instance.paths import MODE_FOLDERS
from market.errors import OperatorError

# Its place in `gnomon --help`.
RANK = 6


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(doctor)


def doctor(
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Check all a service needs; exits 78 when something must be fixed.

    Example: gnomon doctor --mode paper
    """
    from daemon.doctor.doctor import examine
    from daemon.doctor.finding import FAIL

    if mode is not None and mode != "paper" and mode not in MODE_FOLDERS:
        raise typer.BadParameter(
            f"{mode!r} is not one of paper, {', '.join(MODE_FOLDERS)}", param_hint="--mode"
        )
    found = []
    for finding in examine(config, state, mode):
        found.append(finding)
        if not json_:
            level = "FAIL" if finding.level == FAIL else finding.level
            remedy = f" → {finding.remedy}" if finding.remedy else ""
            typer.echo(f"{level:<4}  {finding.check:<8}  {finding.text}{remedy}")
    if json_:
        print_json([asdict(finding) for finding in found])
    failed = [finding.check for finding in found if finding.level == FAIL]
    if failed:
        raise OperatorError(f"doctor: fix first: {', '.join(failed)} (see above)")
