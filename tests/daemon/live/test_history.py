from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.live.history import PAUSE_MAX_S, TELL_AFTER_S, WORKERS, History
from market.decision import Request
from market.errors import InvariantBroken, VenueUnreachable
from market.events import TIMEFRAME_MS, TIMEFRAMES, Candle, Candles, Event, FundingHistory
from tests.support.loops import run_virtually
from venue.hyperliquid.info import InfoClient
from venue.hyperliquid.replies import CandleRows
from venue.local.gate.budget import IpBudget

CANDLE = Candle(0, 1.0, 1.0, 1.0, 1.0, 1.0, 1)
CANDLES = Request("candles", "BTC", "5m", 10, 20)
FUNDING = Request("funding", "ETH", "", 30, 40)


def loop_s() -> float:
    return asyncio.get_running_loop().time()


class Info:
    """A venue that answers after `takes_s`, or not at all while it is `down` for a coin."""

    def __init__(self, takes_s: float = 0.1) -> None:
        self.takes_s = takes_s
        self.down: Callable[[str], bool] = lambda coin: False
        self.asked: list[tuple[Any, ...]] = []
        self.at: list[float] = []
        self.running: list[str] = []
        self.running_max = 0

    async def _reply(self, *asked: Any) -> None:
        key = " ".join(str(part) for part in asked[:2])
        assert key not in self.running, "one question of a kind at a time"
        self.asked.append(asked)
        self.at.append(loop_s())
        self.running.append(key)
        self.running_max = max(self.running_max, len(self.running))
        await asyncio.sleep(self.takes_s)
        self.running.remove(key)
        if self.down(asked[0]):
            raise VenueUnreachable("HTTP 502")

    async def candles(
        self, coin: str, timeframe: str, *, start_ms: int, end_ms: Callable[[], int]
    ) -> CandleRows:
        await self._reply(coin, timeframe, start_ms, end_ms())
        return CandleRows([CANDLE], 2)

    async def funding_history(self, coin: str, *, start_ms: int, end_ms: int) -> Any:
        await self._reply(coin, "funding", start_ms, end_ms)
        return [(3_600_000, 0.1)]


class Rim:
    """What the daemon hears from the history, and when."""

    def __init__(self, info: Any, deliver: Callable[[Event], object] | None = None) -> None:
        self.events: list[Any] = []
        self.at: list[float] = []
        self.told: list[str] = []
        self.history = History(
            info, deliver or self._hear, lambda: int(loop_s() * 1e9), self.told.append
        )

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        self.at.append(loop_s())

    async def until_idle(self, within_s: float = 3_600.0) -> None:
        task = asyncio.create_task(self.history.run())
        try:
            async with asyncio.timeout(within_s):
                while self.history.outstanding:
                    await asyncio.sleep(0.25)
                    if task.done():
                        task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def played(work: Callable[[Rim], Awaitable[None]], info: Any = None) -> Rim:
    """Return what was heard, after `work` in virtual time."""

    async def main() -> Rim:
        rim = Rim(info or Info())
        await work(rim)
        return rim

    return run_virtually(main())


def every(coins: int) -> list[Request]:
    """Return what the engine asks at a start."""
    return [Request("candles", f"C{n}", tf, 10, 20) for tf in TIMEFRAMES for n in range(coins)]


def test_replies_come_back_as_events_that_know_when_they_were_asked_for() -> None:
    info = Info()

    async def work(rim: Rim) -> None:
        rim.history.ask(CANDLES)
        rim.history.ask(FUNDING)
        assert rim.history.outstanding == 2
        await rim.until_idle()

    rim = played(work, info)
    assert sorted(asked[:3] for asked in info.asked) == [("BTC", "5m", 10), ("ETH", "funding", 30)]
    candles = next(e for e in rim.events if isinstance(e, Candles))
    assert (candles.coin, candles.timeframe, candles.rows) == ("BTC", "5m", [CANDLE])
    assert candles.refused == 2
    assert 0 < candles.asked_ns < candles.recv_ns
    funding = next(e for e in rim.events if isinstance(e, FundingHistory))
    assert (funding.coin, funding.rates) == ("ETH", [(3_600_000, 0.1)])


