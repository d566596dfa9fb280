from __future__ import annotations

from market.coin import Streams
from venue.hyperliquid.streams import COIN_STREAMS


def test_every_stream_of_a_coin_has_its_name_on_the_wire() -> None:
    assert {s.name for s in COIN_STREAMS} == set(Streams.__struct_fields__)
    assert len({(s.type, s.fast) for s in COIN_STREAMS}) == len(COIN_STREAMS)
