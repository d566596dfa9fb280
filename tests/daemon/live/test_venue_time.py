from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.live import venue_time
from daemon.live.clock import Clock, Reading
from daemon.live.venue_time import VenueTimes, ask_venue, first_reading
from market.errors import VenueUnreachable
from tests.daemon import rig
from tests.support.loops import run_virtually
from tests.venue.local.serving import EPOCH_MS, SEED, serving
from venue.local.world.world import World


class Info:
    """A venue that answers, refuses or says nothing, as told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[float] = []

    async def venue_time(self, now_ns: Any) -> tuple[int, int, int]:
        self.asked.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else 7
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.sleep(3600)
        return answer, 1, 2


def test_the_first_reading_is_asked_for_three_times_and_does_without(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def run() -> None:
        assert await first_reading(Info(5)) == Reading(5, 1, 2)  # type: ignore[arg-type]
        down = VenueUnreachable("HTTP 422")
        assert await first_reading(Info(down, None, 5)) == Reading(5, 1, 2)  # type: ignore[arg-type]
        info = Info(*[down] * 9)
        assert await first_reading(info) is None  # type: ignore[arg-type]
        assert len(info.asked) == 3

    run_virtually(run())
    assert "does not say what time it is" in capsys.readouterr().out


def test_the_venue_is_asked_once_a_minute_and_at_once_when_in_doubt() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        begin, clock = loop.time(), Clock()
        engine = rig.fresh({}, rig.PAIR).engine
        engine.clock.known = True
        info, heard = Info(3, VenueUnreachable("HTTP 502")), []
        times = VenueTimes(info, heard.append, clock, engine)  # type: ignore[arg-type]
        task = asyncio.create_task(times.run())
        await asyncio.sleep(121)
        assert [round(at - begin) for at in info.asked] == [60, 120]
        assert heard == [clock.event_of(Reading(3, 1, 2))], "not answered is asked again later"
        engine.clock.offset_ns = 2 * 10**9
        await asyncio.sleep(4)
        assert [round(at - begin) for at in info.asked[2:]] == [122, 124]
        task.cancel()

    run_virtually(run())


def test_the_local_venue_says_how_far_the_wall_clock_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        world = World(SEED, EPOCH_MS)
        async with serving(world) as venue:
            listed, off_ns = await ask_venue(venue.http, 5.0)
            assert f"{len(world.instruments)} instruments in " in listed
            wall = venue_time.time.time_ns
            monkeypatch.setattr(venue_time.time, "time_ns", lambda: wall() + 30 * 10**9)
            assert 29.0 < ((await ask_venue(venue.http, 5.0))[1] - off_ns) / 1e9 < 31.0

    asyncio.run(run())
