from __future__ import annotations

from typing import Any

import pytest

from tests.venue.local.faults.spoiling import answer, asked
from venue.hyperliquid import replies
from venue.local.faults.asked import Reply
from venue.local.faults.kinds.rest.impossible_candles import KINDS, ImpossibleCandles
from venue.local.faults.plan import Plan
from venue.local.faults.running import Running, made_of
from venue.local.market.frames import encode

ROWS: list[dict[str, Any]] = [
    {"t": 60_000 * i, "o": "10", "h": "11", "l": "9", "c": "10", "v": "1", "n": 1}
    for i in range(20)
]


@pytest.mark.parametrize("kind", KINDS)
def test_one_row_is_none_and_the_others_are(kind: Any) -> None:
    reply = answer(ImpossibleCandles(kind=kind), asked("candleSnapshot"), ROWS)
    found = replies.decode_candles(reply.body, step_ms=60_000)
    assert (len(found.rows), found.refused) == (19, 1)


def test_each_kind_has_its_turn() -> None:
    running, question = Running(Plan((ImpossibleCandles(),))), asked("candleSnapshot")
    seen = []
    for _ in KINDS:
        reply = made_of(running.request(question, 0), question, Reply(200, encode(ROWS)))
        rows = zip(reply.data(), ROWS, strict=True)
        seen.append(
            next(
                {k: v for k, v in row.items() if v != good[k]} for row, good in rows if row != good
            )
        )
    assert [list(spoilt) for spoilt in seen] == [["h"], ["l"], ["v"], ["c"], ["t"]]


def test_a_reply_without_rows_stays() -> None:
    assert answer(ImpossibleCandles(), asked("candleSnapshot"), []).data() == []
