from __future__ import annotations

import json

from market.events import Candle
from market.instrument import Instrument
from tests.venue.local.taping import START_MS, START_NS, bbo, book, trades
from venue.local.market.contract import Topic
from venue.local.playback.played import MINUTES_MAX, Played
from venue.local.playback.recorded import Shift, shown

MINUTE_MS = 60_000
SHIFT = Shift(START_NS, START_MS, 1.0)
LATER_MS = START_MS + 10 * MINUTE_MS
FIRST = START_MS - START_MS % MINUTE_MS


def played(*frames: bytes) -> Played:
    """Return what is known after some frames."""
    coin = Played(Instrument("BTC", 0, 5, 40))
    for raw in frames:
        each = shown(raw, SHIFT)
        assert each is not None
        coin.take(each, LATER_MS)
    return coin


def rows(coin: Played, now_ms: int) -> list[tuple[int, ...]]:
    bars = coin.bars(now_ms)
    columns = (bars.start_ms, bars.open, bars.high, bars.low, bars.close, bars.lots, bars.count)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_the_newest_of_each_stream_is_kept() -> None:
    coin = played(book(0, "100.0", "101.0"), book(5, "102.0", "103.0"))
    newest = coin.newest(Topic("l2Book", "BTC"))
    assert newest is not None
    assert newest["levels"][0][0]["px"] == "102.0"
    assert coin.newest(Topic("l2Book", "BTC", fast=True)) is None


def test_the_mid_is_that_of_the_newest_two_sided_touch() -> None:
    assert played().mid is None
    assert played(bbo(0, "100.0", None)).mid is None
    assert played(bbo(0, "100.0", "101.0")).mid == "100.5"
    coin = played(bbo(0, "100.0", "101.0"), book(1, "104.0", "105.0"), bbo(2, None, "99.5"))
    assert coin.mid == "104.5"


def test_minutes_are_what_the_trades_add_up_to() -> None:
    at = FIRST - START_MS
    coin = played(
        trades((at + 10, "100.0", "0.5", 1), (at + 20, "99.0", "0.25", 2)),
        trades((at + 59_999, "101.5", "0.1", 3)),
        trades((at + 3 * MINUTE_MS, "105.0", "1.0", 4)),
    )
    assert rows(coin, FIRST + 4 * MINUTE_MS) == [
        (FIRST, 1_000, 1_015, 990, 1_015, 85_000, 3),
        (FIRST + MINUTE_MS, 1_015, 1_015, 1_015, 1_015, 0, 0),
        (FIRST + 2 * MINUTE_MS, 1_015, 1_015, 1_015, 1_015, 0, 0),
        (FIRST + 3 * MINUTE_MS, 1_050, 1_050, 1_050, 1_050, 100_000, 1),
        (FIRST + 4 * MINUTE_MS, 1_050, 1_050, 1_050, 1_050, 0, 0),
    ]
    assert rows(played(), FIRST) == []


def test_a_trade_told_twice_counts_once() -> None:
    once = trades((0, "100.0", "0.5", 1), (5, "100.0", "0.5", 2))
    coin = played(once, once, trades((5, "100.0", "0.5", 2), (9, "101.0", "0.5", 3)))
    assert coin.traded == 3
    assert [t["tid"] for t in coin.trades] == [1, 2, 3]
    assert sum(row[6] for row in rows(coin, START_MS)) == 3


def test_a_trade_told_late_counts_in_its_own_minute() -> None:
    at = FIRST - START_MS
    coin = played(trades((at, "100.0", "1.0", 1)))
    coin.bars(FIRST + MINUTE_MS)
    for raw in (
        trades((at + MINUTE_MS - 1, "98.0", "1.0", 2)),
        trades((at - 1, "1.0", "1.0", 3)),
    ):
        each = shown(raw, SHIFT)
        assert each is not None
        coin.take(each, LATER_MS)
    first, second = rows(coin, FIRST + MINUTE_MS)
    assert first == (FIRST, 1_000, 1_000, 980, 980, 200_000, 2)
    assert second[6] == 0


def test_a_trade_from_the_far_future_is_no_bar() -> None:
    coin = played(trades((0, "100.0", "1.0", 1)), trades((10**10, "1.0", "1.0", 2)))
    assert len(rows(coin, START_MS)) == 1
    assert len(coin.trades) == 2


def test_memory_is_bounded() -> None:
    coin = played(trades((0, "100.0", "1.0", 1)))
    assert len(coin.bars(START_MS + 2 * MINUTES_MAX * MINUTE_MS)) == MINUTES_MAX
    coin = played(*(trades((n, "100.0", "1.0", n)) for n in range(600)))
    assert len(coin.trades) == 30


def test_recorded_candles_become_bars() -> None:
    bars = played().bars_of([Candle(FIRST, 100.0, 101.5, 99.0, 100.5, 0.25, 7)])
    assert [int(c[0]) for c in (bars.open, bars.high, bars.low, bars.close)] == [
        1000,
        1015,
        990,
        1005,
    ]
    assert (int(bars.lots[0]), int(bars.count[0])) == (25_000, 7)
    assert len(played().bars_of([])) == 0
    assert json.dumps(bars.start_ms.tolist()) == f"[{FIRST}]"