def test_the_question_reaches_to_the_time_at_which_it_is_asked() -> None:
    info = Info()
    info.down = lambda coin: len(info.asked) < 4

    async def work(rim: Rim) -> None:
        rim.history.ask(CANDLES)
        await rim.until_idle()

    rim = played(work, info)
    ends = [asked[3] for asked in info.asked]
    assert ends == [int(at * 1e3) for at in info.at] and len(set(ends)) == 4
    assert rim.events[0].asked_ns // 1_000_000 == ends[-1]


def test_a_venue_that_fails_is_asked_again_and_again_after_growing_pauses() -> None:
    info = Info()
    info.down = lambda coin: loop_s() < 2_500.0

    async def work(rim: Rim) -> None:
        rim.history.ask(CANDLES)
        await rim.until_idle()

    rim = played(work, info)
    pauses = [b - a - info.takes_s for a, b in zip(info.at, info.at[1:], strict=False)]
    grown = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert pauses[:7] == pytest.approx(grown) and pauses[7:] == pytest.approx([60.0] * 24)
    assert len(rim.events) == 1
    assert rim.told == ["still missing BTC (5m): HTTP 502; asking again and again"]


@pytest.mark.parametrize("long_s", [150.0, 1_800.0])
def test_all_is_there_soon_after_the_venue_is_back_however_long_it_was_away(long_s: float) -> None:
    info = Info()
    info.down = lambda coin: loop_s() < 1_000.0 + long_s

    async def work(rim: Rim) -> None:
        for request in every(8):
            rim.history.ask(request)
        await rim.until_idle()

    rim = played(work, info)
    assert len(rim.events) == 40
    assert rim.at[-1] - 1_000.0 - long_s < PAUSE_MAX_S + 10.0
    asked = sum(at < 1_000.0 + long_s for at in info.at)
    assert asked < 10 + long_s / 10.0, "forty questions knock no oftener than a few"
    assert len(rim.told) == 1
    for number in range(8):
        assert f"C{number} (1m 5m 15m 1h 4h)" in rim.told[0]


def test_one_coin_s_trouble_holds_up_no_other() -> None:
    info = Info()
    info.down = lambda coin: coin == "C0" and loop_s() < 1_300.0

    async def work(rim: Rim) -> None:
        for request in every(4):
            rim.history.ask(request)
        task = asyncio.create_task(rim.until_idle())
        await asyncio.sleep(200.0)
        assert {e.coin for e in rim.events} == {"C1", "C2", "C3"} and len(rim.events) == 15
        assert rim.at[-1] < 1_015.0
        rim.history.ask(Request("candles", "C1", "1m", 10, 20))
        await asyncio.sleep(1.0)
        assert len(rim.events) == 16
        await task

    assert len(played(work, info).events) == 21


@given(st.lists(st.floats(0.0, 8.0), min_size=1, max_size=40), st.floats(0.01, 5.0))
@settings(max_examples=20)
def test_however_often_the_line_flaps_there_is_one_request_a_kind(
    waits: list[float], takes_s: float
) -> None:
    info = Info(takes_s)

    async def work(rim: Rim) -> None:
        task = asyncio.create_task(rim.history.run())
        for wait_s in waits:
            rim.history.ask(Request("candles", "BTC", "1m", 10, 20))
            assert rim.history.outstanding == 1
            await asyncio.sleep(wait_s)
        last = loop_s() - waits[-1]
        await asyncio.sleep(takes_s * 2 + 1.0)
        assert rim.history.outstanding == 0
        assert info.at[-1] > last - 1e-6, "the newest minutes are in the newest answer"
        assert len(info.asked) <= len(waits)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    played(work, info)


def test_a_question_that_joins_another_reaches_back_as_far_as_both() -> None:
    info = Info()

    async def work(rim: Rim) -> None:
        for from_ms in (50, 10, 30):
            rim.history.ask(Request("candles", "BTC", "1m", from_ms, 60))
        await rim.until_idle()

    played(work, info)
    assert [asked[2] for asked in info.asked] == [10]


