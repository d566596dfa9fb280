"""Command `gnomon lens`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    pick_state,
    print_json,
    print_table,
    say,
)
from daemon.instance.database import reading

if TYPE_CHECKING:
    from daemon.instance.paths import StateDir
    from daemon.sheet.series import Seen
    from daemon.views.lens import CoinLenses
    from quant.lens import Lens

# quant.jit reads it when it is imported, so nothing of quant may be before it is set.
NO_JIT = "GNOMON_NO_JIT"


# Its place in `gnomon --help`.
RANK = 8


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(lens)


def lens(
    coin: Annotated[str | None, typer.Argument(help="Coin of the desk: BTC, SOL, …")] = None,
    series: Annotated[
        Path | None,
        typer.Option("--series", help="Look at this file instead: a number a line; - is stdin."),
    ] = None,
    name: Annotated[str | None, typer.Option("--lens", help="One lens; default: all.")] = None,
    params: Annotated[
        list[str] | None, typer.Option("--param", help="A lens's parameter, k=v; repeatable.")
    ] = None,
    null: Annotated[
        bool, typer.Option("--null", help="Rank each value among nulls: the series, signs drawn.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with the reference; exit 70 if unlike.")
    ] = False,
    no_jit: Annotated[
        bool, typer.Option("--no-jit", help="Compile nothing: numpy alone, slower.")
    ] = False,
    png: Annotated[
        Path | None, typer.Option("--png", help="Draw it on one sheet; needs matplotlib.")
    ] = None,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show what the lenses say of a coin, or of any series of numbers as it stands.

    Example: gnomon lens BTC --png btc.png

    Or: gnomon lens --series returns.csv --lens lyapunov --param dim=2 --null
    """
    if no_jit:
        os.environ[NO_JIT] = "1"
    if (coin is None) == (series is None):
        raise typer.BadParameter("name a coin, or a file with --series; one of the two")
    if coin is not None:
        for flag, given in (("lens", name), ("param", params), ("null", null), ("check", check)):
            if given:
                raise typer.BadParameter(f"--{flag} goes with --series")
        _of_coin(coin, pick_state(state, mode, config), png, json_=json_)
    elif series is not None:
        _of_series(series, name, params or [], png, null=null, check=check, json_=json_)


def parse_params(given: list[str]) -> dict[str, float]:
    """Return parameters by name; raises BadParameter for what is not k=v with a finite number."""
    from math import inf, isfinite

    found = {}
    for text in given:
        key, _, figure = text.partition("=")
        try:
            value = float(figure)
        except ValueError:
            value = inf
        if not key or not isfinite(value):
            raise typer.BadParameter(
                f"{text!r}: expected a name and a number, like dim=3", param_hint="--param"
            )
        found[key.strip()] = value
    return found


def _of_series(
    path: Path,
    name: str | None,
    given: list[str],
    png: Path | None,
    *,
    null: bool,
    check: bool,
    json_: bool,
) -> None:
    from daemon.cli.progress import waiting
    from daemon.sheet.series import look, look_through_all, nearest, require_agreement
    from daemon.sheet.series_file import read_series
    from daemon.views.series import series_reading
    from quant.lens import discover

    lenses = discover()
    if name is not None and name not in lenses:
        raise typer.BadParameter(nearest(name, lenses), param_hint="--lens")
    wanted = parse_params(given)
    values = read_series(path)
    try:
        with waiting("looking through the lenses"):
            if name is not None:
                found = [look(lenses[name], values, wanted, null=null, check=check)]
            else:
                found = look_through_all(lenses, values, wanted, null=null, check=check)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--param") from None
    if json_:
        data = [series_reading(seen, null=null, check=check) for seen in found]
        print_json(data if name is None else data[0])
    else:
        _print_series(found, lenses, null=null, check=check)
    if png is not None:
        from daemon.sheet.sheet import draw, of_series

        draw(of_series(values, "series" if str(path) == "-" else path.name, found), png)
        say(f"drawn on {png}")
    require_agreement(found)


def _print_series(found: list[Seen], lenses: dict[str, Lens], *, null: bool, check: bool) -> None:
    from daemon.sheet.table import SERIES_COLUMNS, measure_lines, series_rows

    rows = series_rows(found, {name: each.asks for name, each in lenses.items()})
    kept = [i for i in range(len(SERIES_COLUMNS)) if null or i != 2]
    kept = [i for i in kept if check or i != 3]
    names, cells = [SERIES_COLUMNS[i] for i in kept], [[row[i] for i in kept] for row in rows]
    print_table("", names, cells, words=1)
    if len(found) == 1:
        for line in measure_lines(found[0].reading.measures):
            typer.echo(line)


def _of_coin(coin: str, where: StateDir | None, png: Path | None, *, json_: bool) -> None:
    import time

    from daemon.cli.lens_text import COIN_COLUMNS, coin_lines, coin_rows
    from daemon.views.lens import CoinLenses

    if where is None:
        found = CoinLenses(coin=coin, now_ns=time.time_ns())
    else:
        found = _asked(coin, where) or _left(coin, where, time.time_ns())
    if json_:
        print_json(found)
    elif found.readings:
        for line in coin_lines(found):
            typer.echo(line)
        print_table("", COIN_COLUMNS, coin_rows(found), words=1)
    else:
        typer.echo(f"no lens has looked at {coin} yet; they do while `gnomon run` is up")
    if png is not None:
        _draw_coin(found, where, png)


def _asked(coin: str, where: StateDir) -> CoinLenses | None:
    """Return what a running daemon says, None where nobody answers."""
    from daemon.cli.control import running
    from daemon.instance.control import Refused, Request
    from daemon.views.lens import CoinLenses

    try:
        return running(where, Request("lens", coin), CoinLenses)
    except Refused as refusal:
        _known(coin, refusal.choices)
        raise


def _left(coin: str, where: StateDir, now_ns: int) -> CoinLenses:
    """Return what a daemon at rest has left behind: its rows, and the closes of its tape."""
    from daemon.views.lens import coin_lenses_at_rest, coins_looked_at
    from venue.tape.closes import Closes, timed_closes

    with reading(where) as db:
        found = coin_lenses_at_rest(db, coin, now_ns)
        if not found.readings:
            _known(coin, coins_looked_at(db))
    prices, newest_ms = timed_closes(where.tape, "1m").get(coin, Closes([], found.bar_ms))
    found.closes, found.bar_ms = prices, newest_ms
    return found


def _known(coin: str, known: list[str]) -> None:
    if known and coin not in known:
        raise typer.BadParameter(
            f"no coin {coin!r}; there are {', '.join(known)}", param_hint="COIN"
        )


def _draw_coin(found: CoinLenses, where: StateDir | None, png: Path) -> None:
    from daemon.cli.progress import waiting
    from daemon.sheet.sheet import LEVEL, draw, of_coin, since_ms
    from daemon.views.lens import alarm_spans
    from market.errors import OperatorError

    if where is None or not found.closes:
        raise OperatorError(f"--png: no closed minutes of {found.coin} are known yet")
    first_ms = since_ms(found.closes, found.bar_ms)
    with reading(where) as db:
        spans = alarm_spans(db, found.coin, first_ms, found.threshold or LEVEL)
    sheet = of_coin(
        found.coin,
        found.closes,
        found.bar_ms,
        [(r.lens, r.value, r.null_rank) for r in found.readings],
        spans=spans,
        flagged_ms=found.composite_bar_ms if found.flagged else None,
    )
    with waiting("drawing the sheet"):
        draw(sheet, png)
    say(f"drawn on {png}")
