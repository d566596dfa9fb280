from __future__ import annotations

from itertools import pairwise

import numpy as np

from venue.local.market.grid import (
    BLOCK_MS,
    CELL_MS,
    CELLS,
    STEP_MS,
    STEPS,
    block_start,
    cell_at,
    cells_at,
)

DAY_MS = 86_400_000


def test_the_grid_divides_a_day() -> None:
    assert CELLS * CELL_MS == STEPS * STEP_MS == DAY_MS
    assert DAY_MS % BLOCK_MS == 0


def test_blocks_begin_at_multiples() -> None:
    assert [block_start(ms) for ms in (0, 74, 75, 151)] == [0, 0, 75, 150]


def test_a_price_takes_effect_at_one_block_of_its_cell() -> None:
    cells = [cell_at(ms, 11) for ms in range(0, 100 * CELL_MS, BLOCK_MS)]
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(cells))
    starts = [ms for ms in range(0, 100 * CELL_MS, BLOCK_MS) if cell_at(ms, 11) * CELL_MS == ms]
    # Not all at the cell's first block, nor all at the same one.
    assert 0 < len(starts) < 60


def test_coins_do_not_move_in_step() -> None:
    times = range(0, 200 * CELL_MS, BLOCK_MS)
    assert [cell_at(ms, 1) for ms in times] != [cell_at(ms, 2) for ms in times]


def test_arrays_agree_with_single_lookups() -> None:
    times = np.random.default_rng(1).integers(0, DAY_MS, 2_000)
    assert cells_at(times, 5).tolist() == [cell_at(int(ms), 5) for ms in times]
    assert cell_at(DAY_MS - 1, 5) in (CELLS - 1, CELLS - 2)
