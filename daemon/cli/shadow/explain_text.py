"""A figure and what it is made of as text for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from daemon.cli.common import print_table
from research.explain.explain import Explanation
from shadow.store.rows import second_of

DIFFERENCES_SHOWN = 20


def print_explanation(found: Explanation) -> None:
    """Print a figure, its days, the trades of one, the fills of one, and whether it adds up."""
    says = f"{_cell(found.says)} in the report" if found.shown else "not shown in the report"
    typer.echo(f"{found.number}: {says}, {_cell(found.made)} from {len(found.days)} day rows")
    which = f" of series {found.series_number} ({found.series})" if found.series else ""
    typer.echo(f"made as {found.rule}{which}")
    _table("days", found.days)
    _table("trades behind the day", found.trades)
    if found.trade is not None:
        _print_trade(found)
    checked = ", ".join(f"{count} × {link}" for link, count in found.checked.items())
    typer.echo(f"checked: {checked or 'nothing'}")
    for line in found.unchecked:
        typer.echo(f"not checked: {line}")
    for one in found.differs[:DIFFERENCES_SHOWN]:
        typer.echo(f"differs: {one.link}: {one.of}: {_cell(one.says)}, made {_cell(one.made)}")
    if len(found.differs) > DIFFERENCES_SHOWN:
        typer.echo(f"and {len(found.differs) - DIFFERENCES_SHOWN} more (--json has them)")
    typer.echo("adds up" if found.adds_up else "does not add up")


def _print_trade(found: Explanation) -> None:
    trade = found.trade or {}
    typer.echo(
        f"trade {trade['trade_id']}: {trade['kind']} of signal {trade['signal_id']}, "
        f"{trade['bot']} {trade['side']} {trade['coin']}, decided {second_of(trade['decided_ns'])}"
    )
    parts = ("gross_e6", "fees_e6", "funding_e6", "net_e6", "risk_e6")
    money = [f"{part[:-3]} {_cell(_usd(trade[part]))}" for part in parts]
    typer.echo(f"USD {', '.join(money)}, R {_cell(trade['r'])}, exit {trade['exit_reason']}")
    _table("fills", [{k: v for k, v in fill.items() if k != "tape"} for fill in found.fills])
    for fill in found.fills:
        place = fill.get("tape")
        if place is not None:
            typer.echo(
                f"{fill['action']} met the book of line {place['line']} of {place['segment']}, "
                f"received {place['ns']}; levels {place['levels']}"
            )
            if place.get("signal_event"):
                typer.echo(f"  decided at event {place['signal_event']}, due {place['due_ns']}")


def _usd(amount_e6: int | None) -> float | None:
    return None if amount_e6 is None else amount_e6 / 1e6


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        names = list(rows[0])
        words = [i for i, name in enumerate(names) if isinstance(rows[0][name], str)]
        left = len(words) if words == list(range(len(words))) else 1
        print_table(title, names, [[_cell(row[n]) for n in names] for row in rows], left=left)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6f}" if isinstance(value, float) else str(value)
