from __future__ import annotations

import pytest

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench
from venue.local.exchange.steps.rows import direction


@pytest.mark.parametrize(
    ("start", "signed", "words"),
    [
        (0, 5, "Open Long"),
        (3, 5, "Open Long"),
        (0, -5, "Open Short"),
        (-3, -5, "Open Short"),
        (5, -5, "Close Long"),
        (-5, 3, "Close Short"),
        (5, -8, "Long > Short"),
        (-5, 8, "Short > Long"),
    ],
)
def test_a_fill_says_what_it_did_to_the_position(start: int, signed: int, words: str) -> None:
    assert direction(start, signed) == words


def test_a_fill_has_the_fields_of_the_venues() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1", cloid="0x" + "e" * 32)
    fills = {n.user: n.data for n in bench.notes("fill")}
    plain = [
        "coin", "px", "sz", "side", "time", "startPosition", "dir", "closedPnl", "hash", "oid",
        "crossed", "fee", "tid", "feeToken", "twapId",
    ]  # fmt: skip
    assert list(fills[BOB]) == plain and list(fills[ALICE]) == [*plain[:-2], "cloid", *plain[-2:]]
    assert fills[ALICE]["tid"] == fills[BOB]["tid"] < 1 << 50
    assert fills[ALICE]["hash"] == fills[BOB]["hash"] and len(fills[BOB]["hash"]) == 66
