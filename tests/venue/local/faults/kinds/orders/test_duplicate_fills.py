from __future__ import annotations

from tests.venue.local.faults.spoiling import answer, asked, fills, message, sent, trades
from venue.local.faults.kinds.orders.duplicate_fills import DuplicateFills


def test_frames_with_fills_come_twice() -> None:
    event = message("user", {"fills": [{"coin": "BTC", "tid": 1}]})
    assert sent(DuplicateFills(), fills(1), event) == [fills(1), fills(1), event, event]


def test_other_frames_and_snapshots_come_once() -> None:
    others = [trades(), message("user", {"funding": {"coin": "BTC"}}), fills(1, snapshot=True)]
    assert sent(DuplicateFills(), *others) == others


def test_rows_that_are_asked_for_come_twice() -> None:
    question = asked("userFills", user="0x0")
    assert answer(DuplicateFills(), question, [{"tid": 1}, {"tid": 2}]).data() == [
        {"tid": 1},
        {"tid": 1},
        {"tid": 2},
        {"tid": 2},
    ]
    assert answer(DuplicateFills(), question, None).data() is None
