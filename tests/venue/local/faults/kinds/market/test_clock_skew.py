from __future__ import annotations

from tests.venue.local.faults.spoiling import answer, asked, book, message, sent, trades
from venue.local.faults.kinds.market.clock_skew import ClockSkew


def test_times_in_frames_are_off() -> None:
    shifted_book, shifted_trades = sent(ClockSkew(skew_ms=-3), book(time_ms=10), trades())
    assert shifted_book.data["time"] == 7
    assert shifted_trades.data[0]["time"] == 2
    assert shifted_book.data["levels"] == book().data["levels"]


def test_the_times_of_orders_are_off_as_well() -> None:
    row = {"order": {"coin": "BTC", "timestamp": 5}, "status": "open", "statusTimestamp": 6}
    (out,) = sent(ClockSkew(skew_ms=100), message("orderUpdates", [row]))
    assert out.data[0]["order"]["timestamp"] == 105
    assert out.data[0]["statusTimestamp"] == 106


def test_labels_of_bars_stay() -> None:
    bar = message("candle", {"t": 0, "T": 59_999, "s": "BTC"})
    assert sent(ClockSkew(), bar)[0].data == bar.data


def test_the_clock_that_can_be_asked_is_off() -> None:
    reply = answer(
        ClockSkew(skew_ms=5), asked("exchangeStatus"), {"time": 1, "specialStatuses": None}
    )
    assert reply.data() == {"time": 6, "specialStatuses": None}
