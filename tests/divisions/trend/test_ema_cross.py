from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from divisions.bot import Action
from divisions.trend.ema_cross import EmaCross, Memory, Params
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from tests.support.controls import assert_earns, trending
from tests.support.market import MINUTE_MS, START_MS, candle, make_coin, show_book, view_of


def ema(values: Iterable[float], bars: int) -> float:
    """The textbook average: seeded with the first value, weight 2 / (bars + 1)."""
    average = None
    for value in values:
        average = value if average is None else average + (value - average) * 2 / (bars + 1)
    assert average is not None
    return average


def walk_through(
    closes: Sequence[float], *, coin: Coin | None = None, memory: Memory | None = None, at: int = 0
) -> list[Action | None]:
    """Show the bars one by one; `at` is the number of the first."""
    shown = coin or make_coin(mid=closes[0])
    kept = memory or Memory()
    bot = EmaCross(Params())
    said = []
    for i, close in enumerate(closes):
        start_ms = START_MS + (at + i) * MINUTE_MS
        shown.bars.series["1m"].append(candle(start_ms, close))
        shown.on_minute()
        show_book(shown, close, time_ms=start_ms + MINUTE_MS)
        said.append(bot.on_bar(kept, shown, view_of(shown), "1m"))
    return said


def ramp(n: int, slope: float, start: float = 100.0) -> list[float]:
    return [start + slope * i for i in range(n)]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_steady_move_is_followed(side: int) -> None:
    coin = make_coin()
    closes = ramp(60, side * 0.2)
    signal = walk_through(closes, coin=coin)[-1]
    assert isinstance(signal, Signal)
    assert signal.side == side
    assert signal.plan.stop_px == pytest.approx(coin.book.mid - side * 6.0 * coin.minute_move())
    assert signal.plan.target_px == 0.0
    assert signal.saw["fast"] == pytest.approx(ema(closes, 8))
    assert signal.saw["slow"] == pytest.approx(ema(closes, 34))


def test_noise_that_goes_nowhere_is_not_followed() -> None:
    said = walk_through([100.0 + 0.2 * (i % 2) for i in range(120)])
    assert not any(isinstance(action, Signal) for action in said)


def test_a_price_that_stands_still_says_nothing() -> None:
    assert walk_through([100.0] * 120) == [None] * 120


def test_crossing_back_calls_the_exit_of_the_side_that_led() -> None:
    said = walk_through([*ramp(60, 0.2), *ramp(40, -0.4, start=111.6)])
    calls = [action for action in said if isinstance(action, ExitCall)]
    assert [call.side for call in calls] == [BUY]
    turned = said.index(calls[0])
    assert all(s.side == BUY for s in said[:turned] if isinstance(s, Signal))
    assert {s.side for s in said[turned:] if isinstance(s, Signal)} == {SELL}


def test_bars_that_came_while_it_did_not_look_are_made_up_for() -> None:
    closes = [*ramp(50, 0.3), *ramp(30, -0.2, start=114.5)]
    one_by_one, at_once = Memory(), Memory()
    walk_through(closes, memory=one_by_one)
    coin = make_coin()
    bot = EmaCross(Params())
    for i, close in enumerate(closes):
        coin.bars.series["1m"].append(candle(START_MS + i * MINUTE_MS, close))
        if i in (44, 45, 70, len(closes) - 1):
            bot.on_bar(at_once, coin, view_of(coin), "1m")
    assert at_once == one_by_one


def test_the_same_bar_twice_counts_once() -> None:
    coin, memory = make_coin(), Memory()
    walk_through(ramp(50, 0.1), coin=coin, memory=memory)
    before = (memory.fast, memory.slow, memory.seen)
    EmaCross(Params()).on_bar(memory, coin, view_of(coin), "1m")
    assert (memory.fast, memory.slow, memory.seen) == before


def test_after_a_hole_in_the_bars_it_begins_again() -> None:
    coin, memory, fresh = make_coin(), Memory(), Memory()
    walk_through(ramp(60, 0.2), coin=coin, memory=memory)
    said = walk_through(ramp(20, 0.2, start=200.0), coin=coin, memory=memory, at=90)
    assert not any(isinstance(action, Signal) for action in said)
    walk_through(ramp(20, 0.2, start=200.0), memory=fresh, at=90)
    assert memory == fresh


def test_it_speaks_at_its_warm_up_and_not_a_bar_before() -> None:
    said = walk_through(ramp(EmaCross.warm_up, 0.5))
    assert said[:-1] == [None] * (EmaCross.warm_up - 1)
    assert isinstance(said[-1], Signal)


def test_it_earns_after_fees_where_its_idea_is_true() -> None:
    assert_earns(EmaCross, trending(102, hours=48, length_h=3, drift=2.5e-4))
