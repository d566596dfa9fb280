"""Commands `gnomon weights` and `regime`."""

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
)
from daemon.instance.database import reading

if TYPE_CHECKING:
    from daemon.views.weights import RegimeView, WeightsView
    from shadow.store.tables.weights import ReturnRow, WeightRow

SHOWN_MOVES = 20
# Long enough for a day or two, fine enough for a hundred returns.
LABEL_TIMEFRAME = "5m"


# Its place in `gnomon --help`.
RANK = 7


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(weights)
    app.command()(regime)


def weights(
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute from returns; exit 70 if unlike.")
    ] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show how loud each division and bot is heard, what moved, and why.

    Example: gnomon weights --verify
    """
    from daemon.views.weights import weights_view
    from shadow.store.returns import latest_weights, weight_rows

    where = pick_state(state, mode, config)
    latest: list[WeightRow] = []
    history: list[WeightRow] = []
    wrong: list[str] = []
    if where is not None:
        with reading(where) as db:
            latest, history = latest_weights(db), weight_rows(db)
            if verify:
                from research.weights.weight_history import differences

                wrong = differences(db)
    found = weights_view(latest, history)
    if verify:
        found.verified, found.differences = not wrong, wrong
    if json_:
        print_json(found)
    else:
        print_weights(found)
        if verify:
            for line in wrong:
                typer.echo(f"DIFFERS {line}")
            days = len({row.day for row in history})
            typer.echo(
                f"{len(wrong)} differences"
                if wrong
                else f"all {len(history)} weights of {days} days come out as stored"
            )
    if wrong:
        from market.errors import InvariantBroken

        raise InvariantBroken(f"weights --verify: {len(wrong)} differences; the first: {wrong[0]}")


def regime(
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Say which division stands out, or that chance could have done it; market labels beside it.

    Example: gnomon regime --json
    """
    from daemon.views.weights import regime_view
    from shadow.store.returns import latest_weights, return_rows
    from venue.tape.closes import closes

    where = pick_state(state, mode, config)
    latest: list[WeightRow] = []
    returns: list[ReturnRow] = []
    series: dict[str, list[float]] = {}
    if where is not None:
        with reading(where) as db:
            latest, returns = latest_weights(db), return_rows(db)
        series = closes(where.tape, LABEL_TIMEFRAME)
    found = regime_view(latest, returns, series, LABEL_TIMEFRAME)
    if json_:
        print_json(found)
    else:
        print_regime(found)


def print_regime(found: RegimeView) -> None:
    """Print the regime, and beside it what models of the market call each coin's present."""
    typer.echo(f"regime {found.regime}: {found.reason}")
    if found.band is not None:
        typer.echo(
            f"{found.leader} leads by {found.lead:.3f} in log weight over {found.days} "
            f"days; shuffled returns reach {found.band:.3f} in 95 of 100 (p {number(found.p)}; "
            f"by Sharpe ratio p {number(found.ratio_p)})"
        )
    emergent = (found.regime, number(found.lead), number(found.band))
    rows = [("desk", "weights", *emergent, "")]
    for name, label in found.labels.items():
        likely = label.probabilities
        said = " ".join(f"{p:.2f}" for p in likely) if likely else "–"
        rows.append((name, "3-state HMM", label.state or "–", said, "–", label.reason))
        rows.append((name, "volatility z", "", number(label.rv_z, 2, sign=True), "–", ""))
    print_table("", ("of", "by", "says", "value", "band", ""), rows, left=3)
    if not found.labels:
        typer.echo("no labels of coins: no tape holds bars yet")
    else:
        typer.echo(
            f"HMM: P(calm) P(usual) P(wild) on {found.timeframe} returns; labels for people, "
            "no bot and no filter reads them"
        )


def print_weights(found: WeightsView) -> None:
    """Print weights for a person."""
    rows = [("division", name, "", d, None) for name, d in found.divisions.items()]
    bots = [("bot", name, b.division, b, b.size_weight) for name, b in found.bots.items()]
    cells = [
        (
            scope,
            name,
            home,
            number(d.weight),
            number(size),
            number(d.sharpe, sign=True),
            d.days,
            d.closed,
            d.reason,
        )
        for scope, name, home, d, size in (*rows, *bots)
    ]
    names = ("", "name", "division", "weight", "in size", "Sharpe", "days", "closed", "why")
    print_table("", names, cells, left=3, spare=(7, 6, 5))
    for scope in found.saturated:
        names_there = ", ".join(found.on_bounds[scope])
        typer.echo(f"ALARM: more than a quarter of {scope} weights sit on a bound: {names_there}")
    moves = found.moves[-SHOWN_MOVES:]
    for m in moves:
        typer.echo(f"{m.day}  {m.scope} {m.name}: {m.before:.3f} → {m.weight:.3f}, {m.reason}")
    if not moves:
        typer.echo("nothing has moved yet; it takes 20 days with returns and 30 closed trades")
