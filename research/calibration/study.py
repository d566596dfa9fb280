"""The calibration as a whole: batches of histories over processes, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from research.calibration import whole_days
from research.calibration.booking import book
from research.calibration.cells import CELLS, LOOKS, Cell
from research.calibration.limits import SETS, Limit
from research.calibration.power import PLANTED, TURNING, TURNS, Planted
from research.calibration.signals import World, draw
from research.calibration.tally import Tally, joined, tally
from shadow.report.terms import Terms

# Numbers in the largest array of a batch: as much as the caches of a core bear.
BATCH_NUMBERS = 2_000_000
PLANTED_HISTORIES_MAX = 300
WHOLE_DAY_HISTORIES = 20


@dataclass(frozen=True)
class Batch:
    """Some histories of one world."""

    world: World
    limits: str | int
    histories: int
    seed: tuple[int, ...]
    looks: tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """Tallies of cells, of planted effects and of the limit that turns; coverage of whole days."""

    cells: tuple[tuple[Cell, Tally], ...]
    planted: tuple[tuple[Planted, Tally], ...]
    turning: Tally
    whole_days: tuple[tuple[whole_days.Cell, tuple[float, ...]], ...]


def limits_of(key: str | int) -> tuple[Limit, ...]:
    """Return a set of worthless limits by its name, planted ones by their number, −1: turning."""
    if isinstance(key, str):
        return SETS[key]
    return TURNS if key < 0 else PLANTED[key].limits


def run_batch(batch: Batch) -> Tally:
    """Simulate one batch."""
    rng = np.random.default_rng(batch.seed)
    signals = draw(batch.world, batch.histories, rng)
    booked = book(batch.world, signals, limits_of(batch.limits), batch.histories, rng)
    return tally(booked, batch.looks, Terms())


def split(world: World, limits: str | int, histories: int, seed: tuple[int, ...]) -> list[Batch]:
    """Return the batches of so many histories."""
    numbers = world.days * world.bots * len(limits_of(limits))
    size = max(1, BATCH_NUMBERS // numbers)
    looks = tuple(day for day in LOOKS if day <= world.days)
    return [
        Batch(world, limits, min(size, histories - at), (*seed, at), looks)
        for at in range(0, histories, size)
    ]


Over = Callable[[Sequence[Batch]], Iterator[Tally]]


def one_by_one(batches: Sequence[Batch]) -> Iterator[Tally]:
    """Simulate batches in this process."""
    return map(run_batch, batches)


def study(histories: int, days: int, seed: int, over: Over = one_by_one) -> Found:
    """Run all cells with so many desk-years each of so many days (365: those of the cells)."""
    cells = [_of_days(cell, days) for cell in CELLS]
    few = min(histories, PLANTED_HISTORIES_MAX)
    plans = [
        *(split(c.world, c.world.limits, histories, (seed, 0, i)) for i, c in enumerate(cells)),
        *(split(p.world, i, few, (seed, 1, i)) for i, p in enumerate(PLANTED)),
        split(TURNING, -1, few, (seed, 2)),
    ]
    done = over([batch for plan in plans for batch in plan])
    tallies = [joined([next(done) for _ in plan]) for plan in plans]
    planted = tallies[len(cells) : -1]
    many = max(histories * WHOLE_DAY_HISTORIES, 200)
    rng = np.random.default_rng((seed, 3))
    return Found(
        tuple(zip(cells, tallies[: len(cells)], strict=True)),
        tuple(zip(PLANTED, planted, strict=True)),
        tallies[-1],
        tuple(
            (cell, tuple(map(float, whole_days.covered(cell, many, LOOKS, rng, Terms()))))
            for cell in whole_days.CELLS
        ),
    )


def batches_of(histories: int, days: int) -> int:
    """Return how many batches a study has."""
    few = min(histories, PLANTED_HISTORIES_MAX)
    cells = [_of_days(cell, days).world for cell in CELLS]
    plans = [
        *(split(world, world.limits, histories, (0,)) for world in cells),
        *(split(p.world, i, few, (0,)) for i, p in enumerate(PLANTED)),
        split(TURNING, -1, few, (0,)),
    ]
    return sum(map(len, plans))


def _of_days(cell: Cell, days: int) -> Cell:
    """Return a cell with years of so many days."""
    if days == 365:
        return cell
    years = cell.world.days // 365
    world = World(**{**cell.world.__dict__, "days": days * years})
    return Cell(world, cell.sheet, cell.coverage, cell.selective)
