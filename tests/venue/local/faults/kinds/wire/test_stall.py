from __future__ import annotations

from tests.venue.local.faults.spoiling import book, pong, sent
from venue.local.faults.kinds.wire.stall import Stall


def test_everything_comes_at_the_end_of_the_window() -> None:
    fault = Stall(for_s=2.0)
    early, late = sent(fault, book(), now_ms=100), sent(fault, pong(), now_ms=1_900)
    assert [one.delay_ms for one in early + late] == [1_900, 100]
    assert all(one.in_order for one in early + late)
    assert [one.delay_ms for one in sent(fault, book(), now_ms=2_000)] == [0]
