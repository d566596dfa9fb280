"""Command `gnomon research regimes`: regime labels held against dates fixed beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import JsonOption, number, print_json, print_table, say

if TYPE_CHECKING:
    from research.regimes.known import Regimes
    from research.regimes.study import Detection, Summary


# Its place in `gnomon research --help`.
RANK = 3


def register(app: typer.Typer) -> None:
    """Add the command to the group of studies."""
    app.command()(regimes)


def regimes(
    candles: Annotated[
        list[Path] | None,
        typer.Option(help="Candles of a coin, of an hour or less; one option a file."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            envvar="GNOMON_DATA", help="Folder in which the known hourly files are looked for."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random draws.")] = 7,
    processes: Annotated[int, typer.Option(min=1, max=2, help="Worker processes.")] = 2,
    json_: JsonOption = False,
) -> None:
    """Label years of hourly candles and compare the labels with regimes known afterwards.

    Example: gnomon research regimes --data ../shared/data
    """
    from dataclasses import asdict

    from daemon.cli.progress import progress
    from market.errors import InputDamaged
    from research.candle_files import candles_of
    from research.lenses import readings
    from research.lenses.panel import workers
    from research.regimes import known, labels, study

    plan = known.registered()
    files = _files(plan, candles, data)
    detections: list[Detection] = []
    summaries: list[Summary] = []
    with progress("labelling the coins") as told, workers(processes) as spread:
        for at, (coin, path) in enumerate(files):
            if told is not None:
                told(at / len(files))
            read = candles_of(path, 60)
            try:
                hourly = labels.hourly(read.times_ms, read.closes)
                say(
                    f"{coin}: {len(hourly.days)} days from {hourly.days[0]}, "
                    f"{hourly.filled} missing hours carried over"
                )
                said = labels.labels(
                    hourly, plan.settings, read=readings.read, seed=seed, spread=spread
                )
            except ValueError as error:
                raise InputDamaged(f"{path}: {error}") from None
            found, totals = study.study(coin, hourly.days, said, plan.regime, plan.settings, seed)
            detections += found
            summaries += totals
    if json_:
        print_json(
            {
                "known": known.digest(),
                "seed": seed,
                "detections": [asdict(row) for row in detections],
                "summaries": [asdict(row) for row in summaries],
            }
        )
        return
    typer.echo(f"known regimes {known.digest()}, seed {seed}")
    print_detections(detections)
    print_summaries(summaries)


def _files(plan: Regimes, candles: list[Path] | None, data: Path | None) -> list[tuple[str, Path]]:
    """Return (coin, file) of what was given, else of what the folder holds of the known files."""
    from market.errors import OperatorError

    if candles:
        return [(path.name.split(".")[0], path) for path in candles]
    folder = data or Path("../shared/data")
    there = [(w.coin, folder / w.file) for w in plan.candles if (folder / w.file).exists()]
    if not there:
        raise OperatorError(
            f"no hourly candles: wanted is {folder / plan.candles[0].file} (--data or "
            "$GNOMON_DATA names the folder), or any file with --candles"
        )
    return there


def print_detections(rows: Sequence[Detection]) -> None:
    """Print lag, whipsaws and agreement of every label in every regime."""
    cells = [
        (
            row.coin,
            row.regime,
            row.kind,
            row.label,
            row.days,
            "never" if row.lag is None else row.lag,
            row.whipsaws,
            f"{row.agreement:.0%}",
            f"{row.elsewhere:.0%}",
        )
        for row in rows
    ]
    names = ("coin", "regime", "asked", "label", "days", "lag", "whipsaws", "agreement",
             "elsewhere")  # fmt: skip
    print_table("Days until a label said so, and how often it did", names, cells, left=4)


def print_summaries(rows: Sequence[Summary]) -> None:
    """Print the labels beside the plainest of their kind."""
    cells = [
        (
            row.coin,
            row.kind,
            row.label,
            row.days,
            f"{row.accuracy:.1%}",
            f"{row.said:.0%}",
            "–" if isnan(row.right) else f"{row.right:.0%}",
            number(row.flips_a_year, 0),
            number(100.0 * row.added, 1, sign=True),
            f"{100.0 * row.low:+.1f} … {100.0 * row.high:+.1f}",
            row.verdict or "the plainest",
        )
        for row in rows
    ]
    names = (
        "coin", "asked", "label", "days", "accuracy", "said", "right", "flips a year", "added",
        "95 %", "verdict",
    )  # fmt: skip
    print_table("Balanced accuracy, and points added to the plainest label", names, cells, left=3)
