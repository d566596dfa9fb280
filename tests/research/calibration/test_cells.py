from __future__ import annotations

from research.calibration.cells import CELLS
from research.calibration.limits import SETS


def test_cells_have_names_of_their_own_and_know_their_limits() -> None:
    assert len({cell.world.name for cell in CELLS}) == len(CELLS) > 20
    for cell in CELLS:
        names = {limit.name for limit in SETS[cell.world.limits]}
        assert names >= set(cell.selective)


def test_what_nobody_had_simulated_is_among_them() -> None:
    new = [cell.world for cell in CELLS if cell.sheet is None]
    assert any(world.slots for world in new)
    assert any(world.days > 1000 for world in new)
    assert any(world.regime_days[0] >= 60 for world in new)
