from __future__ import annotations

from venue.local.faults.kinds.wire.disconnect import Disconnect


def test_it_breaks_without_a_word_or_says_goodbye() -> None:
    assert Disconnect().breaks() == 1006
    assert Disconnect(close="clean").breaks() == 1001


def test_it_takes_but_a_moment_unless_told_otherwise() -> None:
    assert Disconnect(at_s=2.0).end_ms == 2_000
    assert Disconnect(at_s=2.0, for_s=1.0).end_ms == 3_000
