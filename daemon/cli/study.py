"""gnomon research weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    number,
    pick_state,
    print_json,
    print_table,
    reading,
)

if TYPE_CHECKING:
    from research.weighting import Row

app = typer.Typer(help="Studies on what is recorded and on what is made up.", no_args_is_help=True)


@app.command()
def weights(
    days: Annotated[int, typer.Option(min=30, max=3650, help="Days of a made-up history.")] = 365,
    histories: Annotated[int, typer.Option(min=2, max=10_000, help="How many of each kind.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Of the made-up histories.")] = 7,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Compare the Darwinian weights with equal, inverse-variance and Hedge weights.

    Example: gnomon research weights --days 365 --histories 200
    """
    from dataclasses import asdict

    from research.regime import table
    from research.weighting import recorded, simulated
    from shadow.returns import ReturnRow, return_rows

    where = pick_state(state, mode, config)
    returns: list[ReturnRow] = []
    if where is not None:
        with reading(where) as db:
            returns = return_rows(db)
    real = table(returns)
    rows = recorded(*real) + simulated(histories=histories, days=days, seed=seed)
    if json_:
        print_json([asdict(row) for row in rows])
        return
    if not any(row.data == "recorded" for row in rows):
        typer.echo(f"recorded: {len(real[0])} days of returns; it takes more than 20 to compare")
    print_study(rows)


def print_study(rows: list[Row]) -> None:
    """Print the study; what is recorded in R a day, what is made up in annual Sharpe ratios."""
    cells = [
        (
            row.data,
            row.names,
            row.rule,
            number(row.sharpe, 2, sign=True),
            number(row.added, 3, sign=True),
            f"{row.low:+.3f} … {row.high:+.3f}",
            number(row.over_darwin, 3, sign=True),
            f"{row.over_low:+.3f} … {row.over_high:+.3f}",
            f"{row.on_bounds:.0%}",
        )
        for row in rows
    ]
    names = ("data", "names", "rule", "Sharpe", "added", "95 %", "over Darwin", "95 %", "on bounds")
    print_table("", names, cells, left=3, spare=(8, 3))
    typer.echo("added to equal weights at equal size: annual Sharpe ratio; recorded: R a day")
