"""The time grid: blocks, cells, days of history.

Blocks come every 75 ms, as the venue's do on average. A cell of eight blocks holds one mid price;
at which of its blocks it takes effect is jittered, so coins do not move in step. A step of fifty
cells carries trend, volatility and premium. Days are UTC days counted from the world's epoch, and
all of these divide a day exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from market.events import MS_PER_DAY, MS_PER_HOUR

BLOCK_MS = 75
CELL_BLOCKS = 8
CELL_MS = BLOCK_MS * CELL_BLOCKS
CELLS = MS_PER_DAY // CELL_MS
STEP_CELLS = 50
STEP_MS = CELL_MS * STEP_CELLS
STEPS = MS_PER_DAY // STEP_MS
STEPS_PER_HOUR = MS_PER_HOUR // STEP_MS
HOURS = 24

_MIX = 2_654_435_761


def block_start(ms: int) -> int:
    """Return the time of the block that is current at `ms`."""
    return ms - ms % BLOCK_MS


def cell_at(ms_of_day: int, salt: int) -> int:
    """Return the cell whose price is in force at a time of the day."""
    block = ms_of_day // BLOCK_MS
    cell = block // CELL_BLOCKS
    if block % CELL_BLOCKS < ((cell + salt) * _MIX >> 13) % CELL_BLOCKS and cell:
        return cell - 1
    return cell


def cells_at(ms_of_day: npt.NDArray[np.int64], salt: int) -> npt.NDArray[np.int64]:
    """Return the cells in force at times of the day, as `cell_at` does."""
    block = ms_of_day // BLOCK_MS
    cell = block // CELL_BLOCKS
    early = block % CELL_BLOCKS < ((cell + salt) * _MIX >> 13) % CELL_BLOCKS
    return np.maximum(cell - early, 0)


HISTORY_DAYS = 30
