from __future__ import annotations

from tests.venue.local.faults.spoiling import acknowledgement, payloads, pong, sent, trades
from venue.local.faults.kinds.wire.missing_ack import MissingAck


def test_acknowledgements_get_lost_and_nothing_else() -> None:
    out = sent(MissingAck(), acknowledgement(), trades(), pong())
    assert payloads(out) == [trades().payload, pong().payload]


def test_those_of_one_stream_alone() -> None:
    fault = MissingAck(channel="bbo", coin="ETH")
    acks = [acknowledgement("bbo", "ETH"), acknowledgement("bbo", "BTC"), acknowledgement("trades")]
    assert payloads(sent(fault, *acks)) == payloads(acks[1:])
