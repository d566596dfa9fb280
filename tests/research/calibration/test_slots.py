from __future__ import annotations

import numpy as np

from research.calibration.signals import World, draw
from research.calibration.slots import admit

BUSY = World("busy", 20.0, 30, hold_days=1.0, law="stops", limits="hard")


def test_no_desk_holds_more_than_its_slots() -> None:
    signals = draw(BUSY, 3, np.random.default_rng(1))
    blocks = np.random.default_rng(2).random((2, len(signals.r))) < 0.3
    room, admitted = admit(signals, blocks, 4, 3)
    opens = signals.day + signals.time
    closes = np.where(signals.close > signals.day, signals.close + 0.5, opens + 0.25)
    for desk in range(3):
        blocked = blocks[desk] if desk < 2 else np.zeros(len(opens), dtype=np.bool_)
        assert not (admitted[desk] & blocked).any()
        for i in range(0, len(opens), 7):
            mine = admitted[desk] & (signals.history == signals.history[i])
            open_then = (mine & (opens < opens[i]) & (closes > opens[i])).sum()
            assert open_then <= 4
            assert room[desk, i] == (open_then < 4)
    assert 0.2 < admitted[2].mean() < 0.9


def test_a_slot_left_free_goes_to_a_later_signal() -> None:
    signals = draw(BUSY, 3, np.random.default_rng(1))
    blocks = np.random.default_rng(2).random((1, len(signals.r))) < 0.5
    _, admitted = admit(signals, blocks, 3, 3)
    assert (admitted[0] & ~admitted[1]).any()
