from __future__ import annotations

import msgspec

from tests.venue.local.faults.spoiling import acknowledgement, book, message, payloads, sent
from venue.hyperliquid import wire
from venue.local.faults.kinds.wire.no_fast import NoFast

ASKED = {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "mantissa": None, "fast": True}
ACK = message("subscriptionResponse", {"method": "subscribe", "subscription": ASKED})


def test_the_option_is_read_past() -> None:
    (out,) = sent(NoFast(), ACK)
    echo = msgspec.json.decode(out.payload)
    assert echo["channel"] == "subscriptionResponse"
    assert echo["data"] == {"method": "subscribe", "subscription": {**ASKED, "fast": False}}


def test_or_the_request_is_refused_with_the_request() -> None:
    (out,) = sent(NoFast(answer="error"), ACK)
    message_ = msgspec.json.decode(out.payload)
    assert message_["channel"] == "error"
    assert message_["data"].startswith("Error parsing JSON into valid websocket request: ")
    assert wire.object_in(message_["data"]) == {"method": "subscribe", "subscription": ASKED}


def test_no_fast_book_comes_and_every_other_frame_does() -> None:
    kept = [book(), acknowledgement("bbo"), acknowledgement("l2Book"), message("l2Book", 5)]
    for answer in ("ignore", "error"):
        fault = NoFast(answer=answer)  # type: ignore[arg-type]
        assert payloads(sent(fault, book(fast=True), *kept)) == payloads(kept)