def test_minutes_of_all_coins_come_first_then_the_longest_bars() -> None:
    info = Info()

    async def work(rim: Rim) -> None:
        for request in [FUNDING, *reversed(every(5))]:
            rim.history.ask(request)
        await rim.until_idle()

    played(work, info)
    timeframes = [asked[1] for asked in info.asked]
    assert timeframes == ["funding"] + [
        tf for tf in ("1m", "4h", "1h", "15m", "5m") for _ in "12345"
    ]
    assert info.running_max == WORKERS


class Counting(InfoClient):
    """A client whose questions a venue with a budget answers, after some time on the way."""

    def __init__(self) -> None:
        super().__init__("http://nowhere.invalid")
        self.budget = IpBudget(1_200, loop_s)
        self.refused = 0
        self.spent: list[tuple[float, int]] = []

    async def _send(self, body: dict[str, Any]) -> bytes:
        await asyncio.sleep(0.05)
        asked = body["req"]
        step = TIMEFRAME_MS[asked["interval"]]
        weight = 20 + ((asked["endTime"] - asked["startTime"]) // step + 1) // 60
        self.spent.append((loop_s(), weight))
        self.refused += not self.budget.take("us", weight)
        # Answers take longer than questions, and not always as long.
        await asyncio.sleep(0.01 * (len(self.spent) % 30))
        return b"[]"


@pytest.mark.parametrize(("coins", "minutes_s", "all_s"), [(8, 2.0, 5.0), (50, 65.0, 310.0)])
def test_a_start_keeps_the_budget_from_the_first_second_on(
    coins: int, minutes_s: float, all_s: float
) -> None:
    info = Counting()

    async def work(rim: Rim) -> None:
        now_ms = int(loop_s() * 1e3)
        for request in every(coins):
            rows = 715 if request.timeframe == "1m" else 130
            from_ms = now_ms - rows * TIMEFRAME_MS[request.timeframe]
            rim.history.ask(Request("candles", request.coin, request.timeframe, from_ms, now_ms))
        await rim.until_idle()

    rim = played(work, info)
    assert info.refused == 0
    for at, _ in info.spent:
        assert sum(w for t, w in info.spent if at <= t < at + 60.0) <= 1_200
    last_minute = max(at for at, e in zip(rim.at, rim.events, strict=True) if e.timeframe == "1m")
    assert last_minute - 1_000.0 < minutes_s
    assert rim.at[-1] - 1_000.0 < all_s


@pytest.mark.parametrize("error", [InvariantBroken("event 7"), KeyError("our bug")])
def test_what_a_reply_led_to_is_raised_as_it_was(error: Exception) -> None:
    """Inside a group of errors, the supervisor would take a broken invariant for a hiccup."""

    def deliver(event: Event) -> None:
        raise error

    async def main() -> None:
        rim = Rim(Info(), deliver)
        rim.history.ask(CANDLES)
        await rim.history.run()

    with pytest.raises(type(error), match=str(error.args[0])):
        run_virtually(main())


def test_what_was_under_way_when_the_work_broke_off_is_asked_when_it_goes_on() -> None:
    info = Info(takes_s=100.0)

    async def work(rim: Rim) -> None:
        rim.history.ask(CANDLES)
        task = asyncio.create_task(rim.history.run())
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        info.running.clear()
        info.takes_s = 0.1
        await rim.until_idle()

    assert len(played(work, info).events) == 1


def test_the_operator_is_told_after_a_while_not_at_once() -> None:
    info = Info()
    info.down = lambda coin: loop_s() < 1_000.0 + TELL_AFTER_S / 2

    async def work(rim: Rim) -> None:
        rim.history.ask(CANDLES)
        await rim.until_idle()

    assert played(work, info).told == []


def test_of_a_coin_that_went_nothing_is_asked_any_more() -> None:
    info = Info()
    info.down = lambda coin: coin == "BTC"

    async def work(rim: Rim) -> None:
        working = asyncio.create_task(rim.history.run())
        rim.history.ask(CANDLES)
        await asyncio.sleep(0.05)
        rim.history.forget("BTC")
        assert rim.history.outstanding == 0
        await asyncio.sleep(300)
        assert len(info.asked) == 1, "what was on its way has failed, and is not asked again"
        rim.history.ask(FUNDING)
        await asyncio.sleep(1)
        assert [event.coin for event in rim.events] == ["ETH"]
        working.cancel()

    assert played(work, info).told == []
