from __future__ import annotations

from market.coin import Streams
from venue.hyperliquid.streams import COIN_STREAMS, FALLBACKS


def test_every_stream_of_a_coin_has_its_name_on_the_wire() -> None:
    # What deltas make has the place of the fast book.
    assert {s.name for s in COIN_STREAMS} == {*Streams.__struct_fields__, "l2"}
    assert len({(s.type, s.fast) for s in COIN_STREAMS}) == len(COIN_STREAMS)


def test_every_chain_of_stand_ins_ends() -> None:
    for stream in COIN_STREAMS:
        chain, name = [stream.name], stream.fallback
        while name is not None:
            assert name not in chain
            chain.append(name)
            name = FALLBACKS[name]
    assert [s.name for s in COIN_STREAMS if s.fallback] == ["l2", "fast", "slow"]
