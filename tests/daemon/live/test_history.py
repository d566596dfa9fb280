from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from daemon.live import history as module
from daemon.live.history import ATTEMPTS_MAX, WORKERS, History
from market.decision import Request
from market.errors import InvariantBroken, VenueUnreachable
from market.events import Candle, Candles, Event, FundingHistory

CANDLE = Candle(0, 1.0, 1.0, 1.0, 1.0, 1.0, 1)


class Info:
    """A venue that fails as often as it is told."""

    def __init__(self, failures: int = 0, hold: asyncio.Event | None = None) -> None:
        self.failures = failures
        self.hold = hold
        self.asked: list[tuple[Any, ...]] = []
        self.running = 0
        self.running_max = 0

    async def _reply(self, *asked: Any) -> None:
        self.asked.append(asked)
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        try:
            if self.hold is not None:
                await self.hold.wait()
            if self.failures:
                self.failures -= 1
                raise VenueUnreachable("HTTP 502")
        finally:
            self.running -= 1

    async def candles(self, coin: str, timeframe: str, *, start_ms: int, end_ms: int) -> Any:
        await self._reply(coin, timeframe, start_ms, end_ms)
        return [CANDLE]

    async def funding_history(self, coin: str, *, start_ms: int, end_ms: int) -> Any:
        await self._reply(coin, start_ms, end_ms)
        return [(3_600_000, 0.1)]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    real = asyncio.sleep

    async def sleep(delay: float) -> None:
        found.append(delay)
        await real(0)

    monkeypatch.setattr("daemon.live.history.asyncio.sleep", sleep)
    return found


class Rim:
    """What the daemon hears from the history."""

    def __init__(self, info: Info, deliver: Callable[[Event], None] | None = None) -> None:
        self.events: list[Event] = []
        self.lost: list[str] = []
        self.now = 0
        self.history = History(
            info,  # type: ignore[arg-type]
            deliver or self.events.append,
            self._now,
            self.lost.append,
        )

    def _now(self) -> int:
        self.now += 1
        return self.now

    async def until_idle(self) -> None:
        task = asyncio.create_task(self.history.run())
        try:
            async with asyncio.timeout(5):
                while self.history.outstanding or not (self.events or self.lost):
                    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
                    if task.done():
                        task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


CANDLES = Request("candles", "BTC", "5m", 10, 20)
FUNDING = Request("funding", "ETH", "", 30, 40)


def test_replies_come_back_as_events_that_know_when_they_were_asked_for() -> None:
    info = Info()
    rim = Rim(info)
    rim.history.ask(CANDLES)
    rim.history.ask(FUNDING)
    assert rim.history.outstanding == 2
    asyncio.run(rim.until_idle())
    assert info.asked == [("BTC", "5m", 10, 20), ("ETH", 30, 40)]
    candles = next(e for e in rim.events if isinstance(e, Candles))
    assert (candles.coin, candles.timeframe, candles.rows) == ("BTC", "5m", [CANDLE])
    assert 0 < candles.asked_ns < candles.recv_ns
    funding = next(e for e in rim.events if isinstance(e, FundingHistory))
    assert (funding.coin, funding.rates) == ("ETH", [(3_600_000, 0.1)])


def test_a_venue_that_fails_is_asked_again_after_growing_pauses(pauses: list[float]) -> None:
    rim = Rim(Info(failures=5))
    rim.history.ask(CANDLES)
    asyncio.run(rim.until_idle())
    assert len(rim.events) == 1 and not rim.lost
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_a_question_is_given_up_after_so_many_failures_and_said_so(pauses: list[float]) -> None:
    info = Info(failures=10**6)
    rim = Rim(info)
    rim.history.ask(CANDLES)
    asyncio.run(rim.until_idle())
    assert len(info.asked) == ATTEMPTS_MAX
    assert rim.lost == ["HTTP 502"] and not rim.events
    assert max(pauses) <= 60.0 and rim.history.outstanding == 0


def test_only_a_few_are_asked_at_once_and_the_rest_is_outstanding() -> None:
    async def main() -> None:
        hold = asyncio.Event()
        info = Info(hold=hold)
        rim = Rim(info)
        for _ in range(10):
            rim.history.ask(CANDLES)
        task = asyncio.create_task(rim.history.run())
        await asyncio.sleep(0.02)
        assert info.running == WORKERS and rim.history.outstanding == 10
        hold.set()
        await asyncio.sleep(0.02)
        assert rim.history.outstanding == 0 and len(rim.events) == 10
        assert info.running_max == WORKERS
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_beyond_the_queue_s_limit_a_question_is_given_up_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    rim = Rim(Info())
    for _ in range(3):
        rim.history.ask(FUNDING)
    assert len(rim.lost) == 1 and "funding of ETH" in rim.lost[0]
    assert rim.history.outstanding == 2


@pytest.mark.parametrize("error", [InvariantBroken("event 7"), KeyError("our bug")])
def test_what_a_reply_led_to_is_raised_as_it_was(error: Exception) -> None:
    """Inside a group of errors, the supervisor would take a broken invariant for a hiccup."""

    def deliver(event: Event) -> None:
        raise error

    rim = Rim(Info(), deliver)
    rim.history.ask(CANDLES)
    with pytest.raises(type(error), match=str(error.args[0])):
        asyncio.run(asyncio.wait_for(rim.history.run(), 2))
