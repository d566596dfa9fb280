from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from market.decision import BUY
from market.fills import Fill
from market.orders import (
    Accepted,
    BrokerEvent,
    Cancel,
    Cancelled,
    Enter,
    Exit,
    Filled,
    Intent,
    PartlyFilled,
    Protect,
    Refused,
    Unknown,
)

FILL = Fill(10, 100.01, 1_000_100, 450, 1)
INTENTS: list[Intent] = [
    Enter(8, "SOL", BUY, 10, 0, 400, 900),
    Exit(8, "SOL", BUY, 10, 0, 400, "stop"),
    Protect(8, "SOL", BUY, 10, 99.0),
    Cancel(8, "SOL", "entry"),
]
EVENTS: list[BrokerEvent] = [
    Accepted(8, "entry", 1),
    Filled(8, "exit", 1, FILL),
    PartlyFilled(8, "exit", 1, FILL),
    Refused(8, "entry", 1, "why"),
    Cancelled(8, "entry", 1, "why"),
    Unknown(8, "exit", 1, "timeout"),
]


@pytest.mark.parametrize(("kinds", "samples"), [(Intent, INTENTS), (BrokerEvent, EVENTS)])
def test_every_kind_is_told_apart_in_writing(kinds: type, samples: list[object]) -> None:
    assert {type(sample) for sample in samples} == set(get_args(kinds)), "a sample of each kind"
    for sample in samples:
        assert msgspec.json.decode(msgspec.json.encode(sample), type=kinds) == sample


def test_nothing_changes_an_intent_that_was_sent() -> None:
    for intent in INTENTS:
        with pytest.raises(AttributeError):
            intent.trade_id = 9  # type: ignore[misc]
