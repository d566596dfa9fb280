from __future__ import annotations

from typing import Any

import pytest

from tests.venue.local.faults.spoiling import LEVEL, book, message, pong, sent, trades
from venue.local.faults.kinds.market.spike import Of, Spike

BEST = message("bbo", {"coin": "BTC", "time": 9, "bbo": [LEVEL, None]})
CONTEXT = message(
    "activeAssetCtx",
    {
        "coin": "BTC",
        "ctx": {
            "funding": "0.0001",
            "dayNtlVlm": "1000.5",
            "markPx": "100.5",
            "oraclePx": "100.25",
            "midPx": None,
            "impactPxs": ["100.0", "101.0"],
        },
    },
)
FRAMES = {"books": [book(), BEST], "prints": [trades()], "contexts": [CONTEXT]}


def test_prices_are_multiplied_and_nothing_else() -> None:
    out: list[Any] = [one.data for one in sent(Spike(), book(), BEST, trades(), CONTEXT)]
    assert out[0]["levels"] == [[{**LEVEL, "px": "1000"}], [{**LEVEL, "px": "1010"}]]
    assert (out[0]["time"], out[0]["coin"]) == (1, "BTC")
    assert out[1]["bbo"] == [{**LEVEL, "px": "1000"}, None]
    assert (out[2][0]["px"], out[2][0]["sz"], out[2][0]["tid"]) == ("1000", "1.0", 1)
    assert out[3]["ctx"] == {
        "funding": "0.0001",
        "dayNtlVlm": "1000.5",
        "markPx": "1005",
        "oraclePx": "1002.5",
        "midPx": None,
        "impactPxs": ["1000", "1010"],
    }


@pytest.mark.parametrize("of", ["books", "prints", "contexts"])
def test_one_kind_of_stream_may_lie_alone(of: Of) -> None:
    for kind, frames in FRAMES.items():
        assert (sent(Spike(of=of), *frames) == frames) is (kind != of)


def test_a_factor_below_one_and_what_is_no_price() -> None:
    (out,) = sent(Spike(factor=1e-9), trades())
    assert out.data[0]["px"] == "0.0000001"
    odd = message("trades", [{"coin": "BTC", "px": "many"}])
    assert sent(Spike(), odd, pong()) == [odd, pong()]
    assert sent(Spike(), book(), now_ms=1_800) == [book()]
