"""Command `gnomon research calibrate`: how often the verdict errs where the truth is known."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import JsonOption, print_json

if TYPE_CHECKING:
    from research.calibration.study import Batch, Over
    from research.calibration.tally import Tally

# Its place in `gnomon research --help`.
RANK = 4
# A study that takes longer says how far it is.
SILENT_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the command to the group of studies."""
    app.command()(calibrate)


def calibrate(
    histories: Annotated[
        int, typer.Option(min=2, max=100_000, help="Desk-years of each world.")
    ] = 200,
    days: Annotated[int, typer.Option(min=120, max=365, help="Days of a desk-year.")] = 365,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the worlds.")] = 7,
    engine_days: Annotated[
        int,
        typer.Option(
            "--engine-days", min=0, max=400, help="Days of the laid-out desk; 0 leaves it out."
        ),
    ] = 40,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 2,
    json_: JsonOption = False,
) -> None:
    """Measure how often the verdict errs, and how soon it finds an effect, in known worlds.

    Example: gnomon research calibrate --histories 600
    """
    import msgspec

    from daemon.backtest.known.verify import known
    from daemon.cli.research.calibrate_text import print_figures, print_known
    from research.calibration.figures import figures
    from research.calibration.study import batches_of, study

    with _over(processes, batches_of(histories, days)) as over:
        found = figures(study(histories, days, seed, over), histories, days, seed)
    laid_out = known(engine_days, seed) if engine_days else None
    if json_:
        print_json({**msgspec.to_builtins(found), "engine": msgspec.to_builtins(laid_out)})
        return
    print_figures(found)
    if laid_out is not None:
        print_known(laid_out)


@contextmanager
def _over(processes: int, batches: int) -> Iterator[Over]:
    """Yield a map of batches over so many processes; one process is this one."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from research.calibration.study import one_by_one, run_batch

    if processes == 1:
        yield lambda work: _told(one_by_one(work), batches)
        return
    # One thread a worker: their own would fight over the cores.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:

        def over(work: Sequence[Batch]) -> Iterator[Tally]:
            return _told(pool.map(run_batch, work), batches)

        yield over


def _told(done: Iterator[Tally], batches: int) -> Iterator[Tally]:
    """Yield what is done and, on a terminal, show how far it is once that takes a while."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield from done
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    begun = time.monotonic()
    columns = (TextColumn("worlds"), BarColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=False) as bar:
        task = bar.add_task("", total=batches, visible=False)
        for one in done:
            bar.update(task, advance=1, visible=time.monotonic() - begun > SILENT_S)
            yield one
