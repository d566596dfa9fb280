from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from research.calibration import study as of
from research.calibration.cells import CELLS
from research.calibration.study import Batch, Found, batches_of, limits_of, one_by_one, split, study
from research.calibration.tally import Tally


def test_batches_hold_all_histories_once_and_seeds_of_their_own() -> None:
    world = CELLS[0].world
    batches = split(world, world.limits, 101, (7, 0, 3))
    assert sum(batch.histories for batch in batches) == 101
    assert len({batch.seed for batch in batches}) == len(batches) > 1
    assert all(max(batch.looks) <= world.days for batch in batches)


def small(histories: int, seed: int) -> Found:
    return study(histories, 120, seed)


def test_a_study_is_the_same_however_it_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are told apart by their seeds alone, not by who simulates them."""
    monkeypatch.setattr(of, "CELLS", CELLS[0:14:13])
    monkeypatch.setattr(of, "PLANTED", of.PLANTED[1:2])

    monkeypatch.setattr(of, "WHOLE_DAY_HISTORIES", 1)

    def listed(batches: Sequence[Batch]) -> Iterator[Tally]:
        assert len(batches) == batches_of(3, 120)
        return iter([next(one_by_one([batch])) for batch in list(batches)])

    first, second = study(3, 120, 7), study(3, 120, 7, listed)
    other = small(3, 8)
    for one, two, three in zip(first.cells, second.cells, other.cells, strict=True):
        assert one[0].world.days == 120
        same = one[1].choice.highest_low, two[1].choice.highest_low
        assert np.array_equal(*same)
        assert not np.array_equal(same[0], three[1].choice.highest_low)
    assert first.planted[0][1].protective.shape == (3, 3)
    assert first.turning.last.shape == (3, 1)
    assert len(first.whole_days) == 6
    assert limits_of(-1)[0].turns
