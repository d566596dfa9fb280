from __future__ import annotations

from tests.venue.local.faults.spoiling import book, sent
from venue.local.faults.kinds.wire.slow_stream import SlowStream


def test_the_lag_grows_to_its_limit() -> None:
    fault = SlowStream(for_s=60.0, lag_ms_per_s=200.0, lag_ms_max=3_000)
    lags = [sent(fault, book(), now_ms=ms)[0].delay_ms for ms in (0, 1_000, 10_000, 50_000)]
    assert lags == [0, 200, 2_000, 3_000]
    assert sent(fault, book(), now_ms=9)[0].in_order
