from __future__ import annotations

from typing import Any

import pytest

from tests.venue.local.faults.spoiling import answer, asked
from venue.local.faults.kinds.rest.missing_candles import MissingCandles

ROWS: list[dict[str, Any]] = [{"t": 60_000 * i, "n": i % 3} for i in range(10)]


def told(fault: MissingCandles, rows: list[dict[str, Any]] = ROWS) -> list[int]:
    found = answer(fault, asked("candleSnapshot"), rows).data()
    return [row["t"] // 60_000 for row in found]


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (MissingCandles(), [0, 1, 2, 3, 4, 5, 6, 7, 9]),
        (MissingCandles(rows=3), [0, 1, 2, 3, 4, 5, 9]),
        (MissingCandles(rows=3, running=True), [0, 1, 2, 3, 4, 5]),
        (MissingCandles(rows=3, traded=False), [0, 1, 2, 3, 4, 5, 7, 8, 9]),
    ],
)
def test_the_newest_closed_rows_are_left_out(fault: MissingCandles, left: list[int]) -> None:
    assert told(fault) == left


def test_a_reply_of_hardly_any_rows_stays() -> None:
    assert told(MissingCandles(), ROWS[:2]) == [0, 1]
    assert answer(MissingCandles(), asked("candleSnapshot"), None).data() is None
