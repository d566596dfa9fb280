"""Commands `gnomon research weights` and `autoresearch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    load_config,
    number,
    pick_state,
    print_json,
    print_table,
)
from daemon.instance.database import reading

if TYPE_CHECKING:
    from daemon.config.sections import Config
    from divisions.search import Change
    from research.weights.weighting import Row


# Its place in `gnomon research --help`.
RANK = 1


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(weights)
    app.command()(autoresearch)


def weights(
    days: Annotated[int, typer.Option(min=30, max=3650, help="Days of a synthetic history.")] = 365,
    histories: Annotated[
        int, typer.Option(min=2, max=10_000, help="Histories of each kind.")
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the histories.")] = 7,
    candles: Annotated[
        list[Path] | None,
        typer.Option(help="Hourly candles of a coin (feather: date, close); one option a coin."),
    ] = None,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Compare the Darwinian weights with equal, inverse-variance and Hedge weights.

    Example: gnomon research weights --days 365 --histories 200
    """
    from dataclasses import asdict

    from research.weights.emergent import table
    from research.weights.weighting import recorded, simulated
    from shadow.store.returns import return_rows
    from shadow.store.tables.weights import ReturnRow

    where = pick_state(state, mode, config)
    returns: list[ReturnRow] = []
    if where is not None:
        with reading(where) as db:
            returns = return_rows(db)
    real = table(returns)
    rows = recorded(*real)
    if candles:
        rows += _on_candles(candles)
    rows += simulated(histories=histories, days=days, seed=seed)
    if json_:
        print_json([asdict(row) for row in rows])
        return
    if not any(row.data == "recorded" for row in rows):
        typer.echo(f"recorded: {len(real[0])} days of returns; it takes more than 20 to compare")
    print_study(rows)


def _on_candles(paths: list[Path]) -> list[Row]:
    """Return the study on textbook rules that trade recorded hourly candles."""
    from market.errors import InputDamaged
    from research.candle_files import closes_of
    from research.weights.textbook import daily
    from research.weights.weighting import recorded

    start_ms, closes = closes_of(paths)
    try:
        found = daily(start_ms, closes)
    except ValueError as error:
        raise InputDamaged(f"{', '.join(map(str, paths))}: {error}") from None
    return recorded(*found, data="candles")


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
    typer.echo(
        "added to equal weights at equal size: annual Sharpe ratio; recorded and candles: R a day"
    )


def autoresearch(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and do nothing.")
    ] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Take the next step of autoresearch: begin a trial of the worst bot, end one, or wait.

    Example: gnomon research autoresearch --dry-run
    """
    import msgspec

    from daemon.instance import control
    from market.errors import OperatorError
    from research.trials.autoresearch import Step, next_step, register

    settings = load_config(config, system=True)
    where = pick_state(state, mode, config)
    step, trials = Step("wait", "nothing is recorded yet"), []
    if where is not None:
        with reading(where) as db:
            step = next_step(db, _spaces(settings), seed=settings.seed)
            trials = register(db)
    reply = ""
    if where is not None and step.command is not None and not dry_run:
        argument = msgspec.json.encode(step.command).decode()
        request = control.Request("trial", argument)
        try:
            reply = control.ask(where.socket, request, control.Reply).reply
        except control.Refused as refusal:
            raise OperatorError(f"the daemon did not take the step: {refusal}") from None
        if not reply.startswith("trial "):
            raise OperatorError(f"the daemon did not take the step: {reply}")
    if json_:
        print_json({**msgspec.to_builtins(step), "reply": reply, "trials": trials})
    else:
        typer.echo(reply or step.reason)
        print_trials(trials)


def _spaces(config: Config) -> dict[str, list[Change]]:
    """Return what may be changed of every bot that runs, from its configured parameters."""
    from divisions import roster
    from divisions.search import changes

    found = {}
    for cls in roster.discover():
        params = {k: v for k, v in config.bots[cls.name].items() if k != "stage"}
        if params.pop("enabled"):
            found[cls.name] = changes(cls, roster.build(cls, params).params)
    return found


def print_trials(trials: list[dict[str, Any]]) -> None:
    """Print the register, oldest first."""
    if not trials:
        return
    cells = []
    for row in trials:
        change, result = row["change"], row["result"] or {}
        cells.append(
            (
                row["trial_id"],
                row["bot"],
                f"{change['name']} {change['from']:g} → {change['to']:g}",
                row["decision"] or "running",
                row["naive_decision"] or "–",
                number(result.get("difference"), 3, sign=True),
                number(result.get("p"), 3),
                number(row["detail"].get("level"), 4),
            )
        )
    names = ("trial", "bot", "change", "decision", "naive", "R a day", "p", "level")
    print_table("", names, cells, left=3, spare=(4, 7))
    for row in [row for row in trials if row["decision"] == "keep"]:
        name, value = row["change"]["name"], row["change"]["to"]
        typer.echo(
            f"trial {row['trial_id']} is kept by [bots.{row['bot']}] {name} = {value:g}"
            " in the configuration"
        )
