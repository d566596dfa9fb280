"""Command `gnomon research calibrate`: how often the verdict errs where the truth is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import JsonOption, print_json
from daemon.cli.progress import progress

if TYPE_CHECKING:
    from research.calibration.study import Batch, Over
    from research.calibration.tally import Tally

# Its place in `gnomon research --help`.
RANK = 4


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
    laid_out = known(engine_days) if engine_days else None
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

    with progress("worlds") as show:
        if processes == 1:
            yield lambda work: _told(one_by_one(work), batches, show)
            return
        # One thread a worker: their own would fight over the cores.
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:

            def over(work: Sequence[Batch]) -> Iterator[Tally]:
                return _told(pool.map(run_batch, work), batches, show)

            yield over


def _told(
    done: Iterator[Tally], batches: int, show: Callable[[float], None] | None
) -> Iterator[Tally]:
    """Yield what is done, and show how far it is."""
    for i, one in enumerate(done, start=1):
        if show is not None:
            show(i / batches)
        yield one
