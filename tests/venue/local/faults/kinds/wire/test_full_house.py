from __future__ import annotations

import msgspec

from tests.venue.local.faults.spoiling import acknowledgement, payloads, pong, sent, trades
from venue.local.faults.kinds.wire.full_house import TEXT, FullHouse


def test_a_subscription_beyond_the_limit_is_refused_without_its_name() -> None:
    frames = [acknowledgement(), trades(), acknowledgement("trades", "ETH"), trades("ETH"), pong()]
    out = sent(FullHouse(channel="trades", coin="BTC"), *frames)
    assert msgspec.json.decode(out[0].payload) == {"channel": "error", "data": TEXT}
    assert payloads(out[1:]) == payloads(frames[2:])
