from __future__ import annotations

from venue.local.exchange.state.exchange_state import Trade
from venue.local.exchange.steps.published import KEPT, Published


def trade(ms: int, px: int, lots: int = 2) -> Trade:
    return Trade("BTC", 1, px, lots, ms, 1, ms, "0xa", "0xb")


def test_minutes_are_added_up_and_a_reader_gets_what_it_has_not_seen() -> None:
    published = Published()
    for ms, px in ((60_000, 5), (60_500, 9), (119_999, 3), (120_000, 4)):
        published.add(trade(ms, px))
    tape = published.tapes["BTC"]
    first, second = tape.bars.values()
    shape = (first.open, first.high, first.low, first.close, first.lots, first.count)
    assert shape == (5, 9, 3, 3, 6, 3) and (first.first_ms, first.last_ms) == (60_000, 119_999)
    assert second.start_ms == 120_000
    assert [t.px for t in tape.since(2)] == [3, 4] and tape.since(4) == []


def test_only_the_newest_are_kept() -> None:
    published = Published()
    for ms in range(KEPT + 10):
        published.add(trade(ms, 5))
    tape = published.tapes["BTC"]
    assert len(tape.since(0)) == KEPT and tape.count == KEPT + 10
