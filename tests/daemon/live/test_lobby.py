from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daemon.instance import control
from daemon.instance.control import Reply, Request, StillStarting
from daemon.instance.paths import StateDir
from daemon.live.lobby import receiving
from market.events import Verb


def test_a_daemon_that_starts_says_so_and_keeps_a_halt_for_its_engine(tmp_path: Path) -> None:
    state = StateDir(tmp_path, "local")
    state.create()

    async def main() -> None:
        async with receiving(state) as lobby:
            lobby.say("venue unreachable (502)")
            for verb in ("status", "resume", "flatten"):
                with pytest.raises(StillStarting, match=r"starting \(venue unreachable \(502\)\)"):
                    await asyncio.to_thread(
                        control.ask, state.socket, Request(verb), Reply, timeout_s=5.0
                    )
            halt = Request("halt", "maintenance")
            reply = await asyncio.to_thread(control.ask, state.socket, halt, Reply)
            assert "begins with entries halted" in reply.reply
            (order,) = lobby.orders
            assert (order.verb, order.argument) == (Verb.HALT, "maintenance")
        assert not state.socket.exists()

    asyncio.run(main())


def test_whoever_answers_next_takes_the_place_without_a_moment_of_silence(tmp_path: Path) -> None:
    state = StateDir(tmp_path, "local")
    state.create()

    async def next_one(request: Request) -> Reply:
        return Reply("here")

    async def main() -> None:
        async with receiving(state):
            server = await control.serve(state.socket, next_one)
        async with server:
            found = await asyncio.to_thread(control.ask, state.socket, Request("x"), Reply)
            assert found.reply == "here"

    asyncio.run(main())
