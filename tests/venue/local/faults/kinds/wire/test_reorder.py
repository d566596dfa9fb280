from __future__ import annotations

from tests.venue.local.faults.spoiling import payloads, sent, trades
from venue.local.faults.kinds.wire.reorder import Reorder


def test_frames_are_held_each_for_itself() -> None:
    frames = [trades(tid=n) for n in range(200)]
    out = sent(Reorder(delay_ms_max=1_000), *frames)
    assert payloads(out) == [one.payload for one in frames]
    held = [one.delay_ms for one in out if not one.in_order]
    assert 60 < len(held) < 140
    assert max(held) <= 1_000
    assert len(set(held)) > 40
