from __future__ import annotations

from tests.venue.local.faults.spoiling import (
    acknowledgement,
    book,
    message,
    payloads,
    pong,
    sent,
    trades,
)
from venue.local.faults.kinds.wire.silent_stream import SilentStream


def test_a_stream_is_acknowledged_and_says_nothing() -> None:
    frames = [acknowledgement(), trades(), trades("ETH"), book(), pong()]
    fault = SilentStream(channel="trades", coin="BTC")
    assert payloads(sent(fault, *frames)) == payloads([frames[0], *frames[2:]])


def test_without_a_stream_all_but_the_answers_are_silent() -> None:
    frames = [acknowledgement(), trades(), book(), pong()]
    assert payloads(sent(SilentStream(), *frames)) == payloads([frames[0], frames[3]])


def test_one_kind_of_book_may_be_silent_alone() -> None:
    fast, slow = book(fast=True), book()
    silent = {
        kind: payloads(sent(SilentStream(channel="l2Book", book=kind), fast, slow))  # type: ignore[arg-type]
        for kind in ("both", "fast", "slow")
    }
    assert silent == {"both": [], "fast": [slow.payload], "slow": [fast.payload]}
    bbo = message("bbo", {"coin": "BTC"})
    assert payloads(sent(SilentStream(book="fast"), bbo)) == []
