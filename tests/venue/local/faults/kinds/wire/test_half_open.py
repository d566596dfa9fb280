from __future__ import annotations

from venue.local.faults.kinds.wire.half_open import HalfOpen


def test_it_freezes_and_does_not_break() -> None:
    assert HalfOpen().freezes()
    assert HalfOpen().breaks() is None
