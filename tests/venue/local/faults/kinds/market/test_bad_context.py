from __future__ import annotations

import pytest

from market.errors import ProtocolViolation
from tests.support.venue import context
from tests.venue.local.faults.spoiling import message, payloads, sent, trades
from venue.hyperliquid import wire
from venue.hyperliquid.session import Session
from venue.hyperliquid.wire import Subscription
from venue.local.faults.kinds.market.bad_context import VALUES, BadContext
from venue.local.faults.outgoing import read


@pytest.mark.parametrize("kind", VALUES)
def test_no_such_context_is_believed(kind: str) -> None:
    (out,) = sent(BadContext(kind=kind), read(context()))  # type: ignore[arg-type]
    session = Session([Subscription("activeAssetCtx", "BTC")])
    assert session.receive(context(), 0) is not None
    assert session.receive(out.payload, 0) is None
    assert sum(session.violations.values()) == 1
    assert wire.named(out.payload) == Subscription("activeAssetCtx", "BTC")


def test_each_comes_in_turn() -> None:
    out = sent(BadContext(), *(read(context()) for _ in range(6)))
    changed = [frame.data["ctx"] for frame in out]
    for i, values in enumerate([*VALUES.values(), *VALUES.values()]):
        assert values.items() <= changed[i].items()
    for frame in out[:3]:
        with pytest.raises(ProtocolViolation):
            wire.context_update(wire.decode(frame.payload).data, 0)  # type: ignore[union-attr]


def test_other_frames_are_left_alone() -> None:
    frames = [trades(), message("activeAssetCtx", 5), message("activeAssetCtx", {"coin": "BTC"})]
    assert payloads(sent(BadContext(), *frames)) == payloads(frames)
