from __future__ import annotations

from tests.venue.local.faults.spoiling import answer, asked, fills, message, sent
from venue.local.faults.kinds.orders.late_fills import LateFills


def test_fills_are_overtaken_by_the_orders_they_belong_to() -> None:
    update = message("orderUpdates", [{"order": {"coin": "BTC"}, "status": "filled"}])
    late, order = sent(LateFills(delay_ms=700), fills(1), update)
    assert (late.delay_ms, late.in_order) == (700, False)
    assert order == update


def test_snapshots_come_in_time() -> None:
    assert sent(LateFills(), fills(1, snapshot=True)) == [fills(1, snapshot=True)]


def test_the_newest_are_not_there_yet_when_asked_for() -> None:
    rows = [{"tid": 1, "time": 9}, {"tid": 2, "time": 7}, {"tid": 3, "time": 8}]
    question = asked("userFills", user="0x0")
    assert answer(LateFills(missing=2), question, rows).data() == [rows[1]]
    assert answer(LateFills(), question, None).data() is None
