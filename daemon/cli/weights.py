"""gnomon weights, regime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

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
    from shadow.store.tables.weights import ReturnRow, WeightRow

SHOWN_MOVES = 20
# Long enough for a day or two, fine enough for a hundred returns.
LABEL_TIMEFRAME = "5m"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(weights)
    app.command()(regime)


def weights(
    verify: Annotated[
        bool, typer.Option("--verify", help="Make all of it again from stored returns; exits 70.")
    ] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show how loud each division and bot is heard, what moved, and why.

    Example: gnomon weights --verify
    """
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
    found = standing(latest, history)
    if verify:
        found["verified"] = not wrong
        found["differences"] = wrong
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
    from dataclasses import asdict

    from research.weights.emergent import emergent, label
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
    found = asdict(emergent(latest, returns))
    found["timeframe"] = LABEL_TIMEFRAME
    found["labels"] = {name: asdict(label(values)) for name, values in series.items()}
    if json_:
        print_json(found)
    else:
        print_regime(found)


def print_regime(found: dict[str, Any]) -> None:
    """Print the regime, and beside it what models of the market call each coin's present."""
    typer.echo(f"regime {found['regime']}: {found['reason']}")
    if found["band"] is not None:
        typer.echo(
            f"{found['leader']} leads by {found['lead']:.3f} in log weight over {found['days']} "
            f"days; shuffled returns reach {found['band']:.3f} in 95 of 100 (p {found['p']:.3f}; "
            f"by Sharpe ratio p {number(found['ratio_p'])})"
        )
    emergent = (found["regime"], number(found["lead"]), number(found["band"]))
    rows = [("desk", "weights", *emergent, "")]
    for name, label in found["labels"].items():
        likely = label["probabilities"]
        said = " ".join(f"{p:.2f}" for p in likely) if likely else "–"
        rows.append((name, "3-state HMM", label["state"] or "–", said, "–", label["reason"]))
        rows.append((name, "volatility z", "", number(label["rv_z"], 2, sign=True), "–", ""))
    print_table("", ("of", "by", "says", "value", "band", ""), rows, left=3)
    if not found["labels"]:
        typer.echo("no labels of coins: no tape holds bars yet")
    else:
        typer.echo(
            f"HMM: P(calm) P(usual) P(wild) on {found['timeframe']} returns; labels for people, "
            "no bot and no filter reads them"
        )


def standing(latest: list[WeightRow], history: list[WeightRow]) -> dict[str, Any]:
    """Return the newest weights by scope and name, the moves, and which sit on a bound.

    Names without a row yet have the weight they will begin with.
    """
    from msgspec.structs import asdict

    from divisions import roster
    from divisions.weights import START, combined, on_bounds, saturated

    now = {(row.scope, row.name): row for row in latest}
    homes = {cls.name: cls.division for cls in roster.discover()}

    def one(scope: str, name: str) -> dict[str, Any]:
        row = now.get((scope, name))
        moved = [r.day for r in moves if (r.scope, r.name) == (scope, name)]
        return {
            "weight": row.weight if row else START,
            "sharpe": row.sharpe if row else None,
            "days": row.days if row else 0,
            "closed": row.closed if row else 0,
            "reason": row.reason if row else "start",
            "since": row.day if row else None,
            "moved": moved[-1] if moved else None,
        }

    before = _before(history)
    moves = [row for row in history if row.weight != before[row.day, row.scope, row.name]]
    divisions = {name: one("division", name) for name in roster.DIVISIONS}
    names = sorted(homes, key=lambda n: (roster.DIVISIONS.index(homes[n]), n))
    bots = {name: {"division": homes[name], **one("bot", name)} for name in names}
    for bot in bots.values():
        bot["size_weight"] = combined(divisions[bot["division"]]["weight"], bot["weight"])
    plain = {
        "division": {name: d["weight"] for name, d in divisions.items()},
        "bot": {name: b["weight"] for name, b in bots.items()},
    }
    return {
        "divisions": divisions,
        "bots": bots,
        "on_bounds": {scope: on_bounds(among) for scope, among in plain.items()},
        "saturated": [scope for scope, among in plain.items() if saturated(among)],
        "moves": [{**asdict(row), "before": before[row.day, row.scope, row.name]} for row in moves],
    }


def _before(history: list[WeightRow]) -> dict[tuple[str, str, str], float]:
    """Return what each row's weight was the day before; its own where it begins."""
    last: dict[tuple[str, str], float] = {}
    found = {}
    for row in history:
        found[row.day, row.scope, row.name] = last.get((row.scope, row.name), row.weight)
        last[row.scope, row.name] = row.weight
    return found


def print_weights(found: dict[str, Any]) -> None:
    """Print weights for a person."""
    rows = [("division", name, "", d, None) for name, d in found["divisions"].items()]
    rows += [("bot", n, b["division"], b, b["size_weight"]) for n, b in found["bots"].items()]
    cells = [
        (
            scope,
            name,
            home,
            number(d["weight"]),
            number(size),
            number(d["sharpe"], sign=True),
            d["days"],
            d["closed"],
            d["reason"],
        )
        for scope, name, home, d, size in rows
    ]
    names = ("", "name", "division", "weight", "in size", "Sharpe", "days", "closed", "why")
    print_table("", names, cells, left=3, spare=(7, 6, 5))
    for scope in found["saturated"]:
        names_there = ", ".join(found["on_bounds"][scope])
        typer.echo(f"ALARM: more than a quarter of {scope} weights sit on a bound: {names_there}")
    moves = found["moves"][-SHOWN_MOVES:]
    for m in moves:
        typer.echo(
            f"{m['day']}  {m['scope']} {m['name']}: {m['before']:.3f} → {m['weight']:.3f}, "
            f"{m['reason']}"
        )
    if not moves:
        typer.echo("nothing has moved yet; it takes 20 days with returns and 30 closed trades")
