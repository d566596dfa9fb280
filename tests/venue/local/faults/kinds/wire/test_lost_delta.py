from __future__ import annotations

from tests.venue.local.faults.spoiling import book, delta, message, sent
from venue.local.faults.kinds.wire.lost_delta import LostDelta


def test_every_second_delta_of_a_coin_is_lost_and_nothing_else() -> None:
    snapshot = message("l2", {"s": {"coin": "BTC", "time": 1, "levels": [[], []]}})
    out = sent(LostDelta(), snapshot, delta(time_ms=1), delta("ETH"), delta(time_ms=2), book())
    assert out == [snapshot, delta(time_ms=1), delta("ETH"), book()]
    assert sent(LostDelta(every=1), delta(), delta()) == []
