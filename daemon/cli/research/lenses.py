"""Command `gnomon research lenses`: the dress rehearsal of the phase-space filter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import JsonOption, print_json, say

if TYPE_CHECKING:
    from research.candle_files import Candles
    from research.lenses.panel import Panel, Spread
    from research.lenses.protocol import Protocol
    from research.lenses.rejections import Rejection
    from research.lenses.study import Tables

CandleOption = Annotated[
    list[Path] | None,
    typer.Option(help="Candles of a coin (feather, json.gz or csv.gz); one option a file."),
]
DataOption = Annotated[
    Path | None,
    typer.Option(help="Folder of recorded candles; known files are looked for in it by name."),
]


# Its place in `gnomon research --help`.
RANK = 2


def register(app: typer.Typer) -> None:
    """Add the command to the group of studies."""
    app.command()(lenses)


def lenses(
    windows: Annotated[
        int, typer.Option(min=100, max=100_000, help="Windows a world, and at most a file.")
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of worlds and draws.")] = 7,
    candles: CandleOption = None,
    data: DataOption = None,
    bar: Annotated[int, typer.Option(min=0, help="Minutes of a bar; 0: those of the file.")] = 0,
    horizon: Annotated[int, typer.Option(help="Bars ahead: 15, 60 or 240.")] = 60,
    processes: Annotated[int, typer.Option(min=1, max=2, help="Worker processes.")] = 2,
    json_: JsonOption = False,
) -> None:
    """Rehearse the lenses: on worlds with and without order, or on the candles that are given.

    Example: gnomon research lenses --windows 200
    """
    from dataclasses import asdict

    from daemon.cli.progress import waiting
    from daemon.cli.research import lenses_text
    from research.lenses import readings, rejections
    from research.lenses.crashes import crash_of
    from research.lenses.panel import workers
    from research.lenses.protocol import digest, registered

    protocol = registered()
    if horizon not in protocol.horizons:
        raise typer.BadParameter(
            f"{horizon} is not one of {', '.join(map(str, protocol.horizons))}",
            param_hint="--horizon",
        )
    files = [("", "", path, "", "") for path in candles or []] + _crashes(protocol, data)
    rejected: list[Rejection] = []
    with waiting("asking every lens of every window"), workers(processes) as spread:
        if files:
            panels = _recorded(files, protocol, windows, seed, bar, horizon, spread)
            for name, group in panels:
                rejected += rejections.on_paths(name, group, readings.NAMES, protocol)
        else:
            rejected, panels = _worlds(protocol, windows, seed, horizon, spread)
    found = [_tables(name, group, protocol, horizon, seed) for name, group in panels]
    crashes = [
        (name, [crash_of(p, readings.NAMES, max(protocol.horizons)) for p in group])
        for name, group in panels
        if files
    ]
    if json_:
        print_json(
            {
                "protocol": digest(),
                "windows": windows,
                "seed": seed,
                "horizon": horizon,
                "rejections": [asdict(row) for row in rejected],
                "tables": [asdict(tables) for tables in found],
                "crashes": [
                    {"data": name, **asdict(crash)} for name, rows in crashes for crash in rows
                ],
            }
        )
        return
    typer.echo(f"protocol {digest()}, {windows} windows, seed {seed}, horizon {horizon} bars")
    lenses_text.rejections(rejected, protocol)
    for tables in found:
        lenses_text.tables(tables)
    for name, rows in crashes:
        lenses_text.crashes(name, rows)


def _crashes(protocol: Protocol, folder: Path | None) -> list[tuple[str, str, Path, str, str]]:
    """Return (event, coin, file, from, to) of the registered files that the folder holds."""
    from market.errors import InputDamaged

    if folder is None:
        return []
    there = []
    for crash in protocol.crash:
        path = folder / crash.file
        if path.exists():
            there.append((crash.event, crash.coin, path, crash.since, crash.to))
        else:
            say(f"{path} is not there")
    if not there:
        raise InputDamaged(f"{folder}: none of the files of research/lenses/protocol.toml is there")
    return there


def _worlds(
    protocol: Protocol, windows: int, seed: int, horizon: int, spread: Spread
) -> tuple[list[Rejection], list[tuple[str, list[Panel]]]]:
    from research.lenses import readings, rejections, study, worlds

    rejected: list[Rejection] = []
    for world in (*worlds.NULLS, *worlds.POSITIVES):
        count = windows if world in worlds.NULLS else min(windows, protocol.power_windows)
        say(f"{world}: {count} windows")
        rejected += rejections.rejections(
            readings.NAMES,
            protocol,
            windows=count,
            seed=seed,
            read=readings.read,
            spread=spread,
            made=(world,),
        )
    panels = []
    for world in (*worlds.NULLS, "chaos"):
        count = min(windows, protocol.path_points)
        say(f"{world}: a path of {count} points")
        panel = study.world_panel(
            world,
            protocol,
            windows=count,
            seed=seed,
            horizon=horizon,
            read=readings.read,
            spread=spread,
        )
        panels.append((world, [panel]))
    return rejected, panels


def _recorded(
    files: Sequence[tuple[str, str, Path, str, str]],
    protocol: Protocol,
    windows: int,
    seed: int,
    bar: int,
    horizon: int,
    spread: Spread,
) -> list[tuple[str, list[Panel]]]:
    """Return the panels of the files, those with bars of one length together."""
    import numpy as np

    from market.errors import InputDamaged
    from research.candle_files import candles_of, dated
    from research.lenses import readings
    from research.lenses.panel import panel_of

    groups: dict[int, list[Panel]] = {}
    for event, coin, path, since, to in files:
        read = dated(candles_of(path, bar), since, to)
        say(f"{path.name}: {len(read.closes)} bars of {read.step_ms // 60_000} minutes")
        try:
            panel = panel_of(
                f"{event} {coin}".strip() or read.name,
                read.times_ms // read.step_ms,
                np.diff(np.log(read.closes), prepend=np.log(read.closes[0])),
                protocol,
                read=readings.read,
                most=windows,
                seed=seed,
                horizon=horizon,
                span=_span(read),
                coin=coin,
                spread=spread,
            )
        except ValueError as error:
            raise InputDamaged(f"{path}: {error}") from None
        groups.setdefault(read.step_ms // 60_000, []).append(panel)
    return [(f"{minutes}m candles", group) for minutes, group in sorted(groups.items())]


def _span(candles: Candles) -> str:
    """Return what files over the same time have in common: the days of the first and last bar."""
    day = 86_400_000
    return f"{candles.times_ms[0] // day}-{candles.times_ms[-1] // day}"


def _tables(name: str, panels: list[Panel], protocol: Protocol, horizon: int, seed: int) -> Tables:
    from market.errors import InputDamaged
    from research.lenses import readings, study

    try:
        return study.tables(name, panels, readings.NAMES, protocol, horizon=horizon, seed=seed)
    except ValueError as error:
        raise InputDamaged(str(error)) from None
