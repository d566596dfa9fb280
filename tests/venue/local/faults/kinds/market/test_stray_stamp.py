from __future__ import annotations

import pytest

from tests.venue.local.faults.spoiling import book, message, sent, trades
from venue.local.faults.kinds.market.stray_stamp import StrayStamp


@pytest.mark.parametrize("off_ms", [29_000, -600_000])
def test_a_frame_is_dated_away_and_keeps_what_it_says(off_ms: int) -> None:
    out = sent(StrayStamp(off_ms=off_ms, share=1.0), book(time_ms=10**12), trades())
    assert [one.data["time"] for one in out[:1]] == [10**12 + off_ms]
    assert out[0].data["levels"] == book().data["levels"]
    assert out[1].data[0]["time"] == 5 + off_ms


def test_contexts_carry_no_time() -> None:
    context = message("activeAssetCtx", {"coin": "BTC", "ctx": {"funding": "0.0"}})
    assert sent(StrayStamp(share=1.0), context) == [context]
