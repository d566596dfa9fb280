from __future__ import annotations

import asyncio
from math import exp
from pathlib import Path

import pytest

from daemon.views.coin import CANDLES, coin_chart
from tests.support.daemons import busy


def test_a_chart_has_closed_candles_and_the_returns_of_minutes(tmp_path: Path) -> None:
    made = busy(tmp_path)
    try:
        found = coin_chart(made, "BTC")
        assert found is not None and 0 < len(found.candles) <= CANDLES
        for start_ms, open_, high, low, close in found.candles:
            assert low <= min(open_, close) <= max(open_, close) <= high and start_ms > 1e12
        minutes = made.engine.market.coins["BTC"].bars.series["1m"].close
        assert minutes[-2] * exp(found.returns[-1]) == pytest.approx(minutes[-1])
        assert coin_chart(made, "NONE") is None
    finally:
        asyncio.run(made.close("over"))
