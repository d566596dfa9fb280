from __future__ import annotations

import pytest

from venue.local.market.contract import Topic, beat


def test_an_echo_has_the_venues_defaults_filled_in() -> None:
    assert Topic("l2", coin="BTC").echo() == {"type": "l2", "c": "BTC", "s": None, "m": None}
    assert Topic("l2Book", coin="BTC").echo() == {
        "type": "l2Book",
        "coin": "BTC",
        "nSigFigs": None,
        "mantissa": None,
        "fast": False,
    }
    assert Topic("bbo", coin="BTC").echo() == {"type": "bbo", "coin": "BTC"}
    assert Topic("allMids").echo() == {"type": "allMids"}
    candle = Topic("candle", coin="BTC", interval="1m").echo()
    assert candle == {"type": "candle", "coin": "BTC", "interval": "1m"}


@pytest.mark.parametrize(
    ("since", "now", "at"),
    [(0, 99, None), (0, 100, 100), (100, 199, None), (99, 100, 100), (50, 460, 400)],
)
def test_a_beat_falls_into_the_span_or_does_not(since: int, now: int, at: int | None) -> None:
    assert beat(100, since, now) == at
